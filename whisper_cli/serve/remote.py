"""A server as an Engine: what `transcribe --server` decodes with. Needs nothing but Python."""

import http.client
import json
import queue
import secrets
import tempfile
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import IO, Any, cast
from urllib.parse import urlsplit

from whisper_cli import config
from whisper_cli.choices import Mode
from whisper_cli.engine.events import (
    Begun,
    Broke,
    Ended,
    Engine,
    Event,
    Input,
    Passed,
    Recording,
    Said,
    ended,
)
from whisper_cli.errors import AudioError, ConfigError, EngineError, ModelError, WhisperError
from whisper_cli.settings import Settings
from whisper_cli.transcript import Dropped, Info, Options, Segment, Word

AT_ONCE = 8  # inputs
LOCAL = "http://127.0.0.1:8000"
_PATIENCE = 600.0  # seconds without a line
_NEEDED = ("clip", "track", "channel", "raw")  # heeded here, where the sound is decoded


@dataclass(frozen=True, slots=True)
class Place:
    """Where a server is, and its key."""

    url: str
    key: str | None = None

    def connection(self, timeout: float) -> http.client.HTTPConnection:
        """Prepare a connection. Raises ConfigError for what is no address."""
        hint = f"auto, never, or an address such as {LOCAL}"
        wrong = ConfigError(f'"{self.url}" is no address of a server', hint=hint)
        kinds: dict[str, type[http.client.HTTPConnection]] = {
            "http": http.client.HTTPConnection,
            "https": http.client.HTTPSConnection,
        }
        try:
            found = urlsplit(self.url)
            host, port = found.hostname, found.port
        except ValueError:
            raise wrong from None
        if found.scheme not in kinds or not host:
            raise wrong
        return kinds[found.scheme](host, port, timeout=timeout)

    @property
    def headers(self) -> dict[str, str]:
        """Give the key, where there is one."""
        return {"Authorization": f"Bearer {self.key}"} if self.key else {}


def server_for(settings: Settings, environ: Mapping[str, str]) -> Place | None:
    """Find the server that is meant: an address, "auto" where one is running, or "never".

    Raises ConfigError for no address, and where a server can't do what is asked.
    """
    server, mode, key = settings.server, settings.mode, environ.get("WHISPER_CLI_API_KEY")
    if server == "never" or (server == "auto" and mode is Mode.exact):
        return None
    place = Place(LOCAL if server == "auto" else server, key)
    if server == "auto":
        return place if is_ready(place) else None
    place.connection(1.0).close()
    if mode is Mode.exact:
        raise ConfigError("a server decodes in the fast mode only", hint="--server never")
    return place


def is_ready(place: Place) -> bool:
    """Say whether a server answers there, within a moment."""
    connection = place.connection(0.5)
    try:
        connection.request("GET", "/ready")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


class Remote:
    """An Engine: several inputs are under way at once, each in a request of its own."""

    def __init__(self, place: Place, model: str, options: Options) -> None:
        self._place, self._model, self._options = place, model, options
        self._events: queue.SimpleQueue[Event | BaseException | None] = queue.SimpleQueue()
        self._turn = threading.Lock()

    def run(self, inputs: Iterator[Input]) -> Iterator[Event]:
        """Decode inputs. Raises ConfigError and ModelError, which every input would meet."""
        for _ in range(AT_ONCE):
            threading.Thread(target=self._work, args=(inputs,), daemon=True).start()
        left = AT_ONCE
        while left:
            event = self._events.get()
            if isinstance(event, BaseException):
                raise event
            if event is None:
                left -= 1
            else:
                yield event

    def _work(self, inputs: Iterator[Input]) -> None:
        try:
            while (source := self._next(inputs)) is not None:
                self._do(source)
        except BaseException as error:  # noqa: BLE001 - it is raised where the events are taken
            self._events.put(error)
        self._events.put(None)

    def _next(self, inputs: Iterator[Input]) -> Input | None:
        with self._turn:
            return next(inputs, None)

    def _do(self, source: Input) -> None:
        try:
            recording = source.open()
            if recording is None:
                self._events.put(Ended(source, None))
                return
            with recording.audio, tempfile.TemporaryFile() as file:
                form = _Form(file)
                form.write(recording, self._model, self._options)
                for event in self._asked(source, recording, form):
                    self._events.put(event)
        except (ConfigError, ModelError):
            raise
        except WhisperError as error:
            self._events.put(Broke(source, error))

    def _asked(self, source: Input, recording: Recording, form: "_Form") -> Iterator[Event]:
        """Send the form, and tell what the server says."""
        connection = self._place.connection(_PATIENCE)
        try:
            headers = self._place.headers | form.headers
            connection.request("POST", "/api/transcribe", body=form.file, headers=headers)
            response = connection.getresponse()
            if response.status != 200:
                raise _refused(json.loads(response.read())["error"], self._place)
            yield from _told(source, recording, map(json.loads, response))
        except (OSError, http.client.HTTPException, ValueError) as error:
            hint = "whisper-cli serve-lite starts one; --server never does without"
            raise EngineError(f"no answer from {self._place.url}: {error}", hint=hint) from error
        finally:
            connection.close()


class _Form:
    """A form in a file: the options in words, then the sound in blocks."""

    def __init__(self, file: IO[bytes]) -> None:
        self.file = file
        self._mark = secrets.token_hex(16)
        self._size = 0

    @property
    def headers(self) -> dict[str, str]:
        """Say what and how much is in the file."""
        kind = f"multipart/form-data; boundary={self._mark}"
        return {"Content-Type": kind, "Content-Length": str(self._size)}

    def write(self, recording: Recording, model: str, options: Options) -> None:
        """Write it all, and go back to the start."""
        from whisper_cli.serve.worker.blocks import packed

        for name, value in (("model", model), *_words(options)):
            self._part(f'name="{name}"', value.encode())
        self._part('name="file"; filename="blocks"', b"", end=b"")
        for block in recording.audio.blocks():
            self._size += self.file.write(packed(block))
        self._size += self.file.write(f"\r\n--{self._mark}--\r\n".encode())
        self.file.seek(0)

    def _part(self, named: str, value: bytes, end: bytes = b"\r\n") -> None:
        head = f"--{self._mark}\r\nContent-Disposition: form-data; {named}\r\n\r\n".encode()
        self._size += self.file.write(head + value + end)


def _words(options: Options) -> Iterator[tuple[str, str]]:
    """Give the options as they are typed on a command line."""
    for name in Options.__slots__:
        if name in config.NAMES and name not in _NEEDED:
            text = config.as_text(getattr(options, name))
            if text:
                yield name, text


def _told(source: Input, recording: Recording, lines: Iterator[Any]) -> Iterator[Event]:
    """Turn the lines of an answer into events."""
    info = replace(recording.info, duration=recording.audio.duration)
    begun = False
    for line in lines:
        if "error" in line:
            raise EngineError(line["error"]["message"])
        if "language" in line:
            info = replace(
                info, language=line["language"], language_probability=line["probability"]
            )
            begun = True
            yield Begun(source, info)
        elif "segment" in line:
            yield Said(source, _segment(line["segment"]))
        elif "seconds" in line:
            yield Passed(source, line["seconds"])
        elif "done" in line:
            if not begun:
                yield Begun(source, info)
            yield Ended(source, _whole(recording, info, line))
            return
    raise EngineError("the server broke off")


def _segment(told: dict[str, Any]) -> Segment:
    words = tuple(Word(**word) for word in told["words"])
    return Segment(**{**told, "words": words, "tokens": tuple(told["tokens"])})


def _whole(recording: Recording, info: Info, line: dict[str, Any]) -> Info:
    end = ended(recording)
    return replace(
        info,
        duration=end.duration,
        provenance=end.provenance,
        dropped=tuple(Dropped(**each) for each in line["dropped"]),
        warnings=tuple(line["warnings"]),
    )


def _refused(error: dict[str, Any], place: Place) -> WhisperError:
    """Say a server's error in our own kinds."""
    message = f"{place.url}: {error['message']}"
    kinds: dict[str, type[WhisperError]] = {
        "invalid_api_key": ConfigError,
        "model_not_found": ModelError,
        "model_error": ModelError,
        "audio_too_long": AudioError,
        "invalid_audio": AudioError,
    }
    hint = "set WHISPER_CLI_API_KEY" if error["code"] == "invalid_api_key" else None
    return kinds.get(error["code"], EngineError)(message, hint=hint)


def engine(place: Place, model: str, options: Options) -> Engine:
    """Give the engine that a server is."""
    return cast("Engine", Remote(place, model, options))
