"""The bytes of an input: a file, or a pipe that is read once and hashed in passing."""

import glob
import hashlib
import io
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, cast

from whisper_cli.audio.sources import Source
from whisper_cli.errors import AudioError

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

HEAD = 512
_MP4 = (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip")  # what its first atom may be


class InputStream:
    """An open input at its start: `head` holds its first bytes, `file` gives them again.

    `path` is None for what can't be opened twice: standard input, FIFOs, process substitutions.
    """

    def __init__(
        self, name: str, file: io.BufferedIOBase, path: Path | None, pipe: "_Pipe | None" = None
    ) -> None:
        self.name = name
        self.file = file
        self.path = path
        self._pipe = pipe
        self._stamp = self._stamp_now()
        self._sha256: str | None = None
        self._changed = False
        self.head = pipe.head if pipe else _head_of(file)

    @property
    def size(self) -> int | None:
        """Bytes; None while they can't be known."""
        return os.fstat(self.file.fileno()).st_size if self.path else None

    @property
    def sha256(self) -> str | None:
        """Hex digest of the whole input; None for a pipe that was not read to its end.

        Of a file it is that of the file that was opened, whatever has taken its name since.
        """
        if self._pipe:
            return self._pipe.sha256
        if self._sha256 is None:
            with reading(self.name):
                position = self.file.seek(0, os.SEEK_CUR)
                self.file.seek(0)
                self._sha256 = hashlib.file_digest(self.file, "sha256").hexdigest()
                self.file.seek(position)
        return self._sha256

    def note_change(self) -> bool:
        """Say whether the file is another one now than when it was opened, or was until closed.

        One that was removed or renamed is not: what is read is what was opened.
        """
        with suppress(OSError, ValueError):  # closed, in another thread too
            self._changed = self._changed or self._stamp_now() != self._stamp
        return self._changed

    def _stamp_now(self) -> tuple[object, ...] | None:
        """Tell what a change of a file shows in: its size, its time, another file in its place."""
        if self.path is None:
            return None
        known = os.fstat(self.file.fileno())
        try:
            named = self.path.stat()
        except OSError:
            named = known
        same = os.path.samestat(known, named)
        return known.st_size, known.st_mtime_ns, same

    def tail(self, size: int) -> bytes:
        """Read the last bytes of a file and go back to its start."""
        self.file.seek(-min(size, self.size or 0), os.SEEK_END)
        tail = self.file.read()
        self.file.seek(0)
        return tail

    def watch(self, watcher: Callable[[bytes], None]) -> None:
        """Call with the bytes of a pipe, from the first one on, as they are read."""
        if self._pipe:
            watcher(self._pipe.head)
            self._pipe.watcher = watcher

    def drain(self) -> None:
        """Read what decoding left in a pipe, so that the digest is of all of it."""
        while self._pipe and self.file.read1(1 << 16):
            pass

    def close(self) -> None:
        """Close what was opened here: standard input stays open."""
        self.note_change()
        self.file.close()
        if self._pipe:
            self._pipe.close()


class _Pipe(io.RawIOBase):
    """Passes a stream on as it comes, without waiting for more than was asked for."""

    def __init__(self, file: io.BufferedIOBase, *, owned: bool) -> None:
        self._file = file
        self._owned = owned
        self._read = getattr(file, "read1", file.read)  # not every file of others has read1
        self._hash = hashlib.sha256()
        self._finished = False
        self.watcher: Callable[[bytes], None] | None = None
        self.head = self._pending = file.read(HEAD)
        self._hash.update(self.head)

    @property
    def sha256(self) -> str | None:
        return self._hash.hexdigest() if self._finished else None

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "WriteableBuffer") -> int:
        view = memoryview(buffer).cast("B")
        data = self._pending[: len(view)]
        self._pending = self._pending[len(view) :]
        if not data:
            data = self._read(len(view))
            self._hash.update(data)
            self._finished = not data
            if self.watcher:
                self.watcher(data)
        view[: len(data)] = data
        return len(data)

    def close(self) -> None:
        if self._owned:
            self._file.close()
        super().close()


def open_content(source: Source) -> InputStream:
    """Open an input; raises AudioError where it isn't there, can't be read or is empty.

    MP4 from a pipe goes through a temporary file: its index may come last.
    """
    try:
        content = _open(source)
    except OSError as error:
        raise _unopened(source, error) from error
    except ValueError as error:  # a name that no system takes
        raise AudioError(f"can't read {source.name}: {error}") from error
    if not content.head:
        content.close()
        raise AudioError(f"{content.name} is empty (0 bytes)", hint="record or download it again")
    return content


@contextmanager
def reading(name: str) -> Iterator[None]:
    """Translate what goes wrong below us: a disk that fails, a pipe that breaks."""
    try:
        yield
    except OSError as error:
        raise AudioError(f"can't read {name}: {error.strerror or error}") from error


def _open(source: Source) -> InputStream:
    if source.address is not None:
        from whisper_cli.audio.http_stream import open_url

        return _streamed(source.name, _Pipe(open_url(source.address), owned=True))
    if source.file is not None:
        pipe = _Pipe(cast("io.BufferedIOBase", source.file), owned=False)
        return _streamed(source.name, pipe)
    if source.path is None:
        if sys.stdin is None:
            raise AudioError("standard input is closed", hint="name a file, or pipe one in")
        pipe = _Pipe(cast("io.BufferedIOBase", sys.stdin.buffer), owned=False)
        return _streamed("standard input", pipe)
    file = source.path.open("rb")
    if file.seekable():
        return InputStream(source.name, file, source.path)
    return _streamed(source.name, _Pipe(file, owned=True))


def _streamed(name: str, pipe: _Pipe) -> InputStream:
    stream = io.BufferedReader(pipe)
    if pipe.head[4:8] not in _MP4:
        return InputStream(name, stream, None, pipe)
    copy = tempfile.TemporaryFile()  # noqa: SIM115  closed with the content
    shutil.copyfileobj(stream, copy)
    copy.seek(0)
    return InputStream(name, cast("io.BufferedIOBase", copy), None, pipe)


def _head_of(file: io.BufferedIOBase) -> bytes:
    head = file.read(HEAD)
    file.seek(0)
    return head


def _unopened(source: Source, error: OSError) -> AudioError:
    """Say why an input won't open: `expand` left the reasons to us."""
    name = source.name
    if isinstance(error, FileNotFoundError) and glob.has_magic(name):
        return AudioError(f"no file matches {name}", hint="quote it if that is a name")
    if isinstance(error, FileNotFoundError):
        return AudioError(f"file not found: {name}", hint="check the spelling and the folder")
    if isinstance(error, PermissionError):
        return AudioError(f"permission denied: {name}", hint=f"chmod +r {name}")
    if isinstance(error, IsADirectoryError):
        return AudioError(f"no audio or video files in the folder {name}", hint="name its files")
    return AudioError(f"can't read {name}: {error.strerror or error}")
