"""The JSON in which the hub describes a repository.

Mind the names: a tree says `oid` and `lfs.oid`, a model's siblings `blobId` and `lfs.sha256`.
"""

import hashlib
from pathlib import PurePosixPath
from typing import Any

from tests.fake_hub.content import Blob, Commit, Repo

BORN = "2024-01-01T00:00:00.000Z"


def model(repo: Repo, commit: Commit, *, blobs: bool) -> dict[str, Any]:
    return {
        "id": repo.id,
        "modelId": repo.id,
        "sha": commit.sha,
        "private": repo.private,
        "gated": "manual" if repo.gated else False,
        "disabled": repo.disabled,
        "createdAt": BORN,
        "lastModified": BORN,
        "tags": [],
        "siblings": [sibling(path, blob, blobs) for path, blob in sorted(commit.files.items())],
    }


def sibling(path: str, blob: Blob, blobs: bool) -> dict[str, Any]:
    entry: dict[str, Any] = {"rfilename": path}
    if blobs:
        entry |= {"size": blob.size, "blobId": blob.oid}
    if blobs and blob.lfs:
        entry["lfs"] = {
            "sha256": blob.sha256,
            "size": blob.size,
            "pointerSize": blob.pointer_size,
        }
    return entry


def tree(commit: Commit, folder: str, *, recursive: bool, expand: bool) -> list[dict[str, Any]]:
    """List a folder's files and folders by path; empty if there is no such folder."""
    inside = {path: path.removeprefix(folder).strip("/") for path in below(commit, folder)}
    shown = {path for path, rest in inside.items() if recursive or "/" not in rest}
    folders = {str(parent) for path in inside for parent in PurePosixPath(path).parents} - {"."}
    children = {path for path in folders if path.startswith(f"{folder}/" if folder else "")}
    shown |= {path for path in children if recursive or "/" not in path[len(folder) :].strip("/")}
    return [entry(commit, path, expand=expand) for path in sorted(shown)]


def below(commit: Commit, folder: str) -> list[str]:
    return [path for path in commit.files if not folder or path.startswith(f"{folder}/")]


def exists(commit: Commit, path: str) -> bool:
    return path in commit.files or bool(below(commit, path))


def entry(commit: Commit, path: str, *, expand: bool) -> dict[str, Any]:
    """Describe one file, or the folder of that name."""
    blob = commit.files.get(path)
    if blob is None:
        oid = hashlib.sha1(f"{commit.sha}/{path}".encode()).hexdigest()
        reported: dict[str, Any] = {"type": "directory", "oid": oid, "size": 0, "path": path}
    else:
        reported = {"type": "file", "oid": blob.oid, "size": blob.size, "path": path}
    if blob and blob.lfs:
        reported["lfs"] = {"oid": blob.sha256, "size": blob.size, "pointerSize": blob.pointer_size}
    if blob and blob.xet:
        reported["xetHash"] = blob.sha256
    if expand:
        reported["lastCommit"] = {"id": commit.sha, "title": "commit", "date": BORN}
    return reported


def refs(repo: Repo) -> dict[str, list[dict[str, str]]]:
    def named(kind: str, targets: dict[str, str]) -> list[dict[str, str]]:
        return [
            {"name": name, "ref": f"refs/{kind}/{name}", "targetCommit": sha}
            for name, sha in targets.items()
        ]

    tags = named("tags", repo.tags)
    return {"branches": named("heads", repo.branches), "converts": [], "tags": tags}
