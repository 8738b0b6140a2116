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
    every step is a rename through the folder `scratch`, so that others see a file whole or not at
    all, and two processes may publish one model at once. `ref` is the branch or tag that was asked
    for; without one, the main branch is set where there is none yet, since tools look there when
    offline. It is set before the snapshot is there: `hf cache prune` deletes those without a ref.
    """
    if not model.repo or not model.revision:
        raise ValueError(f"not a model at a pinned revision: {model}")
    repo = repo_folder(model.repo)
    snapshot, built = repo.snapshot(model.revision), scratch / "snapshot"
    repo.blobs.mkdir(parents=True, exist_ok=True)
    for file in model.files:
        staged = came.get(file.name)
        if staged:
            blob = _moved(staged, repo.blobs / _etag(file, staged))
        else:
            blob = repo.blobs / ((file.sha256 if file.lfs else file.git_sha1) or "")
        if staged or not (snapshot / file.name).exists():
            _link(blob, snapshot / file.name, built / file.name)
    _refer(repo, ref, model.revision, through=scratch / "ref")
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


def _link(blob: Path, name: Path, place: Path) -> None:
    """Make at `place` the link that will stand at `name`."""
    place.parent.mkdir(parents=True, exist_ok=True)
    try:
        place.symlink_to(os.path.relpath(blob, name.parent))
    except OSError:  # Windows without the privilege, or a file system without symlinks
        shutil.copyfile(blob, place)


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


def _refer(repo: RepoFolder, ref: str | None, commit: str, *, through: Path) -> None:
    if ref is None and repo.ref("main").exists():
        return
    named = repo.ref(ref or "main")
    named.parent.mkdir(parents=True, exist_ok=True)
    through.write_text(commit, encoding="utf-8")
    through.replace(named)
