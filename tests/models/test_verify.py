import json
import logging
from pathlib import Path

import pytest

from tests.models.fakes import FILES, fake_model, published, write
from whisper_cli.errors import ModelError
from whisper_cli.models import usage
from whisper_cli.models.catalog import resolve
from whisper_cli.models.store import installed
from whisper_cli.models.verify import verify
from whisper_cli.paths import state_dir


@pytest.fixture
def snapshot(cache: Path, tmp_path: Path) -> Path:
    return published(fake_model(), write(tmp_path / "staged"))


def test_every_file_is_compared_with_the_name_of_its_blob(snapshot: Path):
    passed = [check.file for check in verify(snapshot) if check.digest]
    assert passed == sorted(FILES)
    assert [model.verified for model in installed()] == [True]


@pytest.mark.parametrize("name", ["model.bin", "config.json"])
def test_one_changed_bit_is_found_and_both_hashes_are_named(snapshot: Path, name: str):
    data = bytearray(FILES[name])
    data[-1] ^= 1
    list(verify(snapshot))
    blob = (snapshot / name).resolve()
    blob.write_bytes(data)
    expected = rf"{name} is damaged: expected (sha256|sha1) {blob.name}, got [0-9a-f]{{40,64}} "
    with pytest.raises(ModelError, match=expected) as caught:
        list(verify(snapshot))
    assert caught.value.exit_code == 4
    assert "whisper-cli pull --force" in str(caught.value.hint)
    assert [model.verified for model in installed()] == [False]


def test_a_catalogue_model_is_compared_with_the_catalogue(cache: Path, tmp_path: Path):
    model = resolve("tiny")
    pretender = fake_model(repo=str(model.repo), revision=str(model.revision))
    snapshot = published(pretender, write(tmp_path / "staged"))
    with pytest.raises(ModelError, match=f"expected sha256 {model.files[0].sha256}"):
        list(verify(snapshot))


def test_a_missing_blob_is_named(snapshot: Path):
    (snapshot / "tokenizer.json").resolve().unlink()
    with pytest.raises(ModelError, match=r"tokenizer\.json is missing"):
        list(verify(snapshot))


def test_a_copy_with_nothing_to_compare_it_with_does_not_count_as_verified(
    snapshot: Path, caplog: pytest.LogCaptureFixture
):
    (snapshot / "notes.txt").write_text("mine")
    assert "notes.txt" not in {check.file for check in verify(snapshot)}
    assert "not verified: nothing is known to compare" in caplog.text
    assert [model.verified for model in installed()] == [False]


def test_what_was_verified_is_forgotten_when_the_file_changes(snapshot: Path):
    weights = snapshot / "model.bin"
    usage.note_verified({weights: "-"})
    assert usage.load().is_verified(weights)
    assert usage.load().digest(weights) == "-"
    weights.write_bytes(FILES["model.bin"] + b"more")
    assert not usage.load().is_verified(weights)
    weights.resolve().unlink()
    assert not usage.load().is_verified(weights)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"verified": {"a": 1}, "used": {}}', "\udcff"])
def test_a_corrupt_memory_is_ignored_with_a_warning_and_replaced(
    snapshot: Path, text: str, caplog: pytest.LogCaptureFixture
):
    memory = state_dir() / "models.json"
    memory.parent.mkdir()
    memory.write_bytes(text.encode(errors="surrogateescape"))
    assert usage.load() == usage.Usage()
    assert [record.levelno for record in caplog.records] == [logging.WARNING]
    usage.note_used(snapshot)
    assert usage.load().last_used(snapshot)


def test_what_is_gone_is_forgotten(snapshot: Path, tmp_path: Path):
    usage.note_used(snapshot)
    usage.note_verified({snapshot / "model.bin": "-"})
    (snapshot / "model.bin").resolve().unlink()
    usage.note_used(tmp_path)
    remembered = json.loads((state_dir() / "models.json").read_text())
    assert set(remembered["used"]) == {str(snapshot), str(tmp_path)}
    assert remembered["verified"] == {}


def test_a_state_folder_that_cannot_be_written_stops_nothing(
    snapshot: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    (tmp_path / "file").touch()
    monkeypatch.setenv("WHISPER_CLI_STATE_DIR", str(tmp_path / "file" / "below"))
    usage.note_used(snapshot)
    assert usage.load() == usage.Usage()
