"""A folder with models in it: a disk carried over, a share, another tool's cache."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from whisper_cli.download.types import Phase, Progress
from whisper_cli.errors import DownloadError, SourceUnavailable
from whisper_cli.models.catalog import Model

_BLOCK = 1 << 20


@dataclass(frozen=True, slots=True)
class FolderSource:
    """The model's files in the folder itself, below its name or `owner/name`, or as the hub caches.

    Only catalogue models: for others nothing says which bytes are right.
    """

    path: Path

    @property
    def name(self) -> str:
        """Name the source as it is typed."""
        return f"folder:{self.path}"

    def pin(self, model: Model, *, all_files: bool = False) -> Model:  # noqa: ARG002
        """Take a catalogue model as it is; raises SourceUnavailable unless its files are here."""
        if not model.files or not all(file.sha256 for file in model.files):
            raise SourceUnavailable(f'nothing says which bytes of "{model.name}" are right')
        self._folder(model)
        return model

    def download(self, model: Model, folder: Path) -> Iterator[Progress]:
        """Copy the files."""
        found = self._folder(model)
        for file in model.files:
            path = found / file.name
            with path.open("rb") as source, (folder / file.name).open("wb") as copy:
                done = 0
                while block := source.read(_BLOCK):
                    done += copy.write(block)
                    if done > (file.size or done):
                        raise DownloadError(f"{path} has more than {file.size} bytes")
                    yield Progress(file.name, Phase.download, self.name, done, file.size)

    def _folder(self, model: Model) -> Path:
        cached = f"models--{(model.repo or '').replace('/', '--')}/snapshots/{model.revision}"
        candidates = [self.path / part for part in ("", model.name, model.repo or "", cached)]
        for candidate in candidates:
            if all(os.access(candidate / file.name, os.R_OK) for file in model.files):
                return candidate
        raise SourceUnavailable(f'"{model.name}" is not in {self.path}')
