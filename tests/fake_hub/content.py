"""Repositories as the hub knows them: files and their hashes, commits, branches, tags."""

import hashlib
import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

Content = bytes | Path

POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:{sha256}\nsize {size}\n"


@dataclass(frozen=True, slots=True)
class Blob:
    """The content of a file. `oid` is what git keeps: the content, or for `lfs` its pointer."""

    content: Content
    size: int
    sha256: str
    oid: str
    lfs: bool = False
    xet: bool = False

    @property
    def etag(self) -> str:
        return self.sha256 if self.lfs else self.oid

    @property
    def pointer_size(self) -> int:
        return len(POINTER.format(sha256=self.sha256, size=self.size))


@dataclass(frozen=True, slots=True)
class Commit:
    """One state of a repository, named by 40 hexadecimal digits."""

    sha: str
    files: Mapping[str, Blob]


@dataclass(slots=True)
class Repo:
    """A model repository: it grows by commits, and its branches move."""

    id: str
    gated: bool = False
    private: bool = False
    disabled: bool = False
    commits: dict[str, Commit] = field(default_factory=dict)
    branches: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)

    def commit(self, files: Mapping[str, Blob], branch: str, sha: str | None = None) -> str:
        """Add a commit to a branch; without a `sha` the name follows from parent and files."""
        name = sha or commit_name(self.id, self.branches.get(branch, ""), files)
        self.commits[name] = Commit(name, dict(files))
        self.branches[branch] = name
        return name

    def find(self, revision: str) -> Commit | None:
        """Look up a branch, a tag or a whole hash, as the hub does: it takes no short one."""
        name = revision.removeprefix("refs/heads/").removeprefix("refs/tags/")
        return self.commits.get(self.branches.get(name) or self.tags.get(name) or revision)


def blob(content: Content, *, lfs: bool = False, xet: bool = False) -> Blob:
    """Hash a content the way the hub names it: sha256, and git's sha1 of what git keeps."""
    size = len(content) if isinstance(content, bytes) else content.stat().st_size
    sha256 = digest(content, hashlib.sha256())
    if lfs:
        pointer = POINTER.format(sha256=sha256, size=size).encode()
        return Blob(content, size, sha256, git_name(pointer, len(pointer)), lfs=True, xet=xet)
    return Blob(content, size, sha256, git_name(content, size))


def digest(content: Content, hasher: "hashlib._Hash") -> str:
    if isinstance(content, bytes):
        hasher.update(content)
        return hasher.hexdigest()
    with content.open("rb") as file:
        return hashlib.file_digest(file, lambda: hasher).hexdigest()


def git_name(content: Content, size: int) -> str:
    return digest(content, hashlib.sha1(b"blob %d\0" % size))


def commit_name(repo: str, parent: str, files: Mapping[str, Blob]) -> str:
    lines = [repo, parent, *(f"{path} {files[path].oid}" for path in sorted(files))]
    return hashlib.sha1("\n".join(lines).encode()).hexdigest()


def generate(path: Path, size: int, seed: int = 0) -> Path:
    """Write `size` bytes in which every stretch is unlike any other; the same for the same seed."""
    block = random.Random(seed).randbytes(1 << 20)
    with path.open("wb") as file:
        for start in range(0, size, len(block)):
            file.write((start.to_bytes(16, "little") + block[16:])[: size - start])
    return path
