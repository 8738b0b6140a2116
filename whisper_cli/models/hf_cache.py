"""The layout of the Hugging Face cache, and how a verified model becomes visible in it."""

import hashlib
import os
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from whisper_cli.models.catalog import Model, ModelFile
from whisper_cli.models.files import read_regular
from whisper_cli.models.names import is_commit, is_repo, is_revision
from whisper_cli.paths import cache_dir

_PREFIX = "models--"
_LONGEST_REF = 64  # bytes: a commit, and whatever white space an editor adds


@dataclass(frozen=True, slots=True)
class RepoFolder:
    """One repository in the cache.

    Blobs are files named by their hash, a snapshot is a folder (named by its commit) of links to
    blobs, a ref is a file (named by a branch or tag) that holds a commit. Raises ValueError for
    names that are none.
    """

    path: Path

    @property
    def repo(self) -> str:
        """Read `owner/name` off the folder's name."""
        return self.path.name.removeprefix(_PREFIX).replace("--", "/")

    @property
    def blobs(self) -> Path:
        """Name the folder of blobs."""
        return self.path / "blobs"

    def snapshot(self, commit: str) -> Path:
        """Name the folder of one commit, there or not."""
        if not is_commit(commit):
            raise ValueError("no name of a commit")
        return self.path / "snapshots" / commit

    def ref(self, name: str) -> Path:
        """Name the file of a branch or tag, there or not."""
        if not is_revision(name):
            raise ValueError("no name of a branch or tag")
        return self.path / "refs" / name

    def commit(self, revision: str) -> str | None:
        """Find the commit that a branch, a tag or a commit stands for here."""
        return revision if is_commit(revision) else commit_in(self.ref(revision))

    def snapshots(self) -> list[Path]:
        """List the snapshots that are here, complete or not."""
        try:
            found = sorted((self.path / "snapshots").iterdir())
        except OSError:
            return []
        return [path for path in found if is_commit(path.name) and path.is_dir()]

    def refs(self) -> list[Path]:
        """List the files of branches and tags."""
        return [path for path in (self.path / "refs").rglob("*") if path.is_file()]


def repo_folder(repo: str) -> RepoFolder:
    """Name the folder of a repository, there or not."""
    return RepoFolder(cache_dir() / (_PREFIX + repo.replace("/", "--")))


def repo_folders() -> Iterator[RepoFolder]:
    """List the model repositories in the cache, by name."""
    try:
        paths = sorted(cache_dir().iterdir())
    except OSError:
        return
    folders = (RepoFolder(path) for path in paths if path.name.startswith(_PREFIX))
    yield from (folder for folder in folders if is_repo(folder.repo))


def commit_in(ref: Path) -> str | None:
    """Read the commit that a ref holds; None for anything else that is there."""
    try:
        commit = read_regular(ref, _LONGEST_REF).decode("ascii", "replace").strip()
    except OSError:
        return None
    return commit if is_commit(commit) else None


def blob_name(file: Path) -> str | None:
    """Read the name of the blob that a file of a snapshot links to; None for a copy."""
    return file.readlink().name if file.is_symlink() else None


def publish(
    model: Model, fetched: Mapping[str, Path], temp_folder: Path, ref: str | None = None
) -> Path:
    """Move the verified files of a pinned model into the cache; give the snapshot's path.

    `fetched` says where they are, on the cache's volume; a file that isn't in it must be in the
    snapshot or among the blobs already. What came replaces what is there under the same name;
    every step is a rename through `temp_folder`, so that others see a file whole or not at
    all, and two processes may publish one model at once. `ref` is the branch or tag that was asked
    for; without one, the main branch is set where there is none yet, since tools look there when
    offline. It is set before the snapshot is there: `hf cache prune` deletes those without a ref.
    """
    if not model.repo or not model.revision:
        raise ValueError(f"not a model at a pinned revision: {model}")
    repo = repo_folder(model.repo)
    snapshot, built = repo.snapshot(model.revision), temp_folder / "snapshot"
    repo.blobs.mkdir(parents=True, exist_ok=True)
    for file in model.files:
        staged = fetched.get(file.name)
        if staged:
            blob = _moved(staged, repo.blobs / _etag(file, staged))
        else:
            blob = repo.blobs / ((file.sha256 if file.lfs else file.git_sha1) or "")
        if staged or not (snapshot / file.name).exists():
            _link(blob, snapshot / file.name, built / file.name)
    _refer(repo, ref, model.revision, temporary_file=temp_folder / "ref")
    if built.exists():
        _show(built, snapshot)
    return snapshot


def _etag(file: ModelFile, staged: Path) -> str:
    known = file.sha256 if file.lfs else file.git_sha1
    return known or _git_sha1(staged.read_bytes())


def _git_sha1(content: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


def _moved(staged: Path, blob: Path) -> Path:
    """Move a file once it is on the disk: a power cut must not leave a blob full of holes."""
    with staged.open("rb+") as stream:
        os.fsync(stream.fileno())
    return staged.replace(blob)


def _link(blob: Path, name: Path, target: Path) -> None:
    """Make at `target` the link that will stand at `name`."""
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        target.symlink_to(os.path.relpath(blob, name.parent))
    except OSError:  # Windows without the privilege, or a file system without symlinks
        shutil.copyfile(blob, target)


def _show(built: Path, snapshot: Path) -> None:
    """Make a snapshot visible: at once where it is new, else file by file."""
    snapshot.parent.mkdir(parents=True, exist_ok=True)
    try:
        built.rename(snapshot)
    except OSError:
        for link in (path for path in built.rglob("*") if path.is_symlink() or path.is_file()):
            name = snapshot / link.relative_to(built)
            name.parent.mkdir(parents=True, exist_ok=True)
            link.replace(name)
        shutil.rmtree(built)


def _refer(repo: RepoFolder, ref: str | None, commit: str, *, temporary_file: Path) -> None:
    if ref is None and repo.ref("main").exists():
        return
    named = repo.ref(ref or "main")
    named.parent.mkdir(parents=True, exist_ok=True)
    temporary_file.write_text(commit, encoding="utf-8")
    temporary_file.replace(named)
