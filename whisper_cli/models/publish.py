"""Making a verified model visible to every tool that reads the Hugging Face cache."""

import hashlib
import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from whisper_cli.models.cache import RepoFolder, repo_folder
from whisper_cli.models.catalog import Model, ModelFile


def publish(model: Model, came: Mapping[str, Path], scratch: Path, ref: str | None = None) -> Path:
    """Move the verified files of a pinned model into the cache; give the snapshot's path.

    `came` says where they are, on the cache's volume; a file that isn't in it must be in the
    snapshot or among the blobs already. What came replaces what is there under the same name;
    every step is a rename through the empty folder `scratch`, so that others see a file whole or
    not at all, and two processes may publish one model at once. `ref` is the branch or tag that
    was asked for; without one, the main branch is set where there is none yet, since tools look
    there when offline.
    """
    if not model.repo or not model.revision:
        raise ValueError(f"not a model at a pinned revision: {model}")
    repo = repo_folder(model.repo)
    snapshot = repo.snapshot(model.revision)
    repo.blobs.mkdir(parents=True, exist_ok=True)
    for file in model.files:
        link = snapshot / file.name
        link.parent.mkdir(parents=True, exist_ok=True)
        if file.name in came:
            blob = repo.blobs / _etag(file, came[file.name])
            _sync(came[file.name])
            came[file.name].replace(blob)
            _link(blob, link, through=scratch / "link")
        elif not link.exists():
            blob = repo.blobs / ((file.sha256 if file.lfs else file.git_sha1) or "")
            _link(blob, link, through=scratch / "link")
    _refer(repo, ref, model.revision, through=scratch / "ref")
    return snapshot


def _etag(file: ModelFile, staged: Path) -> str:
    known = file.sha256 if file.lfs else file.git_sha1
    return known or _git_sha1(staged.read_bytes())


def _git_sha1(content: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


def _sync(file: Path) -> None:
    """Wait until a file is on the disk: a power cut must not leave a blob full of holes."""
    with file.open("rb+") as stream:
        os.fsync(stream.fileno())


def _link(blob: Path, link: Path, *, through: Path) -> None:
    try:
        through.symlink_to(os.path.relpath(blob, link.parent))
    except OSError:  # Windows without the privilege, or a file system without symlinks
        shutil.copyfile(blob, through)
    through.replace(link)


def _refer(repo: RepoFolder, ref: str | None, commit: str, *, through: Path) -> None:
    if ref is None and repo.ref("main").exists():
        return
    named = repo.ref(ref or "main")
    named.parent.mkdir(parents=True, exist_ok=True)
    through.write_text(commit, encoding="utf-8")
    through.replace(named)
