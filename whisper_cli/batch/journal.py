"""Segments on disk while an input is worked on, and afterwards: a line of JSON for each thing told.

The first line names the work, the next one the language; then come segments, after each island a
mark from which the input can be gone on with, and in the end what only the end tells.
"""

import json
import logging
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from io import FileIO
from pathlib import Path
from typing import Any

from whisper_cli.batch.files import locked, write_all
from whisper_cli.checked import language, optional
from whisper_cli.engine.events import Mark
from whisper_cli.engine.islands import Place
from whisper_cli.errors import OutputError
from whisper_cli.transcript import Dropped, Info, Segment, Word

logger = logging.getLogger("whisper_cli")

BEAT = 1.0  # seconds after which what was written is made sure to be on the disk
MOST = 512 * 1024 * 1024  # bytes of finished segments that are kept


@dataclass(frozen=True, slots=True)
class Stored:
    """What a journal holds: up to its last `mark`, or all of it where it is `complete`.

    `size` are the bytes that say so. Without a mark and incomplete, it holds nothing.
    """

    info: Info
    segments: tuple[Segment, ...]
    mark: Mark | None
    seconds: float
    size: int

    @property
    def complete(self) -> bool:
        """Say whether nothing is left to decode."""
        return self.info.provenance.complete


def read(path: Path, work: str, info: Info) -> Stored | None:
    """Read what a journal tells of this work; None where there is none, or of other work."""
    try:
        with path.open("rb") as file:
            if json.loads(file.readline()) != {"journal": 1, "work": work}:
                return None
            return _read(file.tell(), iter(file.readline, b""), info)
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None  # nothing to go on with


def _read(size: int, lines: Iterator[bytes], info: Info) -> Stored | None:
    stored: Stored | None = None
    segments: list[Segment] = []
    for line in lines:
        size += len(line)
        if not line.endswith(b"\n"):  # cut short by what ended the process
            break
        kind, said = json.loads(line)
        if kind == "begun":
            places = {name: said.pop(name) for name in ("device", "compute_type") if name in said}
            said |= {"language": optional(said["language"], language)}
            info = replace(info, provenance=replace(info.provenance, **places), **said)
        elif kind == "segment":
            segments.append(_segment(said))
        elif kind == "passed":
            info = replace(info, dropped=(*info.dropped, *_dropped(said["dropped"])))
            mark = _mark(said["mark"])
            stored = Stored(info, tuple(segments), mark, said["seconds"], size)
        else:
            provenance = replace(info.provenance, complete=True)
            said |= {"dropped": _dropped(said["dropped"]), "warnings": tuple(said["warnings"])}
            whole = replace(info, provenance=provenance, **said)
            return Stored(whole, tuple(segments), None, whole.duration or 0.0, size)
    return stored


class Journal:
    """The journal of one input in work. Raises OutputError where it can't be written."""

    def __init__(self, path: Path, work: str, stored: Stored | None) -> None:
        self.path = path
        self._file: FileIO | None = None
        self._ours = True
        self._synced = time.monotonic()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = FileIO(path, "r+" if path.exists() else "w")
            if not locked(self._file):
                self._ours = False  # another process does the same work, and notes it
                self.close()
                return
            self._file.truncate(stored.size if stored else 0)
            self._file.seek(0, os.SEEK_END)
        except OSError as error:
            raise self._error(error) from error
        if stored is None:
            self._write({"journal": 1, "work": work})

    def begun(self, info: Info) -> None:
        """Note the language."""
        told = info.provenance
        known = {"language": info.language, "language_probability": info.language_probability}
        places = {"device": told.device, "compute_type": told.compute_type}
        self._write(["begun", known | places])

    def said(self, segment: Segment) -> None:
        """Note a segment."""
        self._write(["segment", asdict(segment)])

    def passed(self, seconds: float, mark: Mark, dropped: tuple[Dropped, ...]) -> None:
        """Note that all before so many seconds is told."""
        told = {"seconds": seconds, "mark": asdict(mark), "dropped": [asdict(d) for d in dropped]}
        self._write(["passed", told])
        if time.monotonic() - self._synced > BEAT:
            self._sync()

    def ended(self, info: Info) -> None:
        """Note what only the end tells."""
        dropped = [asdict(each) for each in info.dropped]
        told = {"duration": info.duration, "dropped": dropped, "warnings": list(info.warnings)}
        self._write(["ended", told])

    def move(self, keep: Path | None) -> None:
        """Take it away once the outputs are there: to `keep`, or for good."""
        self.close()
        if not self._ours:
            return
        try:
            if keep is None:
                self.path.unlink()
            elif keep != self.path:
                keep.parent.mkdir(parents=True, exist_ok=True)
                shutil.move(self.path, keep)
        except OSError as error:
            logger.warning("can't keep the segments in %s: %s", keep, error.strerror)
            with suppress(OSError):
                self.path.unlink()

    def close(self) -> None:
        """Let go of it as it is."""
        if self._file is not None:
            self._file.close()
        self._file = None

    def _write(self, told: object) -> None:
        if self._file is None:
            return
        at = self._file.tell()
        data = json.dumps(told, ensure_ascii=True).encode() + b"\n"
        try:
            write_all(self._file, data)
        except OSError as error:
            with suppress(OSError):  # a line that a full disk took in part
                self._file.truncate(at)
            raise self._error(error) from error

    def _sync(self) -> None:
        if self._file is not None:
            with suppress(OSError):
                os.fsync(self._file.fileno())
        self._synced = time.monotonic()

    def _error(self, error: OSError) -> OutputError:
        return OutputError(f"can't write {self.path}: {error.strerror}", hint="-o FOLDER/")


def prune(folder: Path, most: int = MOST) -> None:
    """Remove the segments that were finished longest ago, so that `most` bytes are left."""
    kept = []
    with suppress(OSError):
        for path in folder.iterdir():
            with suppress(OSError):
                known = path.stat()
                kept.append((known.st_mtime, known.st_size, path))
    total = sum(size for _, size, _ in kept)
    for _, size, path in sorted(kept):
        if total <= most:
            return
        with suppress(OSError):
            path.unlink()
        total -= size


def _segment(said: dict[str, Any]) -> Segment:
    words = tuple(Word(**word) for word in said.pop("words"))
    return Segment(**said | {"words": words, "tokens": tuple(said["tokens"])})


def _dropped(said: list[dict[str, Any]]) -> tuple[Dropped, ...]:
    return tuple(Dropped(**each) for each in said)


def _mark(said: dict[str, Any]) -> Mark:
    return Mark(**said | {"next": Place(**said["next"])})
