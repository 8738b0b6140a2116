"""Text as it is decoded into a file or stdout: valid at every moment, visible only when whole."""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from io import FileIO
from pathlib import Path
from typing import Protocol

from whisper_cli.batch.output_index import PART
from whisper_cli.errors import OutputError
from whisper_cli.files import beside, is_at, write_all
from whisper_cli.formats.registry import PartialWriter, Writer
from whisper_cli.signals import CLOSED_PIPE, Stopped
from whisper_cli.transcript import Info, Segment


class Sink(Protocol):
    """Where one writer's text goes."""

    def add(self, info: Info, number: int, segment: Segment) -> None:
        """Take the next segment; `number` counts from 1."""
        ...

    def guess(self, segment: Segment) -> None:
        """Take what a phrase says so far; where that can't be told from the rest, leave it out."""
        ...

    def close(self, info: Info, segments: Sequence[Segment]) -> None:
        """Write the end. What is over (`info.over`) becomes visible."""
        ...


class StreamSink:
    """Text through `write` (which flushes) as it comes, to stdout or a device."""

    def __init__(self, writer: Writer, info: Info, write: Callable[[str], None]) -> None:
        self._writer, self._write = writer, write
        write(writer.begin(info))

    def add(self, info: Info, number: int, segment: Segment) -> None:  # noqa: ARG002
        """Write the segment at once."""
        self._write(self._writer.segment(number, segment))

    def guess(self, segment: Segment) -> None:
        """Write it marked as such, where the format has a mark for it."""
        if isinstance(self._writer, PartialWriter):
            self._write(self._writer.partial(segment))

    def close(self, info: Info, segments: Sequence[Segment]) -> None:
        """Write the end, so that a stream that was cut short is valid too."""
        self._write(self._writer.end(info, segments))


class DeviceSink(StreamSink):
    """Text straight into the pipe or device at `path`, which no rename may replace."""

    def __init__(self, writer: Writer, info: Info, path: Path) -> None:
        self._path, self._device = path, _opened(path, "ab")
        super().__init__(writer, info, self._put)

    def close(self, info: Info, segments: Sequence[Segment]) -> None:
        """Write the end and let the reader go."""
        with self._device:
            super().close(info, segments)

    def _put(self, text: str) -> None:
        try:
            write_all(self._device, text.encode())
        except BrokenPipeError:
            raise Stopped(CLOSED_PIPE) from None
        except OSError as error:
            raise _write_error(self._path, error) from error


class FileSink:
    """Text to `PATH.part`, valid after each segment even if the process is killed; then renamed.

    `acquire` opens the part; `on_complete` gets a complete file before it takes its name. A part
    of no segment is taken away in the end.
    """

    def __init__(
        self,
        writer: Writer,
        info: Info,
        path: Path,
        acquire: Callable[[Path], FileIO | None],
        on_complete: Callable[[Path, Info], None],
    ) -> None:
        self._writer, self._path = writer, Path(os.path.realpath(path))  # a link stays one
        self._on_complete = on_complete
        self._part = beside(self._path, PART)
        self._file = self._claimed(acquire)
        self._size = self._written = self._segments = 0
        self._tail = ""
        self._closing: tuple[tuple[Info | None, bool], str] = ((None, False), "")
        self._put(writer.begin(info), self._unfinished(info, 0))

    def add(self, info: Info, number: int, segment: Segment) -> None:
        """Write the segment and what makes the file valid as it stands."""
        self._put(self._writer.segment(number, segment), self._unfinished(info, number))
        self._segments = number

    def guess(self, segment: Segment) -> None:
        """Leave it out: a file holds what stays."""

    def close(self, info: Info, segments: Sequence[Segment]) -> None:
        """Write the end; a complete file is flushed to the disk and takes its name."""
        with self._file:
            self._put(self._writer.end(info, segments), "")
            with self._errors_translated():
                self._file.truncate(self._size)
                os.fsync(self._file.fileno())
                if info.over:
                    self._publish(info)
                elif not self._segments and is_at(self._part, self._file):
                    self._part.unlink()

    def _claimed(self, acquire: Callable[[Path], FileIO | None]) -> FileIO:
        with self._errors_translated():
            file = acquire(self._part)
            if file is None:
                raise OutputError(f"another whisper-cli is writing {self._path}")
            file.truncate(0)
            return file

    def _publish(self, info: Info) -> None:
        self._on_complete(self._part, info)
        if not is_at(self._part, self._file):
            raise OutputError(f"{self._part} was moved or replaced while it was written")
        self._part.replace(self._path)

    @contextmanager
    def _errors_translated(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise _write_error(self._path, error) from error

    def _unfinished(self, info: Info, number: int) -> str:
        known = (info, number > 0)
        if self._closing[0] != known:
            self._closing = (known, self._writer.closing(info, number))
        return self._closing[1]

    def _put(self, text: str, tail: str) -> None:
        """Write over the last tail; mostly a single write, so that a kill leaves the old or new."""
        data = text.encode()
        whole = (data + tail.encode()).ljust(self._written - self._size)  # spaces hide the rest
        try:
            _write_at(self._file, whole, self._size)
        except OSError as error:
            self._restore()
            raise _write_error(self._path, error) from error
        self._written = self._size + len(whole)
        self._size += len(data)
        self._tail = tail

    def _restore(self) -> None:
        """Cut off what a full disk took only in part: back to what was valid before."""
        with suppress(OSError):
            self._file.truncate(self._size)
            _write_at(self._file, self._tail.encode(), self._size)


def _opened(path: Path, mode: str) -> FileIO:
    try:
        return FileIO(path, mode)
    except OSError as error:
        raise _write_error(path, error) from error


def _write_error(path: Path, error: OSError) -> OutputError:
    hint = "-o - is stdout, -o FOLDER/ another place"
    return OutputError(f"can't write {path}: {error.strerror}", hint=hint)


def _write_at(file: FileIO, data: bytes, at: int) -> None:
    file.seek(at)
    write_all(file, data)
