"""Which models are here: finding one, listing all, removing one."""

import json
import shutil
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from whisper_cli.errors import ModelError
from whisper_cli.models import usage
from whisper_cli.models.catalog import Model, ModelFile, ModelKind, in_catalog, resolve
from whisper_cli.models.files import read_regular
from whisper_cli.models.hf_cache import RepoFolder, blob_name, commit_in, repo_folder, repo_folders
from whisper_cli.models.names import is_file_name

_ENGLISH_TOKENS = 51864  # openai-whisper: one token fewer than the smallest multilingual model
_LONGEST_VOCABULARY = 16 << 20  # bytes; that of Whisper has one
_WHISPER = b"WhisperSpec\0"  # CTranslate2 writes the kind of model near the start of model.bin


@dataclass(frozen=True, slots=True)
class InstalledModel:
    """A Whisper model in the cache, whoever put it there; `path` is its snapshot, `size` in bytes.

    `name` is what `resolve` takes to mean this one. A `corrupt` one lacks files of the catalogue,
    or has some of another size.
    """

    name: str
    repo: str
    revision: str
    path: Path
    size: int
    verified: bool
    last_used: datetime | None
    english_only: bool | None
    corrupt: bool = False
    kind: ModelKind = ModelKind.whisper


def find(model: Model) -> Path | None:
    """Find the folder of a complete model, without touching the network; None if it isn't here.

    Of a catalogue model the pinned revision is looked for first, then what the main branch was
    when another tool pulled it.
    """
    if model.folder:
        return model.folder
    for repo in filter(None, (model.repo, model.new_repo)):
        folder = repo_folder(repo)
        revisions = (model.revision, "main") if model.files else (model.revision or "main",)
        for commit in filter(None, (folder.commit(name) for name in revisions if name)):
            files = model.files if commit == model.revision else ()
            if _is_complete(folder.snapshot(commit), files):
                return folder.snapshot(commit)
    return None


def installed(*kinds: ModelKind) -> Iterator[InstalledModel]:
    """List the models in the cache, also those that other tools pulled.

    Whisper models, or those of some kinds, of which the others are known by the catalogue.
    """
    known = usage.load()
    for folder in repo_folders():
        for snapshot in folder.snapshots():
            if _kind(folder, snapshot) in (kinds or (ModelKind.whisper,)):
                yield _describe(folder, snapshot, known)


def select(names: Sequence[str], *kinds: ModelKind) -> list[InstalledModel]:
    """Find models that are here, by whatever names mean them; without names all of these kinds.

    Raises ModelError for one that isn't in the cache.
    """
    present = list(installed(*kinds))
    return list(dict.fromkeys(_pick(name, present) for name in names)) if names else present


def remove(model: InstalledModel) -> None:
    """Delete one snapshot, the refs that name it, and the blobs that no other snapshot links to.

    A repository left without a snapshot goes whole. Bytes that huggingface_hub keeps for several
    repositories at once stay where they are: `hf cache prune` frees those. Raises ModelError where
    the cache can't be changed.
    """
    try:
        _remove(model, repo_folder(model.repo))
    except OSError as error:
        raise ModelError(f"can't remove {model.name}: {error}") from error


def _remove(model: InstalledModel, folder: RepoFolder) -> None:
    for ref in folder.refs():
        if commit_in(ref) == model.revision:
            ref.unlink(missing_ok=True)
    rest = [path for path in folder.snapshots() if path != model.path]
    unused = _linked([model.path]) - _linked(rest)
    shutil.rmtree(model.path)
    for blob in unused:
        (folder.blobs / blob).unlink(missing_ok=True)
    if not rest:
        shutil.rmtree(folder.path)


def _pick(name: str, present: list[InstalledModel]) -> InstalledModel:
    for model in present:
        if name == model.name:
            return model
    path = find(resolve(name))
    for model in present:
        if path == model.path:
            return model
    raise ModelError(f'model "{name}" is not here', hint="whisper-cli list shows what is")


def _describe(folder: RepoFolder, snapshot: Path, known: usage.Usage) -> InstalledModel:
    files = [path for path in snapshot.rglob("*") if path.is_file()]
    model = in_catalog(folder.repo)
    pinned = model if model and model.files and model.revision == snapshot.name else None
    return InstalledModel(
        name=_name(folder, snapshot, model),
        repo=folder.repo,
        revision=snapshot.name,
        path=snapshot,
        size=sum(path.stat().st_size for path in files),
        verified=all(known.is_verified(path) for path in files),
        last_used=known.last_used(snapshot),
        english_only=model.english_only if model else _english_only(snapshot),
        corrupt=bool(pinned and not _is_complete(snapshot, pinned.files)),
        kind=model.kind if model else ModelKind.whisper,
    )


def _kind(folder: RepoFolder, snapshot: Path) -> ModelKind | None:
    """Tell what a snapshot is: by its content a Whisper model, by the catalogue another one."""
    model = in_catalog(folder.repo)
    if model and model.kind is not ModelKind.whisper:
        some = any(_size(snapshot / file.name) for file in model.files)
        return model.kind if some and model.revision == snapshot.name else None
    return ModelKind.whisper if _is_complete(snapshot) and _is_whisper(snapshot) else None


def _name(folder: RepoFolder, snapshot: Path, model: Model | None) -> str:
    if model and (snapshot.name == model.revision or find(model) == snapshot):
        return model.name
    if not model and folder.commit("main") == snapshot.name:
        return folder.repo
    return f"{folder.repo}@{snapshot.name}"


def _is_complete(snapshot: Path, files: tuple[ModelFile, ...] = ()) -> bool:
    if files:
        sizes = [(_size(snapshot / file.name), file.size) for file in files]
        return all(found and expected in (None, found) for found, expected in sizes)
    vocabulary = any(_size(path) for path in snapshot.glob("vocabulary.*"))
    return bool(_size(snapshot / "model.bin") and _size(snapshot / "config.json") and vocabulary)


def _size(file: Path) -> int:
    """Give a file's size, 0 for one that isn't there or links to nothing."""
    try:
        return file.stat().st_size
    except OSError:
        return 0


def _is_whisper(snapshot: Path) -> bool:
    with suppress(OSError), (snapshot / "model.bin").open("rb") as weights:
        return _WHISPER in weights.read(32)
    return False


def _english_only(snapshot: Path) -> bool | None:
    with suppress(OSError):
        text = read_regular(snapshot / "vocabulary.txt", _LONGEST_VOCABULARY)
        return text.count(b"\n") <= _ENGLISH_TOKENS
    with suppress(OSError, ValueError, TypeError, RecursionError):
        text = read_regular(snapshot / "vocabulary.json", _LONGEST_VOCABULARY)
        return len(json.loads(text)) <= _ENGLISH_TOKENS
    return None


def _linked(snapshots: list[Path]) -> set[str]:
    files = (path for snapshot in snapshots for path in snapshot.rglob("*"))
    return {name for path in files if is_file_name(name := blob_name(path))}
