"""Where a pulled model goes: the Hugging Face cache, or a plain folder."""

import secrets
import shutil
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from whisper_cli.models.catalog import Model, ModelFile
from whisper_cli.models.hf_cache import publish, repo_folder
from whisper_cli.models.store import find
from whisper_cli.paths import cache_dir


class Destination(Protocol):
    """What can hold models; downloads in work lie in `<root>/.whisper-cli` until they are whole."""

    @property
    def root(self) -> Path:
        """Name the folder whose volume everything is on."""
        ...

    def find(self, model: Model) -> Path | None:
        """Find the folder of a complete model."""
        ...

    def existing(self, model: Model, file: ModelFile) -> Path | None:
        """Find one file of a pinned model, of whatever content."""
        ...

    def publish(self, model: Model, fetched: Mapping[str, Path], ref: str | None) -> Path:
        """Move verified files in by name; those that aren't in `fetched` are there already."""
        ...


def working_folder(destination: Destination) -> Path:
    """Name the folder of what is in work at a place."""
    return destination.root / ".whisper-cli"


@dataclass(frozen=True, slots=True)
class Cache:
    """The cache that models share with every tool that reads the hub's."""

    @property
    def root(self) -> Path:
        """Name the cache, by the environment as it is now."""
        return cache_dir()

    def find(self, model: Model) -> Path | None:
        """Find a complete snapshot."""
        return find(model)

    def existing(self, model: Model, file: ModelFile) -> Path | None:
        """Find a file in the snapshot, or its blob left by another one."""
        if not model.repo or not model.revision:
            return None
        folder = repo_folder(model.repo)
        blob = file.sha256 if file.lfs else file.git_sha1
        candidates = [folder.snapshot(model.revision) / file.name]
        return next(
            (
                path
                for path in (*candidates, *([folder.blobs / blob] if blob else ()))
                if path.is_file()
            ),
            None,
        )

    def publish(self, model: Model, fetched: Mapping[str, Path], ref: str | None) -> Path:
        """Make blobs, a snapshot and a ref of what came."""
        temp_folder = working_folder(self) / f"publish-{secrets.token_hex(4)}"
        temp_folder.mkdir(parents=True)
        try:
            return publish(model, fetched, temp_folder, ref)
        finally:
            shutil.rmtree(temp_folder, ignore_errors=True)
            with suppress(OSError):  # not empty: something is in work
                temp_folder.parent.rmdir()


@dataclass(frozen=True, slots=True)
class PlainFolder:
    """A folder with the files of one model under their own names."""

    root: Path

    def find(self, model: Model) -> Path | None:
        """Take the folder for complete if all files of a catalogue model have their size."""
        sizes = [(self.existing(model, file), file.size) for file in model.files]
        complete = all(path and path.stat().st_size == size for path, size in sizes)
        return self.root if sizes and complete else None

    def existing(self, model: Model, file: ModelFile) -> Path | None:  # noqa: ARG002
        """Find a file by its name."""
        path = self.root / file.name
        return path if path.is_file() else None

    def publish(self, model: Model, fetched: Mapping[str, Path], ref: str | None) -> Path:  # noqa: ARG002
        """Rename the files into the folder."""
        for name, path in fetched.items():
            target = self.root / name
            target.parent.mkdir(parents=True, exist_ok=True)
            path.replace(target)
        return self.root
