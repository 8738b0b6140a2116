"""Small models that are Whisper models to everything but an engine."""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from whisper_cli.download.options import PullOptions
from whisper_cli.download.sources import ModelSource
from whisper_cli.models.catalog import Model, ModelFile
from whisper_cli.models.hf_cache import publish

COMMIT = "c0ffee" * 6 + "c0de"
OTHER = "decade" * 6 + "face"
FILES = {
    "config.json": b'{"suppress_ids": []}',
    "model.bin": b"\6\0\0\0\x0c\0WhisperSpec\0" + bytes(range(256)) * 40,
    "tokenizer.json": b"{}",
    "vocabulary.txt": b"token\n" * 51865,
}


@pytest.fixture
def cache(isolated: Path) -> Path:
    """The cache of this test, not there yet."""
    return isolated / "hub"


def fake_model(
    files: Mapping[str, bytes] = FILES, repo: str = "acme/fake", revision: str = COMMIT
) -> Model:
    known = (
        ModelFile(name, len(data), sha256=hashlib.sha256(data).hexdigest(), lfs=name == "model.bin")
        for name, data in files.items()
    )
    return Model("fake", repo, revision, files=tuple(known))


def write(folder: Path, files: Mapping[str, bytes] = FILES) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in files.items():
        (folder / name).write_bytes(data)
    return folder


def using(*sources: ModelSource, **more: Any) -> PullOptions:
    """Pull from these sources."""
    return PullOptions(sources=sources, **more)


def published(model: Model, folder: Path, ref: str | None = None) -> Path:
    """Publish all files of a model from a folder."""
    temp_folder = folder / "scratch"
    temp_folder.mkdir(exist_ok=True)
    fetched = {file.name: folder / file.name for file in model.files}
    try:
        return publish(model, fetched, temp_folder, ref)
    finally:
        temp_folder.rmdir()
