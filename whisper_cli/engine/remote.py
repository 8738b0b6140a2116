"""A server as an Engine: what `transcribe --server` decodes with. Needs nothing but Python."""

import http.client
import logging
import queue
import secrets
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass
from typing import IO, cast
from urllib.parse import urlsplit

from whisper_cli import proof
from whisper_cli.choices import Mode
from whisper_cli.engine.events import Engine, Event, Input, InputFailed, InputFinished, Recording
from whisper_cli.engine.remote_answer import HINT, error_of, events_of
from whisper_cli.errors import ConfigError, EngineError, ModelError, failure_of
from whisper_cli.texts import as_text
from whisper_cli.transcript import DecodingOptions

logger = logging.getLogger("whisper_cli")

AT_ONCE = 8  # inputs
LOCAL = "http://127.0.0.1:8000"
_PATIENCE = 600.0  # seconds without a line
_NEEDED = ("clip", "track", "channel", "raw")  # heeded here, where the sound is decoded


@dataclass(frozen=True, slots=True)
class ServerAddress:
    """Where a server is, its key, and the secret that it has to prove to know, if any."""

    url: str
    key: str | None = None
    secret: str | None = None

    def connection(self, timeout: float) -> http.client.HTTPConnection:
        """Prepare a connection. Raises ConfigError for what is no address."""
        hint = f"auto, never, or an address such as {LOCAL}"
        error = ConfigError(f'"{self.url}" is no address of a server', hint=hint)
        kinds: dict[str, type[http.client.HTTPConnection]] = {
            "http": http.client.HTTPConnection,
            "https": http.client.HTTPSConnection,
        }
        try:
            found = urlsplit(self.url)
            host, port = found.hostname, found.port
        except ValueError:
            raise error from None
        if found.scheme not in kinds or not host:
            raise error
        return kinds[found.scheme](host, port, timeout=timeout)

    @property
    def headers(self) -> dict[str, str]:
        """Give the key, where there is one."""
        return {"Authorization": f"Bearer {self.key}"} if self.key else {}


def server_for(server: str, mode: Mode, environ: Mapping[str, str]) -> ServerAddress | None:
    """Find the server that is meant: an address, "auto" where one is running, or "never".

    Raises ConfigError for no address, and where a server can't do what is asked.
    """
    key = environ.get("WHISPER_CLI_API_KEY")
    if server == "never" or (server == "auto" and mode is Mode.exact):
        return None
    if key and not (key.isascii() and key.isprintable()):
        raise ConfigError("WHISPER_CLI_API_KEY holds what can't be sent")
    if server == "auto":
        return _own_server(key)
    address = ServerAddress(server, key)
    address.connection(1.0).close()
    if mode is Mode.exact:
        raise ConfigError("a server decodes in the fast mode only", hint="--server never")
    return address


def _own_server(key: str | None) -> ServerAddress | None:
    """Find a server of ours that is ready, within a moment; nothing is sent to any other."""
    with closing(ServerAddress(LOCAL).connection(0.5)) as connection:
        secret = proof.secret_of(connection.port)
        if secret is None:
            return None
        try:
            ready = proof.demand(connection, secret)
        except (OSError, http.client.HTTPException, EngineError) as error:
            logger.info("--server auto: %s", error)
            return None
    return ServerAddress(LOCAL, key, secret) if ready else None


class RemoteEngine:
    """An Engine: several inputs are under way at once, each in a request of its own."""

    def __init__(self, address: ServerAddress, model: str, options: DecodingOptions) -> None:
        self._address, self._model, self._options = address, model, options
        self._events: queue.SimpleQueue[Event | BaseException | None] = queue.SimpleQueue()
        self._turn = threading.Lock()

    def run(self, inputs: Iterator[Input]) -> Iterator[Event]:
        """Decode inputs. Raises ConfigError and ModelError, which every input would meet."""
        for _ in range(AT_ONCE):
            threading.Thread(target=self._run, args=(inputs,), daemon=True).start()
        left = AT_ONCE
        while left:
            event = self._events.get()
            if isinstance(event, BaseException):
                raise event
            if event is None:
                left -= 1
            else:
                yield event

    def _run(self, inputs: Iterator[Input]) -> None:
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
                self._events.put(InputFinished(source, None))
                return
            with recording.audio, tempfile.TemporaryFile() as file:
                form = _Form(file)
                form.write(recording, self._model, self._options)
                for event in self._transcribe(source, recording, form):
                    self._events.put(event)
        except (ConfigError, ModelError):
            raise
        except Exception as error:  # noqa: BLE001 - what one input raises is its failure
            self._events.put(InputFailed(source, failure_of(error, source.name)))

    def _transcribe(self, source: Input, recording: Recording, form: "_Form") -> Iterator[Event]:
        """Send the form, and tell what the server says."""
        address = self._address
        try:
            with closing(address.connection(_PATIENCE)) as connection:
                connection.connect()
                if address.secret is not None:
                    proof.demand(connection, address.secret)
                headers = address.headers | form.headers
                # Who refuses may do so before all is sent, and its answer says why.
                with suppress(BrokenPipeError, ConnectionResetError):
                    connection.request("POST", "/api/transcribe", body=form.file, headers=headers)
                with connection.getresponse() as response:
                    if response.status != http.HTTPStatus.OK:
                        raise error_of(response, address.url)
                    yield from events_of(source, recording, response, address.url)
        except (OSError, http.client.HTTPException) as error:
            reason = str(error) or type(error).__name__
            raise EngineError(f"no answer from {address.url}: {reason}", hint=HINT) from error


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

    def write(self, recording: Recording, model: str, options: DecodingOptions) -> None:
        """Write it all, and go back to the start."""
        from whisper_cli.audio.block_codec import packed

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


def _words(options: DecodingOptions) -> Iterator[tuple[str, str]]:
    """Give the options as they are typed on a command line."""
    for name in DecodingOptions.__slots__:
        if name not in _NEEDED:
            text = as_text(getattr(options, name))
            if text:
                yield name, text


def engine(address: ServerAddress, model: str, options: DecodingOptions) -> Engine:
    """Give the engine that a server is."""
    return cast("Engine", RemoteEngine(address, model, options))
