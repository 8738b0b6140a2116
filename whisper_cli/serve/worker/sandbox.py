"""Uploads decoded in a process each, with limits of memory and time: the worst harms one job."""

import json
import logging
import multiprocessing
import signal
import textwrap
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Self

from whisper_cli.audio.block_codec import from_bytes, packed, too_long
from whisper_cli.audio.blocks import SAMPLE_RATE, Block
from whisper_cli.audio.sources import Source
from whisper_cli.errors import AudioError, EngineError, TooLong, WhisperError
from whisper_cli.serve.worker.messages import DecodeLimits
from whisper_cli.texts import printable

# First byte of each message. No pickles: what decodes strangers' files is not to be trusted.
_OPENED, _BLOCK, _FINISHED, _FAILED, _TOO_LONG, _EXCEPTION = b"O", b"B", b"E", b"F", b"L", b"C"
_LONGEST_TRACE = 20_000  # bytes
_POLL_SECONDS = 0.2  # seconds between two looks at whether a job is still wanted
_starting = threading.Lock()
_logger = logging.getLogger("whisper_cli")


@dataclass(frozen=True, slots=True)
class Upload(Source):
    """An uploaded file: its place on this machine is nobody's business."""

    @property
    def name(self) -> str:
        """What messages call it."""
        return "the file"


class SandboxedAudio:
    """A Sound that is decoded in a process of its own; `needed` tells whether to go on.

    Of several audio tracks the one in `language` is chosen, else the default one.
    """

    def __init__(
        self,
        path: Path,
        limits: DecodeLimits,
        needed: Callable[[], bool],
        language: str | None = None,
    ) -> None:
        self._limits, self._wanted = limits, needed
        self.position = 0.0
        self.sha256: str | None = None
        context = _context()
        self._pipe, child_end = context.Pipe(duplex=False)
        with _starting, child_end:
            self._process = context.Process(
                target=_decode, args=(path, limits, language, child_end)
            )
            self._process.start()
        try:
            self.duration: float | None
            self.duration, self.track, warnings = json.loads(self._next(_OPENED)[1:])
            self.warnings: tuple[str, ...] = tuple(printable(item) for item in warnings)
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def blocks(self) -> Iterator[Block]:
        """Give blocks as they are decoded. Raises AudioError where they can't be, TooLong."""
        count = 0
        while (data := self._next(_BLOCK, _FINISHED))[:1] == _BLOCK:
            block = from_bytes(data[1:])
            count += len(block.samples)
            if count / SAMPLE_RATE > self._limits.duration:
                raise too_long(self._limits.duration)
            self.position = block.end
            yield block

    def close(self) -> None:
        """End the process, whatever it is doing."""
        self._pipe.close()
        self._process.kill()
        self._process.join()
        self._process.close()

    def _next(self, *kinds: bytes) -> bytes:
        """Wait for one of these messages. Raises AudioError for what is the file's fault."""
        until = time.monotonic() + self._limits.silence
        while not self._pipe.poll(_POLL_SECONDS):
            if not self._wanted():
                raise AudioError("nobody waits for it any more")
            if time.monotonic() > until:
                raise AudioError("the file takes too long to decode")
        try:
            data: bytes = self._pipe.recv_bytes()
        except (EOFError, OSError):
            raise self._end() from None
        if data[:1] == _TOO_LONG:
            raise too_long(self._limits.duration)
        if data[:1] == _EXCEPTION:
            raise _decode_error("an exception:\n" + _readable(data[1:]))
        if data[:1] not in kinds:
            raise AudioError(data[1:].decode(errors="replace"))
        return data

    def _end(self) -> WhisperError:
        """Say why the process ended without a word: by its limit of CPU time, or by a crash."""
        self._process.join(1.0)
        code = self._process.exitcode
        if code == -getattr(signal, "SIGXCPU", 0):
            return AudioError("the file can't be decoded within the limits of this server")
        finished = signal.strsignal(-code) if code is not None and code < 0 else None
        return _decode_error(finished or f"exit code {code}")


def _decode_error(how: str) -> EngineError:
    """Log that decoding ended by a fault of ours, or of a library that we use."""
    _logger.error("a decoding process crashed: %s", how)
    return EngineError("the decoding process crashed")


def _readable(trace: bytes) -> str:
    """Make a traceback fit for a log: what an upload says must not look like lines of it."""
    clean = printable(trace.decode(errors="replace"), keep="\n")
    return textwrap.indent(clean, "  ", lambda _: True)


def prepare() -> None:
    """Start the template from which decoding processes are forked, where the system can fork."""
    context: Any = _context()
    if context.get_start_method() == "forkserver":
        from multiprocessing.forkserver import ensure_running

        ensure_running()


@cache
def _context() -> Any:
    """Choose how processes start: forked from a template without threads, else from nothing."""
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["whisper_cli.serve.worker.preload"])
    return context


def _decode(path: Path, limits: DecodeLimits, language: str | None, pipe: Connection) -> None:
    """Be the process: decode a file into the pipe."""
    logging.getLogger("whisper_cli").addHandler(logging.NullHandler())
    with suppress(ConnectionError):  # nobody listens any more
        pipe.send_bytes(_last_word(path, limits, language, pipe))


def _last_word(path: Path, limits: DecodeLimits, language: str | None, pipe: Connection) -> bytes:
    """Decode a file into the pipe, and return what is to be said in the end."""
    try:
        _confine(limits)
        _send(path, limits, language, pipe)
    except TooLong:
        return _TOO_LONG
    except WhisperError as error:
        return _FAILED + error.message.encode(errors="replace")
    except MemoryError:
        return _FAILED + b"the file takes more memory than this server gives"
    except ConnectionError:
        raise
    except Exception:  # noqa: BLE001 - a bug, which the process that logs has to hear of
        return _EXCEPTION + traceback.format_exc().encode(errors="replace")[-_LONGEST_TRACE:]
    return _FINISHED


def _send(path: Path, limits: DecodeLimits, language: str | None, pipe: Connection) -> None:
    from whisper_cli.audio.decode import open_audio

    with open_audio(Upload(path), language=language) as audio:
        if (audio.duration or 0.0) > limits.duration:
            raise too_long(limits.duration)
        opened = [audio.duration, audio.track, audio.warnings]
        pipe.send_bytes(_OPENED + json.dumps(opened).encode())
        for block in audio.blocks():
            if block.end > limits.duration:
                raise too_long(limits.duration)
            pipe.send_bytes(_BLOCK + packed(block))


def _confine(limits: DecodeLimits) -> None:
    """Limit what this process may take; where the system can't, the watch on it remains."""
    try:
        import resource
    except ImportError:
        return
    with suppress(OSError, ValueError):
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
        maximum = pages * resource.getpagesize() + limits.memory
        resource.setrlimit(resource.RLIMIT_AS, (maximum, maximum))
    with suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_CPU, (limits.cpu, limits.cpu + 1))
    with suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
