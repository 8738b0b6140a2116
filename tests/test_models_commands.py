"""list, pull, rm and verify on real files."""

import shutil
from pathlib import Path

import pytest

from tests.conftest import MODELS
from tests.models.fakes import cache, fake_model, published, write
from whisper_cli.models.catalog import ModelKind, catalog, resolve

__all__ = ["cache"]  # a fixture

KEYS = {"name", "repo", "revision", "size", "path", "kind"}
KEYS |= {"installed", "verified", "damaged", "last_used"}


@pytest.fixture
def own_tiny_en(tiny_en, tmp_path, monkeypatch) -> Path:
    """A copy of tiny.en in a cache that a test may break."""
    hub = tmp_path / "hub"
    name = "models--Systran--faster-whisper-tiny.en"
    shutil.copytree(MODELS / name, hub / name, symlinks=True)
    monkeypatch.setenv("HF_HUB_CACHE", str(hub))
    return hub


def test_an_empty_cache_lists_nothing(run):
    assert (run("list").stdout, run("list", "--json").json()) == ("", [])


def test_the_catalogue_lists_every_model(run):
    rows = [line.split("\t") for line in run("list", "--remote").stdout.splitlines()]
    assert [row[0] for row in rows] == [model.name for model in catalog(*ModelKind)]
    models = run("list", "--remote", "--json").json()
    assert all(set(model) == KEYS and not model["installed"] for model in models)


def test_a_model_whose_sizes_are_not_the_catalogues_is_called_damaged(run, cache, tmp_path):
    model = resolve("tiny")
    put = fake_model(repo=str(model.repo), revision=str(model.revision))
    published(put, write(tmp_path / "staged"))
    listed = run("list")
    assert listed.stdout.split("\t")[4] == "damaged"
    assert listed.stderr == "warning: tiny is damaged; whisper-cli pull tiny mends it\n"
    [row] = [line for line in run("list", "--remote").stdout.splitlines() if line[:5] == "tiny\t"]
    assert row.endswith("\tdamaged")
    [reported] = run("list", "--json").json()
    assert (reported["installed"], reported["verified"], reported["damaged"]) == (True, False, True)


@pytest.mark.slow
def test_a_pulled_model_is_listed_verified_used_and_removed(run, own_tiny_en, jfk):
    pulled = run("pull", "tiny.en")
    assert pulled.code == 0
    assert Path(pulled.stdout.strip()).joinpath("model.bin").exists()
    [model] = run("list", "--json").json()
    assert set(model) == KEYS
    assert (model["name"], model["installed"]) == ("tiny.en", True)
    assert model["size"] == 78090594
    verified = run("verify")
    assert (verified.code, verified.stdout) == (0, "tiny.en\tverified\n")
    assert run("transcribe", jfk, "-m", "tiny.en", "--offline").code == 0
    [model] = run("list", "--json").json()
    assert model["verified"] is True
    assert model["last_used"] is not None
    assert run("rm", "tiny.en").code == 0
    assert run("list", "--json").json() == []
    assert list(own_tiny_en.glob("models--*")) == []


@pytest.mark.slow
def test_damage_is_found_named_and_mended(run, own_tiny_en, monkeypatch):
    [blob] = [path.resolve() for path in own_tiny_en.rglob("model.bin")]
    data = bytearray(blob.read_bytes())
    data[1000] ^= 1
    blob.write_bytes(data)
    result = run("verify", "tiny.en")
    assert (result.code, result.stdout) == (4, "")
    assert "model.bin is damaged" in result.stderr
    assert "expected sha256 1a5afae06a4db91c" in result.stderr
    assert run("pull", "tiny.en", "--force", "--source", "index").code == 0
    assert run("verify", "tiny.en").code == 0


def test_pulling_offline_or_from_nowhere_is_an_error(run):
    offline = run("pull", "medium", "--source", "hub")
    assert offline.code == 5
    assert "hub: no connection to 127.0.0.1" in offline.stderr
    assert run("pull", "no-such").code == 4
    assert run("rm", "tiny").code == 4
    assert run("verify", "tiny").code == 4


def test_a_model_for_speakers_is_listed_verified_and_removed_and_transcribes_nothing(
    run, cache, jfk
):
    model = resolve("campplus-zh-en")
    folder = cache / "models--csukuangfj--speaker-embedding-models"
    blob = folder / "blobs" / str(model.files[0].sha256)
    snapshot = folder / "snapshots" / str(model.revision)
    blob.parent.mkdir(parents=True)
    snapshot.mkdir(parents=True)
    with blob.open("wb") as file:
        file.truncate(model.size or 0)
    (snapshot / model.files[0].name).symlink_to(blob)
    [listed] = run("list", "--json").json()
    assert (listed["name"], listed["kind"], listed["damaged"]) == (model.name, "embedding", False)
    assert run("list").stdout.rstrip().endswith("\tembedding")
    corrupt = run("verify", model.name)
    assert (corrupt.code, "expected sha256 aa3cfc" in corrupt.stderr) == (4, True)
    refused = run("transcribe", jfk, "-m", model.name)
    assert refused.code == 4
    assert "is a model for speakers (embedding)" in refused.stderr
    assert run("rm", model.name).code == 0
    assert not folder.exists()
