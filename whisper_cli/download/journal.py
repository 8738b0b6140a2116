"""What is known to lie in a part file, kept so that it survives kills and power cuts.

Beside PART stand two small files. `PART.synced` lists what was on the disk when it was written.
`PART.written` is newer and cheap: it lists what was handed to the kernel, which outlives any
process but not the machine, so it names the boot and is believed only in that boot.
Both list stretches of bytes, so that chunk size and sources may change between runs.
"""

import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from whisper_cli import atomic
from whisper_cli.download.extents import Extents
from whisper_cli.download.transfer import Job

FORMAT = 1
_BOOT = Path("/proc/sys/kernel/random/boot_id")


@dataclass(frozen=True, slots=True)
class Record:
    """One journal file; `sparse` is the chunk size of a writer whose holes say what is missing."""

    identity: str
    size: int
    source: str
    extents: tuple[tuple[int, int], ...] = ()
    boot: str = ""
    sparse: int = 0
    format: int = FORMAT


class Journal:
    """The record of one part file. Not for several threads at once."""

    def __init__(self, job: Job, source: str = "") -> None:
        self._job = job
        self._blank = Record(job.identity, job.size, source)
        self._written = _beside(job.part, ".written")
        self._synced = _beside(job.part, ".synced")

    def read(self) -> Extents:
        """Return what can be believed of the part file; nothing when it is another content."""
        part = self._job.part
        if not self._job.identity or not atomic.is_regular(part):
            return Extents()
        if part.stat().st_size != self._job.size:
            return Extents()
        records = [record for path in (self._synced, self._written) if (record := self._load(path))]
        spans = [span for record in records for span in record.extents]
        for record in records:
            if record.sparse:
                spans += chunks_with_data(part, record.size, record.sparse)
        return Extents(spans)

    def start(self, have: Extents) -> None:
        """Go on with `have`, and nothing else of the part file; with nothing, make it anew."""
        part = self._job.part
        if have.total:
            self.sync(have)
            self._written.unlink(missing_ok=True)
            return
        part.parent.mkdir(parents=True, exist_ok=True)
        self.forget()
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
        _save(self._synced, replace(self._blank, extents=extents), durable=True)

    def forget(self) -> None:
        """Remove the records: the file is whole, or nothing in it can be believed."""
        for path in (self._written, self._synced):
            path.unlink(missing_ok=True)

    def _load(self, path: Path) -> Record | None:
        if not atomic.is_regular(path):
            return None
        try:
            record = _record(json.loads(path.read_bytes()))
        except (OSError, ValueError, TypeError, KeyError):
            return None  # absent, or half written when the power went: as good as no record
        ours = (record.identity, record.size) == (self._job.identity, self._job.size)
        return record if ours and record.boot in {"", _boot()} else None


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


def _record(fields: dict[str, Any]) -> Record:
    if fields["format"] != FORMAT:
        raise ValueError(fields["format"])
    size = int(fields["size"])
    extents = tuple((int(start), int(end)) for start, end in fields["extents"])
    if any(not 0 <= start <= end <= size for start, end in extents):
        raise ValueError(extents)
    return Record(**{**fields, "extents": extents})


def _save(path: Path, record: Record, *, durable: bool = False) -> None:
    atomic.write_text(path, json.dumps(asdict(record)), durable=durable)


def _beside(path: Path, suffix: str) -> Path:
    return path.with_name(path.name + suffix)


def _boot() -> str:
    try:
        return _BOOT.read_text(encoding="ascii").strip()
    except OSError:
        return ""
