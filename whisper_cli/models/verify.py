"""Whether a file holds what it should: hashing it, and comparing with what is known of it."""

import hashlib
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from whisper_cli.errors import ModelError
from whisper_cli.models import usage
from whisper_cli.models.catalog import ModelFile, in_catalog
from whisper_cli.models.hf_cache import RepoFolder, blob_name
from whisper_cli.models.names import is_commit, is_file_name, is_sha256

_BLOCK = 1 << 20
_HINT = "whisper-cli pull --force brings the model anew"
_log = logging.getLogger("whisper_cli")


@dataclass(frozen=True, slots=True)
class FileCheck:
    """How far the check of one file has come, in bytes; `digest` is there once it has passed."""

    file: str
    done: int
    total: int
    digest: str | None = None


def verify(snapshot: Path) -> Iterator[FileCheck]:
    """Hash every file of a model in the cache, and remember those that are right.

    They are compared with the catalogue, files it doesn't know with the names of their blobs.
    Raises ModelError for the first that is missing or differs.
    """
    for file in _expected(snapshot):
        path = snapshot / file.name
        try:
            for state in check(path, file):
                yield state
                if state.digest:
                    usage.note_verified({path: state.digest})
        except FileNotFoundError as error:
            raise ModelError(f"{file.name} is missing (in {snapshot})", hint=_HINT) from error
        except ModelError as error:
            usage.remove_verified(path)
            raise ModelError(f"{error.message} (in {snapshot})", hint=_HINT) from error


def check(path: Path, file: ModelFile) -> Iterator[FileCheck]:
    """Hash a file by sha256, or as a git blob where only that hash is known, and compare.

    Raises ModelError naming the file, what was expected and what was got.
    """
    total = path.stat().st_size
    git = file.sha256 is None and file.git_sha1 is not None
    digest = hashlib.new("sha1" if git else "sha256", usedforsecurity=False)
    if git:
        digest.update(b"blob %d\0" % total)
    done = 0
    with path.open("rb") as stream:
        while block := stream.read(_BLOCK):
            digest.update(block)
            done += len(block)
            yield FileCheck(file.name, done, total)
    expected = file.sha256 or file.git_sha1
    if expected not in (None, digest.hexdigest()):
        raise ModelError(
            f"{file.name} is damaged: expected {digest.name} {expected}, got {digest.hexdigest()}"
        )
    yield FileCheck(file.name, done, total, digest.hexdigest())


def _expected(snapshot: Path) -> list[ModelFile]:
    model = in_catalog(RepoFolder(snapshot.parent.parent).repo)
    files = list(model.files) if model and model.revision == snapshot.name else []
    named = {file.name for file in files}
    for path in sorted(snapshot.rglob("*")):
        name = path.relative_to(snapshot).as_posix()
        if name not in named and not path.is_dir():
            files += _by_blob(name, path)
    return files


def _by_blob(name: str, path: Path) -> list[ModelFile]:
    blob = blob_name(path)
    if is_file_name(name) and is_sha256(blob):
        return [ModelFile(name, sha256=blob, lfs=True)]
    if is_file_name(name) and is_commit(blob):
        return [ModelFile(name, git_sha1=blob)]
    _log.warning("not verified: nothing is known to compare %s with", path)
    return []
