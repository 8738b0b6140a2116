"""What may be shared: the verified files of catalogue models, found by the hash of their content.

A repository that isn't in the catalogue may be private or gated: its files never get here.
"""

import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import BinaryIO

from whisper_cli.models import usage
from whisper_cli.models.catalog import Model, ModelFile, ModelKind, catalog
from whisper_cli.models.store import find

_FRESH = 1.0  # seconds for which a look at the cache holds


@dataclass(frozen=True, slots=True)
class SharedCopy:
    """A file in the cache, as it was when it was known to be right."""

    file: ModelFile
    path: Path
    stamp: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Shared:
    """A model with those of its files that are here and verified."""

    model: Model
    copies: tuple[SharedCopy, ...]


class SharedFiles:
    """The files to share, looked up anew as the cache changes; thread-safe.

    `models` are the ones that may be shared, by default the catalogue.
    """

    def __init__(self, models: Sequence[Model] | None = None) -> None:
        self._allowed = catalog(*ModelKind) if models is None else models
        self._models: tuple[Shared, ...] = ()
        self._by_hash: dict[str | None, SharedCopy] = {}
        self._last_scan = float("-inf")
        self._looking = Lock()

    def models(self) -> tuple[Shared, ...]:
        """List what is here now."""
        self._scan()
        return self._models

    def open(self, sha256: str) -> BinaryIO | None:
        """Open the file with this content; None if it isn't here, or was touched since."""
        self._scan()
        copy = self._by_hash.get(sha256)
        if not copy:
            return None
        try:
            file = copy.path.open("rb", buffering=0)
        except OSError:
            return None
        if _stamp(os.fstat(file.fileno())) == copy.stamp:
            return file
        file.close()
        return None

    def _scan(self) -> None:
        with self._looking:
            if time.monotonic() - self._last_scan < _FRESH:
                return
            self._models = tuple(_shared(self._allowed))
            every = (copy for item in self._models for copy in item.copies)
            self._by_hash = {copy.file.sha256: copy for copy in every}
            self._last_scan = time.monotonic()


def _shared(models: Sequence[Model]) -> Iterator[Shared]:
    known = usage.load()
    for model in models:
        folder = find(model)
        copies = [_copy(file, folder / file.name, known) for file in model.files if folder]
        if verified := tuple(copy for copy in copies if copy):
            yield Shared(model, verified)


def _copy(file: ModelFile, path: Path, known: usage.Usage) -> SharedCopy | None:
    try:
        copy = SharedCopy(file, path, _stamp(path.stat()))
    except OSError:
        return None
    right = known.is_verified(path) and known.digest(path) == file.sha256
    return copy if right else None


def _stamp(found: os.stat_result) -> tuple[int, int]:
    return found.st_size, found.st_mtime_ns
