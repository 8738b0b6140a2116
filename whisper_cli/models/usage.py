"""What we remember of models between runs: which files were verified, what was used when."""

import json
import logging
import os
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from whisper_cli import files
from whisper_cli.models.files import read_regular
from whisper_cli.models.names import is_size
from whisper_cli.paths import state_dir

_LONGEST = 64 << 20  # bytes
_FAR = 1 << 33  # seconds since the epoch: a time that no clock of ours has told
_log = logging.getLogger("whisper_cli")


@dataclass(frozen=True, slots=True)
class Stamp:
    """What a file was when its hash was right; a different size or time means it was touched."""

    size: int
    mtime_ns: int
    digest: str


@dataclass(frozen=True, slots=True)
class Usage:
    """The memory as read once: stamps by file, seconds since the epoch by snapshot."""

    verified: Mapping[str, Stamp] = field(default_factory=dict)
    used: Mapping[str, float] = field(default_factory=dict)
    hashed: Mapping[str, Stamp] = field(default_factory=dict)

    def is_verified(self, file: Path) -> bool:
        """Say whether a file is what it was when it was verified."""
        return _unchanged(file, self.verified.get(_key(file)))

    def hash_of(self, file: Path) -> str | None:
        """Give the hash of a file that nothing is known to compare with, if it is unchanged."""
        stamp = self.hashed.get(_key(file))
        return stamp.digest if stamp and _unchanged(file, stamp) else None

    def digest(self, file: Path) -> str:
        """Give the hash that a verified file has; a KeyError for one that never was verified."""
        return self.verified[_key(file)].digest

    def last_used(self, snapshot: Path) -> datetime | None:
        """Say when a model was last asked for."""
        seconds = self.used.get(_key(snapshot))
        return None if seconds is None else datetime.fromtimestamp(seconds, UTC)


def load() -> Usage:
    """Read what is remembered; a file that makes no sense is ignored with a warning."""
    try:
        data = json.loads(read_regular(_path(), _LONGEST))
        verified, hashed = (
            {path: _stamp_of(stamp) for path, stamp in data.get(kind, {}).items()}
            for kind in ("verified", "hashed")
        )
        used = {path: _seconds_of(seconds) for path, seconds in data["used"].items()}
        return Usage(verified, used, hashed)
    except FileNotFoundError:
        return Usage()
    except (OSError, ValueError, TypeError, LookupError, AttributeError, RecursionError) as error:
        _log.warning("ignoring what was remembered of models: %s: %s", _path(), error)
        return Usage()


def _stamp_of(content: dict[str, Any]) -> Stamp:
    stamp = Stamp(**content)
    if not (is_size(stamp.size) and isinstance(stamp.digest, str)):
        raise ValueError("a stamp has a size and a hash")
    return stamp


def _seconds_of(content: Any) -> float:
    if not 0 <= content < _FAR:
        raise ValueError("a use is at no time")
    return float(content)


def note_verified(hashes: Mapping[Path, str]) -> None:
    """Remember that these files have just been found to have these hashes."""
    usage = load()
    entries = {_key(file): _stamp(file, digest) for file, digest in hashes.items()}
    _save(replace(usage, verified={**usage.verified, **entries}))


def remove_verified(file: Path) -> None:
    """Forget that a file was verified: it has just been found wrong."""
    usage = load()
    _save(replace(usage, verified={k: v for k, v in usage.verified.items() if k != _key(file)}))


def note_hash(file: Path, digest: str) -> None:
    """Remember the hash of a file that nothing is known to compare with."""
    usage = load()
    _save(replace(usage, hashed={**usage.hashed, _key(file): _stamp(file, digest)}))


def note_used(snapshot: Path) -> None:
    """Remember that a model is used now."""
    usage = load()
    _save(replace(usage, used={**usage.used, _key(snapshot): time.time()}))


def _path() -> Path:
    return state_dir() / "models.json"


def _key(path: Path) -> str:
    return os.path.realpath(path)


def _unchanged(file: Path, stamp: Stamp | None) -> bool:
    try:
        found = file.stat()
    except OSError:
        return False
    return stamp is not None and (stamp.size, stamp.mtime_ns) == (found.st_size, found.st_mtime_ns)


def _is_present(path: str) -> bool:
    try:
        return Path(path).exists()
    except OSError:  # a name that is too long
        return False


def _stamp(file: Path, digest: str) -> Stamp:
    found = file.stat()
    return Stamp(found.st_size, found.st_mtime_ns, digest)


def _save(usage: Usage) -> None:
    known = asdict(usage)
    present = {kind: {p: v for p, v in known[kind].items() if _is_present(p)} for kind in known}
    try:
        _path().parent.mkdir(parents=True, exist_ok=True)
        files.write_text(_path(), json.dumps(present, indent=1))
    except OSError as error:  # a read-only home must not stop a transcription
        _log.debug("could not remember the use of models: %s", error)
