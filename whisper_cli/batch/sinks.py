"""Text as it is decoded into a file or stdout: valid at every moment, visible only when whole."""

import os
from collections.abc import Callable, Sequence
from io import FileIO
from pathlib import Path
from typing import Protocol

from whisper_cli.errors import OutputError
from whisper_cli.interrupt import CLOSED_PIPE, Stopped
from whisper_cli.transcript import Info, Segment
from whisper_cli.writers import Writer


class Sink(Protocol):
    """Where one writer's text goes."""

    def add(self, info: Info, number: int, segment: Segment) -> None:
        """Take the next segment; `number` counts from 1."""
        ...

    def close(self, info: Info, segments: Sequence[Segment]) -> None:
        """Write the end. What is complete (`info.provenance.complete`) becomes visible."""
        ...


class StreamSink:
    """Text through `write` (which flushes) as it comes, to stdout or a device."""

    def __init__(self, writer: Writer, info: Info, write: Callable[[str], None]) -> None:
        self._writer, self._write = writer, write
        write(writer.begin(info))

    def add(self, info: Info, number: int, segment: Segment) -> None:  # noqa: ARG002
        """Write the segment at once."""
        self._write(self._writer.segment(number, segment))

    def close(self, info: Info, segments: Sequence[Segment]) -> None:
        """Write the end, so that a stream that was cut short is valid too."""
        self._write(self._writer.end(info, segments))


class DeviceSink(StreamSink):
    """Text straight into the pipe or device at `path`, which no rename may replace."""

    def __init__(self, writer: Writer, info: Info, path: Path) -> None:
        self._path, self._device = path, _opened(path)
        super().__init__(writer, info, self._put)

    def close(self, info: Info, segments: Sequence[Segment]) -> None:
        """Write the end and let the reader go."""
        with self._device:
            super().close(info, segments)

    def _put(self, text: str) -> None:
        try:
            self._device.write(text.encode())
        except BrokenPipeError:
            raise Stopped(CLOSED_PIPE) from None
        except OSError as error:
            raise OutputError(f"can't write {self._path}: {error.strerror}") from error


class FileSink:
    """Text to `PATH.part`, valid after each segment even if the process is killed; then renamed."""

    def __init__(self, writer: Writer, info: Info, path: Path) -> None:
        self._writer, self._path = writer, path
        self._part = path.with_name(path.name + ".part")
        self._size = self._written = 0
        self._file = _opened(self._part)
        self._put(writer.begin(info), self._unfinished(info))

    def add(self, info: Info, number: int, segment: Segment) -> None:
        """Write the segment and what makes the file valid as it stands, in one call."""
        self._put(self._writer.segment(number, segment), self._unfinished(info))

    def close(self, info: Info, segments: Sequence[Segment]) -> None:
        """Write the end; a complete file is flushed to the disk and takes its name."""
        self._put(self._writer.end(info, segments), "")
        try:
            self._file.truncate(self._size)
            os.fsync(self._file.fileno())
            self._file.close()
            if info.provenance.complete:
                self._part.replace(self._path)
        except OSError as error:
            raise OutputError(f"can't write {self._path}: {error.strerror}") from error

    def _unfinished(self, info: Info) -> str:
        return self._writer.end(info, ()) if self._writer.needs_end else ""

    def _put(self, text: str, tail: str) -> None:
        """Write over the last tail; a single write, so that a kill leaves the old or the new."""
        data = text.encode()
        whole = (data + tail.encode()).ljust(self._written - self._size)  # spaces hide the rest
        try:
            self._file.seek(self._size)
            self._file.write(whole)
        except OSError as error:
            raise OutputError(f"can't write {self._part}: {error.strerror}") from error
        self._written = self._size + len(whole)
        self._size += len(data)


def _opened(path: Path) -> FileIO:
    try:
        return path.open("wb", buffering=0)
    except OSError as error:
        raise OutputError(f"can't write {path}: {error.strerror}") from error
