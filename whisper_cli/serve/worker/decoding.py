"""Uploads decoded in a process each, with limits of memory and time: the worst harms one job."""

import json
import logging
import multiprocessing
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Self

from whisper_cli.audio.blocks import SAMPLE_RATE, Block
from whisper_cli.audio.inputs import Source
from whisper_cli.errors import AudioError, WhisperError
from whisper_cli.serve.worker.blocks import packed, too_long, unpacked
from whisper_cli.serve.worker.messages import Limits, TooLong

# First byte of each message. No pickles: what decodes strangers' files is not to be trusted.
_OPENED, _BLOCK, _ENDED, _FAILED, _TOO_LONG = b"O", b"B", b"E", b"F", b"L"
_LOOK = 0.2  # seconds between two looks at whether a job is still wanted
_starting = threading.Lock()


@dataclass(frozen=True, slots=True)
class Upload(Source):
    """An uploaded file: its place on this machine is nobody's business."""

    @property
    def name(self) -> str:
        """What messages call it."""
        return "the file"


class Sandboxed:
    """A Sound that is decoded in a process of its own; `wanted` tells whether to go on."""

    def __init__(self, path: Path, limits: Limits, wanted: Callable[[], bool]) -> None:
        self._limits, self._wanted = limits, wanted
        self.position = 0.0
        self.sha256: str | None = None
        context = _context()
        self._news, theirs = context.Pipe(duplex=False)
        with _starting, theirs:
            self._process = context.Process(target=_decode, args=(path, limits, theirs))
            self._process.start()
        try:
            self.duration: float | None = json.loads(self._next(_OPENED)[1:])
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def blocks(self) -> Iterator[Block]:
        """Give blocks as they are decoded. Raises AudioError where they can't be, TooLong."""
        heard = 0
        while (data := self._next(_BLOCK, _ENDED))[:1] == _BLOCK:
            block = unpacked(data[1:])
            heard += len(block.samples)
            if heard / SAMPLE_RATE > self._limits.duration:
                raise too_long(self._limits.duration)
            self.position = block.end
            yield block

    def close(self) -> None:
        """End the process, whatever it is doing."""
        self._news.close()
        self._process.kill()
        self._process.join()
        self._process.close()

    def _next(self, *kinds: bytes) -> bytes:
        """Wait for one of these messages."""
        until = time.monotonic() + self._limits.silence
        while not self._news.poll(_LOOK):
            if not self._wanted():
                raise AudioError("nobody waits for it any more")
            if time.monotonic() > until:
                raise AudioError("the file takes too long to decode")
        try:
            data: bytes = self._news.recv_bytes()
        except (EOFError, OSError):
            raise AudioError("the file can't be decoded within the limits of this server") from None
        if data[:1] == _TOO_LONG:
            raise too_long(self._limits.duration)
        if data[:1] not in kinds:
            raise AudioError(data[1:].decode(errors="replace"))
        return data


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


def _decode(path: Path, limits: Limits, news: Connection) -> None:
    """Be the process: decode a file into the pipe."""
    _confine(limits)
    logging.getLogger("whisper_cli").addHandler(logging.NullHandler())
    with suppress(OSError):  # nobody listens any more
        try:
            _send(path, limits, news)
        except TooLong:
            news.send_bytes(_TOO_LONG)
        except WhisperError as error:
            news.send_bytes(_FAILED + error.message.encode(errors="replace"))
        except MemoryError:
            news.send_bytes(_FAILED + b"the file takes more memory than this server gives")


def _send(path: Path, limits: Limits, news: Connection) -> None:
    from whisper_cli.audio.decode import open_audio

    with open_audio(Upload(path)) as audio:
        if (audio.duration or 0.0) > limits.duration:
            raise too_long(limits.duration)
        news.send_bytes(_OPENED + json.dumps(audio.duration).encode())
        for block in audio.blocks():
            if block.end > limits.duration:
                raise too_long(limits.duration)
            news.send_bytes(_BLOCK + packed(block))
        news.send_bytes(_ENDED)


def _confine(limits: Limits) -> None:
    """Limit what this process may take; where the system can't, the watch on it remains."""
    try:
        import resource
    except ImportError:
        return
    with suppress(OSError, ValueError):
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
        most = pages * resource.getpagesize() + limits.memory
        resource.setrlimit(resource.RLIMIT_AS, (most, most))
    with suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_CPU, (limits.cpu, limits.cpu + 1))
    with suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
