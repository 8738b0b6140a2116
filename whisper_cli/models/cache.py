"""How the Hugging Face cache is laid out: a folder a repository, with blobs, snapshots and refs."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

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
