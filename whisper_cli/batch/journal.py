"""Segments on disk while an input is worked on, and afterwards: a line of JSON for each thing told.

The first line names the work, the next one the language; then come segments, after each chunk a
mark from which the input can be gone on with, and in the end what only the end tells. Each line
after the first begins with a checksum of all the lines so far: what comes before the first line
that was changed, lost, doubled or moved is believed.
"""

import json
import logging
import os
import shutil
import time
import zlib
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from io import BufferedReader, FileIO
from pathlib import Path
from typing import Any

from whisper_cli.batch.output_index import OutputIndex
from whisper_cli.checked import language, optional
from whisper_cli.engine.chunking import ChunkPosition
from whisper_cli.engine.events import Checkpoint
from whisper_cli.errors import OutputError
from whisper_cli.files import acquire, opened, write_all
from whisper_cli.transcript import Dropped, Info, Redecoded, Segment, Word

logger = logging.getLogger("whisper_cli")

SYNC_SECONDS = 1.0  # seconds after which what was written is made sure to be on the disk
MAX_BYTES = 512 * 1024 * 1024  # bytes of finished segments that are kept
FORMAT = 3  # 2 did not tell what was decoded again
_HEAD = 4096  # bytes, more than a first line has
_CHECKSUM_SIZE = len('["00000000", ')  # bytes of a line before what its checksum is of


@dataclass(frozen=True, slots=True)
class JournalContent:
    """What a journal holds: up to its last `mark`, or all of it where it is `complete`.

    `size` are the bytes that say so, `checksum` is that of the last line among them. Without a
    mark and incomplete, it holds nothing.
    """

    info: Info
    segments: tuple[Segment, ...]
    mark: Checkpoint | None
    seconds: float
    size: int
    checksum: int

    @property
    def complete(self) -> bool:
        """Say whether nothing is left to decode."""
        return self.info.provenance.complete


def read(path: Path, key: str, info: Info) -> JournalContent | None:
    """Read what a journal tells of this work; None where there is none, or of other work."""
    try:
        with BufferedReader(opened(path)) as file:
            if file.readline(_HEAD) != _head(key):
                return None
            return _read(file, _head(key), info)
    except (OSError, OutputError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None  # nothing to go on with


def is_journal(path: Path) -> bool:
    """Say whether one of ours stands there, of whatever work."""
    try:
        with opened(path) as file:
            return _starts_journal(file)
    except (OSError, OutputError):
        return False


def _starts_journal(file: FileIO) -> bool:
    file.seek(0)
    try:
        head = json.loads(file.read(_HEAD).partition(b"\n")[0])
    except ValueError:
        return False
    return isinstance(head, dict) and set(head) == {"journal", "work"}


def _head(key: str) -> bytes:
    return json.dumps({"journal": FORMAT, "work": key}).encode() + b"\n"


def _sealed(content: list[object], checksum: int) -> tuple[bytes, int]:
    """Make a line, given the checksum of the lines before; gives its own too."""
    body = json.dumps(content, ensure_ascii=True).encode()[1:] + b"\n"
    checksum = zlib.crc32(body, checksum)
    return b'["%08x", ' % checksum + body, checksum


def _read(lines: Iterable[bytes], head: bytes, info: Info) -> JournalContent | None:
    stored: JournalContent | None = None
    segments: list[Segment] = []
    size, checksum = len(head), zlib.crc32(head)
    for line in lines:
        checksum = zlib.crc32(line[_CHECKSUM_SIZE:], checksum)
        if line[:_CHECKSUM_SIZE] != b'["%08x", ' % checksum or not line.endswith(b"\n"):
            break  # cut short by what ended the process, or not as it was written
        size += len(line)
        _, kind, decoded = json.loads(line)
        if kind == "begun":
            device = {
                name: decoded.pop(name) for name in ("device", "compute_type") if name in decoded
            }
            decoded |= {"language": optional(decoded["language"], language)}
            info = replace(info, provenance=replace(info.provenance, **device), **decoded)
        elif kind == "segment":
            segments.append(_segment(decoded))
        elif kind == "passed":
            dropped = (*info.dropped, *_dropped(decoded["dropped"]))
            redecoded = (*info.redecoded, *_redecoded(decoded["redecoded"]))
            info = replace(info, dropped=dropped, redecoded=redecoded)
            mark = _mark(decoded["mark"])
            stored = JournalContent(info, tuple(segments), mark, decoded["seconds"], size, checksum)
        else:
            provenance = replace(info.provenance, complete=True)
            decoded |= {
                "dropped": _dropped(decoded["dropped"]),
                "warnings": (*info.warnings, *decoded["warnings"]),
            }
            decoded |= {"redecoded": _redecoded(decoded["redecoded"])}
            whole = replace(info, provenance=provenance, **decoded)
            return JournalContent(
                whole, tuple(segments), None, whole.duration or 0.0, size, checksum
            )
    return stored


class SegmentJournal:
    """The journal of one input in work. Raises OutputError where it can't be written."""

    def __init__(
        self, path: Path, key: str, stored: JournalContent | None, output_index: OutputIndex
    ) -> None:
        self.path = path
        self._output_index = output_index
        self._synced = time.monotonic()
        self._checksum = stored.checksum if stored else zlib.crc32(_head(key))
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = acquire(path, output_index, _starts_journal)
            self._owned = self._file is not None  # else another process notes the same work
            if self._file is not None:
                self._file.truncate(stored.size if stored else 0)
                self._file.seek(0, os.SEEK_END)
        except OSError as error:
            raise self._error(error) from error
        if stored is None:
            self._put(_head(key))

    def started(self, info: Info) -> None:
        """Note the language."""
        content = info.provenance
        known = {"language": info.language, "language_probability": info.language_probability}
        device = {"device": content.device, "compute_type": content.compute_type}
        self._write("begun", known | device)

    def decoded(self, segment: Segment) -> None:
        """Note a segment."""
        self._write("segment", asdict(segment))

    def passed(
        self,
        seconds: float,
        mark: Checkpoint,
        dropped: tuple[Dropped, ...],
        redecoded: tuple[Redecoded, ...],
    ) -> None:
        """Note that all before so many seconds is told."""
        content = {"seconds": seconds, "mark": asdict(mark)}
        self._write("passed", content | _listed(dropped, redecoded))
        if time.monotonic() - self._synced > SYNC_SECONDS:
            self._sync()

    def finished(self, info: Info) -> None:
        """Note what only the end tells."""
        content = {"duration": info.duration, "warnings": list(info.warnings)}
        self._write("ended", content | _listed(info.dropped, info.redecoded))

    def move(self, keep: Path | None) -> None:
        """Take it away once the outputs are there: to `keep`, or for good."""
        self.close()
        if not self._owned:
            return
        self._output_index.discard(self.path)
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

    def _write(self, kind: str, content: object) -> None:
        line, checksum = _sealed([kind, content], self._checksum)
        self._put(line)
        self._checksum = checksum

    def _put(self, line: bytes) -> None:
        if self._file is None:
            return
        at = self._file.tell()
        try:
            write_all(self._file, line)
        except OSError as error:
            with suppress(OSError):  # a line that a full disk took in part
                self._file.truncate(at)
                if not at:
                    self.path.unlink()
            raise self._error(error) from error

    def _sync(self) -> None:
        if self._file is not None:
            with suppress(OSError):
                os.fsync(self._file.fileno())
        self._synced = time.monotonic()

    def _error(self, error: OSError) -> OutputError:
        return OutputError(f"can't write {self.path}: {error.strerror}", hint="-o FOLDER/")


def prune(folder: Path, maximum: int = MAX_BYTES) -> None:
    """Remove the segments that were finished longest ago, so that `maximum` bytes are left."""
    kept = []
    with suppress(OSError):
        for path in folder.iterdir():
            with suppress(OSError):
                known = path.stat()
                kept.append((known.st_mtime, known.st_size, path))
    total = sum(size for _, size, _ in kept)
    for _, size, path in sorted(kept):
        if total <= maximum:
            return
        with suppress(OSError):
            path.unlink()
        total -= size


def _segment(decoded: dict[str, Any]) -> Segment:
    words = tuple(Word(**word) for word in decoded.pop("words"))
    return Segment(**decoded | {"words": words, "tokens": tuple(decoded["tokens"])})


def _dropped(decoded: list[dict[str, Any]]) -> tuple[Dropped, ...]:
    return tuple(Dropped(**item) for item in decoded)


def _redecoded(decoded: list[dict[str, Any]]) -> tuple[Redecoded, ...]:
    return tuple(Redecoded(**item) for item in decoded)


def _listed(dropped: Iterable[Dropped], redecoded: Iterable[Redecoded]) -> dict[str, object]:
    """Describe what was left out, and what was decoded again."""
    return {
        "dropped": [asdict(item) for item in dropped],
        "redecoded": [asdict(item) for item in redecoded],
    }


def _mark(decoded: dict[str, Any]) -> Checkpoint:
    return Checkpoint(**decoded | {"next": ChunkPosition(**decoded["next"])})
