"""What has to be fetched for a model, and what is there already."""

import shutil
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from pathlib import Path

from whisper_cli.download.destinations import Destination, working_folder
from whisper_cli.download.part_file import PartJournal
from whisper_cli.download.types import MIB, FileTransfer, Phase, Progress, RemoteFile
from whisper_cli.errors import DownloadError, ModelError
from whisper_cli.models import usage
from whisper_cli.models.catalog import Model, ModelFile
from whisper_cli.models.names import short_name
from whisper_cli.models.verify import check

SMALL_MODEL = 500_000_000  # bytes; below it, chunks of 4 MiB, above it of 8
MARGIN = 64 * MIB  # free space that a pull leaves alone


@dataclass(frozen=True, slots=True)
class Plan:
    """A pinned model, split into files that are here and right, and those to fetch."""

    model: Model
    present: tuple[ModelFile, ...]
    missing: tuple[ModelFile, ...]

    @property
    def size(self) -> int:
        """Add up the files that are missing, in bytes."""
        return sum(file.size or 0 for file in self.missing)


def plan(
    model: Model, destination: Destination, *, force: bool = False
) -> Generator[Progress, None, Plan]:
    """Sort the files of a pinned model; what nobody verified yet is hashed now, with progress."""
    present = []
    known = usage.load()
    for file in () if force else model.files:
        path = destination.existing(model, file)
        if path and path.stat().st_size == (file.size or path.stat().st_size):
            right = known.is_verified(path) or (yield from _verified(path, file))
            present += [file] if right else []
    missing = tuple(file for file in model.files if file not in present)
    return Plan(model, tuple(present), missing)


def chunk_size(model: Model) -> int:
    """Choose the size of the ranges by the size of the model."""
    return (4 if (model.size or 0) < SMALL_MODEL else 8) * MIB


def job(
    file: ModelFile, destination: Destination, remote_files: Sequence[RemoteFile] = ()
) -> FileTransfer:
    """Say what an engine is to do for one file.

    The part file is named by the content, so that a later run finds it, whatever its source.
    """
    if file.size is None:
        raise DownloadError(f"nobody says how big {file.name} is")
    identity = file.sha256 or file.git_sha1 or ""
    part = working_folder(destination) / "parts" / f"{identity}-{short_name(file.name)}"
    etag = file.sha256 if file.lfs else file.git_sha1
    return FileTransfer(
        file.name, file.size, file.sha256, file.git_sha1, etag, tuple(remote_files), part
    )


def resumed(one: FileTransfer) -> int:
    """Count the bytes of a file that an earlier run has fetched already."""
    return PartJournal(one).read().total


def require_space(jobs: Sequence[FileTransfer], destination: Destination) -> None:
    """Raise DownloadError where what is still to come would not fit on the disk."""
    needed = sum(item.size - resumed(item) for item in jobs)
    free = shutil.disk_usage(_existing_parent(destination.root)).free
    if needed and needed + MARGIN > free:
        raise DownloadError(
            f"not enough space in {destination.root}: {_mb(needed)} to fetch, {_mb(free)} free",
            hint="free some space, or set HF_HUB_CACHE to a folder on another disk",
        )


def _verified(path: Path, file: ModelFile) -> Generator[Progress, None, bool]:
    try:
        for state in check(path, file):
            yield Progress(file.name, Phase.verify, "here", state.done, state.total)
            if state.digest:
                usage.note_verified({path: state.digest})
    except ModelError:
        return False
    return True


def _existing_parent(path: Path) -> Path:
    return next(item for item in (path, *path.resolve().parents) if item.exists())


def _mb(count: int) -> str:
    return f"{count / 1e6:,.0f} MB"
