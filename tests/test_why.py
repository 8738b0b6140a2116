"""Why, through the program: -v, --debug and --log-json, in one process and from another one."""

import json

import pytest

from whisper_cli.decisions import about

pytestmark = pytest.mark.slow
SILENT = ("--no-speech-threshold", "-1", "--log-prob-threshold", "1")
EVENTS = {"device", "chunk", "batch", "search", "dropped"}


@pytest.mark.parametrize("mode", ["fast", "exact"])
def test_each_text_that_is_left_out_is_a_line_with_v(run, tiny_en, jfk, mode):
    asked = ("transcribe", jfk, "-m", tiny_en, "--mode", mode, *SILENT, "--temperature", "0")
    quiet, reported = run(*asked, "-f", "json"), run(*asked, "-f", "json", "-v")
    assert quiet.stdout == reported.stdout
    assert "left out" not in quiet.stderr
    dropped = reported.json()["dropped"]
    assert {item["reason"] for item in dropped} == {"silence"}
    again = run(*asked, "-f", "json", "-v", "--no-resume")  # what is kept is told, as what is new
    for result in (reported, again):
        assert result.stderr.count("left out (silence)") == len(dropped) > 0


@pytest.mark.parametrize("count", [1, 2], ids=["here", "from the worker process"])
def test_each_decision_is_told_with_numbers_for_programs(run, tiny_en, jfk, tmp_path, count):
    clips = [tmp_path / f"{number}.flac" for number in range(count)]
    for clip in clips:
        clip.write_bytes(jfk.read_bytes())
    asked = ("-m", tiny_en, "-o", f"{tmp_path}/out/", *SILENT, "--debug", "--log-json")
    about("an earlier input.wav")  # what this thread worked on before is not told of the device
    result = run("transcribe", *clips, *asked)
    assert result.code == 0, result.stderr
    records = [json.loads(line) for line in result.stderr.splitlines()]
    assert all({"level", "message"} <= record.keys() for record in records)
    for clip in clips:
        mine = [item for item in records if item.get("input") in (None, str(clip))]
        assert {item.get("event") for item in mine} >= EVENTS
    [*_, search] = [item for item in records if item.get("event") == "search"]
    assert isinstance(search["measured"], float)
    assert search["limit"] == -0.4


def test_decisions_are_lines_for_people_without_log_json(run, tiny_en, jfk):
    result = run("transcribe", jfk, "-m", tiny_en, "--debug", "--log-prob-threshold", "-0.01")
    assert result.code == 0
    for part in ("decoding on cpu", "cut where the speech ends", "are decoded again", "(limit "):
        assert part in result.stderr


def test_an_error_is_a_line_of_json_too(run, tmp_path):
    result = run("transcribe", tmp_path / "missing.mp3", "--log-json")
    record = json.loads(result.stderr)
    assert (result.code, record["level"]) == (3, "error")
    assert "missing.mp3" in record["message"]
