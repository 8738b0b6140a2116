"""Which bytes of a part file are there, recorded so that it survives kills and power cuts."""

import json
import os
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from whisper_cli import files
from whisper_cli.download.types import FileTransfer


class RangeSet:
    """Half-open stretches of bytes, merged where they touch."""

    def __init__(self, spans: Iterable[tuple[int, int]] = ()) -> None:
        self._spans: list[tuple[int, int]] = []
        self.total = 0
        for start, end in spans:
            self.add(start, end)

    def __iter__(self) -> Iterator[tuple[int, int]]:
        return iter(self._spans)

    @property
    def prefix(self) -> int:
        """The end of what is there from byte 0 on without a gap."""
        return self._spans[0][1] if self._spans and self._spans[0][0] == 0 else 0

    def add(self, start: int, end: int) -> None:
        """Note that the bytes from `start` to `end` are there."""
        if start >= end:
            return
        first = last = bisect_left(self._spans, start, key=lambda span: span[1])
        while last < len(self._spans) and self._spans[last][0] <= end:
            start = min(start, self._spans[last][0])
            end = max(end, self._spans[last][1])
            last += 1
        self.total += end - start - sum(b - a for a, b in self._spans[first:last])
        self._spans[first:last] = [(start, end)]

    def gaps(self, size: int) -> Iterator[tuple[int, int]]:
        """Yield what is missing of the first `size` bytes, in order."""
        at = 0
        for start, end in self._spans:
            if start > at:
                yield at, min(start, size)
            at = max(at, end)
        if at < size:
            yield at, size

    def without(self, holes: Iterable[tuple[int, int]]) -> "RangeSet":
        """Return these extents less the stretches in `holes`."""
        size = self._spans[-1][1] if self._spans else 0
        missing = RangeSet([*self.gaps(size), *holes])
        return RangeSet(missing.gaps(size))


def cut(spans: Iterable[tuple[int, int]], size: int) -> Iterator[tuple[int, int]]:
    """Cut stretches at the multiples of `size`."""
    for start, end in spans:
        at = start
        while at < end:
            edge = min(end, (at // size + 1) * size)
            yield at, edge
            at = edge


FORMAT = 1
_BOOT = Path("/proc/sys/kernel/random/boot_id")


@dataclass(frozen=True, slots=True)
class PartRecord:
    """One journal file; `sparse` is the chunk size of a writer whose holes say what is missing."""

    identity: str
    size: int
    source: str
    extents: tuple[tuple[int, int], ...] = ()
    boot: str = ""
    sparse: int = 0
    format: int = FORMAT


class PartJournal:
    """The record of one part file. Not for several threads at once."""

    def __init__(self, job: FileTransfer, source: str = "") -> None:
        self._job = job
        self._blank = PartRecord(job.identity, job.size, source)
        self._written = _sibling(job.part, ".written")
        self._synced = _sibling(job.part, ".synced")

    def read(self) -> RangeSet:
        """Return what can be believed of the part file; nothing when it is another content."""
        part = self._job.part
        if not self._job.identity or not files.is_regular(part):
            return RangeSet()
        if part.stat().st_size != self._job.size:
            return RangeSet()
        records = [record for path in (self._synced, self._written) if (record := self._load(path))]
        spans = [span for record in records for span in record.extents]
        for record in records:
            if record.sparse:
                spans += chunks_with_data(part, record.size, record.sparse)
        return RangeSet(spans)

    def start(self, have: RangeSet) -> None:
        """Go on with `have`, and nothing else of the part file; with nothing, make it anew."""
        part = self._job.part
        if have.total:
            self.sync(have)
            self._written.unlink(missing_ok=True)
            return
        part.parent.mkdir(parents=True, exist_ok=True)
        self.discard()
        part.unlink(missing_ok=True)
        with part.open("xb") as file:  # a link made at this moment is not followed
            file.truncate(self._job.size)

    def note(self, spans: Iterable[tuple[int, int]]) -> None:
        """Record what was written, believed until the machine stops."""
        if boot := _boot():
            _save(self._written, replace(self._blank, extents=tuple(spans), boot=boot))

    def note_sparse(self, chunk: int) -> None:
        """Record that another program fills the holes in chunks of `chunk` bytes."""
        if boot := _boot():
            _save(self._written, replace(self._blank, sparse=chunk, boot=boot))

    def sync(self, spans: Iterable[tuple[int, int]]) -> None:
        """Bring the data to the disk, and only then record `spans`, all written before."""
        extents = tuple(spans)
        with self._job.part.open("rb+") as file:
            getattr(os, "fdatasync", os.fsync)(file.fileno())
        _save(self._synced, replace(self._blank, extents=extents), sync=True)

    def discard(self) -> None:
        """Remove the records: the file is whole, or nothing in it can be believed."""
        for path in (self._written, self._synced):
            path.unlink(missing_ok=True)

    def _load(self, path: Path) -> PartRecord | None:
        if not files.is_regular(path):
            return None
        try:
            record = _record(json.loads(path.read_bytes()))
        except (OSError, ValueError, TypeError, KeyError):
            return None  # absent, or half written when the power went: as good as no record
        owned = (record.identity, record.size) == (self._job.identity, self._job.size)
        return record if owned and record.boot in {"", _boot()} else None


def chunks_with_data(path: Path, size: int, chunk: int) -> Iterator[tuple[int, int]]:
    """Yield the chunks of a sparse file that hold no hole; none where holes can't be seen."""
    with path.open("rb") as file:
        for start, end in _data(file.fileno(), size):
            first = -(-start // chunk) * chunk
            last = size if end >= size else end // chunk * chunk
            if first < last:
                yield first, last


def _data(fd: int, size: int) -> Iterator[tuple[int, int]]:
    at = 0
    while at < size and hasattr(os, "SEEK_DATA"):
        try:
            start = os.lseek(fd, at, os.SEEK_DATA)
        except OSError:
            return
        at = os.lseek(fd, start, os.SEEK_HOLE)
        yield start, at


def _record(fields: dict[str, Any]) -> PartRecord:
    if fields["format"] != FORMAT:
        raise ValueError(fields["format"])
    size = int(fields["size"])
    extents = tuple((int(start), int(end)) for start, end in fields["extents"])
    if any(not 0 <= start <= end <= size for start, end in extents):
        raise ValueError(extents)
    return PartRecord(**{**fields, "extents": extents})


def _save(path: Path, record: PartRecord, *, sync: bool = False) -> None:
    files.write_text(path, json.dumps(asdict(record)), sync=sync)


def _sibling(path: Path, suffix: str) -> Path:
    return path.with_name(path.name + suffix)


def _boot() -> str:
    try:
        return _BOOT.read_text(encoding="ascii").strip()
    except OSError:
        return ""
