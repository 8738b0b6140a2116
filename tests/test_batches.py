"""Batches for scripts: lists, shards, plans, summaries, and where they stop."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.batch.fakes import noise
from whisper_cli.audio.sources import Inputs, Shard, Source

SCHEMA = Path(__file__).parent.parent / "whisper_cli/formats/schema/summary-1.json"


def summary(path: Path) -> dict:
    found = json.loads(path.read_text("utf-8"))
    jsonschema.validate(found, json.loads(SCHEMA.read_text("utf-8")))
    return found


def planned(result) -> list[str]:
    assert (result.code, result.stderr) == (0, "")
    return [Path(json.loads(line)["input"]).name for line in result.stdout.splitlines()]


def test_a_list_on_stdin_names_inputs_whose_outputs_go_beside_them(run, tmp_path):
    odd = noise(tmp_path / "with\nbreak.wav")
    plain = noise(tmp_path / "plain.wav")
    result = run(
        "transcribe", "--stdin-list", "-0", "--list-jobs", "-f", "srt,vtt",
        stdin=os.fsencode(odd) + b"\0" + os.fsencode(plain) + b"\0",
    )  # fmt: skip
    jobs = [json.loads(line) for line in result.stdout.splitlines()]
    assert [job["input"] for job in jobs] == [str(odd), str(plain)]
    assert jobs[1] == {
        "input": str(plain),
        "outputs": [str(plain.with_suffix(".srt")), str(plain.with_suffix(".vtt"))],
        "formats": ["srt", "vtt"],
    }
    one = run("transcribe", "--stdin-list", "--list-jobs", stdin=f"{plain}\n".encode())
    assert json.loads(one.stdout)["outputs"] == [str(plain.with_suffix(".txt"))]


def test_a_plan_shows_stdout_and_a_language_that_is_open(run, tmp_path):
    wav = noise(tmp_path / "a.wav")
    to_stdout = run("transcribe", wav, "--list-jobs")
    assert json.loads(to_stdout.stdout)["outputs"] == ["-"]
    named = run("transcribe", wav, "--list-jobs", "-o", f"{tmp_path}/", "--name", "{language}.txt")
    assert json.loads(named.stdout)["outputs"] == [f"{tmp_path}/{{language}}.txt"]
    assert list(tmp_path.iterdir()) == [wav]


def test_nothing_named_is_a_usage_error(run):
    for arguments in ([], ["--list-jobs"]):
        result = run("transcribe", *arguments)
        assert (result.code, result.stdout) == (2, "")
        assert "missing argument" in result.stderr
    assert run("transcribe", "--stdin-list").code == 2


@pytest.mark.parametrize("text", ["0/2", "3/2", "2", "a/b", "1/0", "-1/2"])
def test_a_shard_is_a_number_of_a_count(run, tmp_path, text):
    result = run("transcribe", noise(tmp_path / "a.wav"), "--shard", text)
    assert (result.code, result.stdout) == (2, "")
    assert "is not a shard" in result.stderr


@given(st.lists(st.text("abcdefgh/", min_size=1), unique=True), st.integers(1, 9))
def test_shards_part_a_list_and_each_input_keeps_its_own(names, count):
    inputs = Inputs(tuple(Source(Path(name)) for name in names), has_folder=False)
    parts = [Shard(number, count).of(inputs).sources for number in range(1, count + 1)]
    assert sorted(source.name for part in parts for source in part) == sorted(
        source.name for source in inputs.sources
    )
    alone = [Inputs((source,), has_folder=True) for source in inputs.sources]
    first = [Shard(1, count).of(item).sources for item in alone]
    assert [source for part in first for source in part] == list(parts[0])


def test_a_shard_of_a_folder_is_the_same_wherever_the_folder_is(run, tmp_path):
    present, there = tmp_path / "here", tmp_path / "elsewhere"
    for number in range(9):
        noise(present / f"{number}.wav", 0.1)
    shutil.copytree(present, there)
    shards = [
        planned(run("transcribe", present, "--list-jobs", "--shard", f"{n}/3")) for n in (1, 2, 3)
    ]
    assert sorted(name for shard in shards for name in shard) == [
        f"{number}.wav" for number in range(9)
    ]
    assert planned(run("transcribe", there, "--list-jobs", "--shard", "2/3")) == shards[1]


def test_a_plan_of_twenty_thousand_files_takes_seconds(run, tmp_path):
    for number in range(20_000):
        (tmp_path / f"{number}.wav").touch()
    result = run("transcribe", tmp_path, "--list-jobs", "-f", "srt")
    assert len(planned(result)) == 20_000


@pytest.mark.slow
def test_the_summary_tells_what_became_of_each_input(run, tmp_path, jfk, tiny_en):
    good, bad = tmp_path / "good.flac", tmp_path / "bad.mp3"
    shutil.copy(jfk, good)
    bad.write_bytes(b"no sound at all")
    reported = tmp_path / "summary.json"
    arguments = ("transcribe", good, bad, "-m", tiny_en, "-f", "srt", "--summary", reported)
    assert run(*arguments).code == 1
    found = summary(reported)
    assert found["exit_code"] == 1
    assert found["counts"] == {"done": 1, "skipped": 0, "failed": 1, "left": 0}
    done, failed = found["inputs"]
    assert (done["status"], done["language"], round(done["duration"])) == ("done", "en", 11)
    assert done["outputs"] == [str(tmp_path / "good.srt")]
    assert done["rtfx"] > 0
    assert (failed["input"], failed["status"]) == (str(bad), "failed")
    assert (failed["error"]["class"], failed["error"]["exit_code"]) == ("AudioError", 3)
    run(*arguments)
    assert summary(reported)["counts"] == {"done": 0, "skipped": 1, "failed": 1, "left": 0}


@pytest.mark.slow
def test_fail_fast_stops_at_the_first_failure(run, tmp_path, jfk, tiny_en):
    bad = [tmp_path / f"{number}.mp3" for number in range(3)]
    for item in bad:
        item.write_bytes(b"no sound at all")
    reported = tmp_path / "summary.json"
    result = run("transcribe", *bad, jfk, "-o", f"{tmp_path}/", "-m", tiny_en, "--fail-fast",
                 "--summary", reported)  # fmt: skip
    assert (result.code, result.stdout) == (1, "")
    assert f"1 of 4 inputs failed: {bad[0]}; 3 not done" in result.stderr
    assert summary(reported)["counts"] == {"done": 0, "skipped": 0, "failed": 1, "left": 3}
    assert not (tmp_path / "jfk.txt").exists()


def test_a_summary_that_cant_be_written_is_said_before_the_work(run, tmp_path):
    wav = noise(tmp_path / "a.wav")
    result = run("transcribe", wav, "--summary", tmp_path / "no" / "such.json")
    assert (result.code, result.stdout) == (2, "")
    assert "such.json" in result.stderr


def test_a_run_without_a_model_has_a_summary_too(run, tmp_path):
    wav, reported = noise(tmp_path / "a.wav"), tmp_path / "s.json"
    result = run("transcribe", wav, "-m", "base", "--offline", "--summary", reported)
    assert result.code == 4
    assert summary(reported)["exit_code"] == 4
    assert summary(reported)["counts"]["left"] == 1


@pytest.mark.slow
def test_find_feeds_shards_through_xargs(tmp_path, jfk, tiny_en):
    """The recipe: one process a shard, each with its own part of the same list."""
    for number in range(4):
        shutil.copy(jfk, tmp_path / f"{number}.flac")
    script = (
        'seq 2 | xargs -P 2 -I N sh -c \'find . -name "*.flac" -print0 | '
        f"{sys.executable} -m whisper_cli transcribe --stdin-list -0 --shard N/2 "
        f"-m {tiny_en} -f srt'"
    )
    subprocess.run(["sh", "-ec", script], cwd=tmp_path, check=True)
    assert len(list(tmp_path.glob("*.srt"))) == 4


@pytest.mark.slow
def test_nothing_is_complained_of_where_the_exact_engine_of_a_batch_ends(
    start, tiny_en, jfk, tmp_path
):
    clips = [shutil.copy(jfk, tmp_path / name) for name in ("a.flac", "b.flac")]
    child = start("transcribe", *clips, "-m", tiny_en, "--mode", "exact", "--clip", "0-2")
    _, complaints = child.communicate()
    assert (child.returncode, complaints) == (0, b"")


def test_a_summary_replaces_no_recording_and_no_device(run, jfk, tmp_path):
    recording = tmp_path / "a.flac"
    recording.write_bytes(jfk.read_bytes())
    result = run("transcribe", jfk, "--offline", "--summary", recording)  # FILE was forgotten
    assert (result.code, result.stdout) == (2, "")
    assert "is no summary: kept" in result.stderr
    assert recording.read_bytes() == jfk.read_bytes()
    device = tmp_path / "null"
    device.symlink_to("/dev/null")
    assert run("transcribe", "none.mp3", "--offline", "--summary", device).code == 3
    assert device.is_symlink()
    assert run("transcribe", jfk, "--offline", "--summary", "").code == 2
