"""`whisper-cli bench`: a row a model and mode, a memory of what does best, and clear errors."""

import pytest

from whisper_cli.choices import ComputeType
from whisper_cli.engine.device import ThreadSettings, splits


def test_without_a_model_there_is_nothing_to_measure(run):
    result = run("bench")
    assert (result.code, result.stdout) == (4, "")
    assert "whisper-cli pull base" in result.stderr


def test_threads_are_split_evenly_among_workers():
    assert splits(6) == [1, 2, 3, 6]
    assert splits(1) == [1]
    assert max(splits(64)) == 16


def test_what_did_best_is_remembered_and_bad_memory_ignored(tmp_path, caplog):
    thread_settings = ThreadSettings(tmp_path / "state" / "tuning.json")
    assert thread_settings.workers("base", ComputeType.auto, 4) == 0
    thread_settings.save("base", ComputeType.auto, 4, 2)
    thread_settings.save("tiny", ComputeType.auto, 4, 4)
    assert thread_settings.workers("base", ComputeType.auto, 4) == 2
    assert thread_settings.workers("base", ComputeType.auto, 8) == 0
    assert thread_settings.workers("base", ComputeType.int16, 4) == 0
    (tmp_path / "state" / "tuning.json").write_text("nonsense")
    assert thread_settings.workers("base", ComputeType.auto, 4) == 0
    assert "can't read" in caplog.text


@pytest.mark.slow
def test_every_run_decodes_and_keeps_nothing(run, tiny_en, isolated):
    result = run("bench", tiny_en, "--mode", "fast", "--seconds", "8", "--runs", "3", "--json")
    assert result.code == 0
    assert not (isolated / "cache").exists()


@pytest.mark.slow
def test_every_mode_of_a_model_is_measured(run, tiny_en):
    result = run("bench", tiny_en, "--seconds", "8", "--runs", "1", "--json")
    assert (result.code, result.stderr) == (0, "")
    rows = result.json()
    assert [row["case"]["mode"] for row in rows] == ["fast", "exact"]
    for row in rows:
        assert row["case"]["model"] == "tiny.en"
        assert row["audio_seconds"] == pytest.approx(8.0)
        assert 0 < row["first_cue"] <= row["seconds"]
        assert row["rtfx"] == pytest.approx(8 / row["seconds"], rel=0.01)
        assert row["memory"] > 50_000_000


@pytest.mark.slow
def test_tuning_is_used_by_the_next_run(run, tiny_en, monkeypatch, tmp_path):
    from whisper_cli.engine import device

    result = run("bench", tiny_en, "--tune", "--seconds", "8", "--runs", "1", "--threads", "2")
    assert result.code == 0
    assert [line.split("\t")[2] for line in result.stdout.splitlines()] == ["1", "2"]
    assert device.thread_settings().workers("tiny.en", ComputeType.auto, 2) in (1, 2)


@pytest.mark.slow
def test_a_recording_that_cannot_be_read_is_3(run, tiny_en, tmp_path):
    result = run("bench", tiny_en, "--audio", tmp_path / "none.wav", "--runs", "1")
    assert (result.code, result.stdout) == (3, "")
    assert "none.wav" in result.stderr
