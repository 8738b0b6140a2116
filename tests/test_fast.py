"""The fast engine through the program: options that work in batches, strictness, order."""

import json
import re
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import soundfile

pytestmark = pytest.mark.slow
SAMPLES = Path(__file__).parent.parent / "samples"


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("--mode", "slow"),
        ("--language-candidates", "en,klingon"),
        ("--compression-ratio-threshold", "high"),
        ("--suppress-tokens", "a"),
        ("--workers", "-1"),
    ],
)
def test_a_bad_value_is_a_usage_error(run, jfk, option, value):
    result = run("transcribe", jfk, option, value)
    assert (result.code, result.stdout) == (2, "")
    assert option in result.stderr


def test_several_workers_and_batches_give_the_same_words(run, tiny_en, jfk, speech):
    files = [jfk, SAMPLES / "austen.wav", *sorted((speech / "hard_formats").glob("*.flac"))]

    def processed(*more: str) -> str:
        result = run("transcribe", *files, "-m", tiny_en, "-o", "-", "-f", "txt", *more)
        assert (result.code, result.stderr) == (0, "")
        return result.stdout

    one = processed("--workers", "1", "--threads", "1", "--batch-size", "1")
    many = processed("--workers", "3", "--batch-size", "8")
    assert one.split() == many.split()


def test_the_order_on_stdout_is_that_of_the_inputs(run, tiny_en, jfk, tmp_path):
    samples, rate = soundfile.read(jfk, dtype="float32")
    long = tmp_path / "long.wav"
    soundfile.write(long, np.tile(samples, (8, 1)), rate)
    files = [long, SAMPLES / "austen.wav", jfk]
    result = run("transcribe", *files, "-m", tiny_en, "-o", "-", "-f", "jsonl", "--workers", "3")
    sources = [Path(json.loads(line)["source"]).name for line in result.stdout.splitlines()]
    assert list(dict.fromkeys(sources)) == ["long.wav", "austen.wav", "jfk.flac"]
    assert sources == sorted(sources, key=["long.wav", "austen.wav", "jfk.flac"].index)


def test_cues_are_short_and_in_order_in_a_long_recording(run, tiny_en, jfk, tmp_path):
    samples, rate = soundfile.read(jfk, dtype="float32")
    long = tmp_path / "long.wav"
    soundfile.write(long, np.tile(samples, (12, 1)), rate)
    segments = run("transcribe", long, "-m", tiny_en, "-f", "json").json()["segments"]
    assert max(segment["end"] - segment["start"] for segment in segments) <= 7.001
    for before, later in pairwise(segments):
        assert before["start"] <= before["end"] <= later["start"] + 1e-3
    said = " ".join(segment["text"] for segment in segments).lower()
    assert said.count("your country can do for you") >= 11


def test_fallback_and_thresholds_work_in_batches(run, tiny_en, jfk):
    strict = ("--log-prob-threshold", "-0.01", "--temperature", "0,0.4")
    segments = run("transcribe", jfk, "-m", tiny_en, "-f", "json", *strict).json()["segments"]
    assert {segment["temperature"] for segment in segments} == {0.4}
    silent = ("--no-speech-threshold", "-1", "--log-prob-threshold", "1")
    transcript = run("transcribe", jfk, "-m", tiny_en, "-f", "json", *silent).json()
    assert transcript["segments"] == []
    assert {item["reason"] for item in transcript["dropped"]} == {"silence"}


def test_tokens_can_be_suppressed_and_prompts_steer(run, tiny_en, jfk):
    plain = run("transcribe", jfk, "-m", tiny_en).stdout
    without = run("transcribe", jfk, "-m", tiny_en, "--suppress-tokens", "-1,1265").stdout
    assert "ask" in plain.split()
    assert "ask" not in without.split()  # 1265 is " ask"
    prompted = run("transcribe", jfk, "-m", tiny_en, "--hotwords", "Amerikans").stdout
    assert "country" in prompted


def test_speech_without_text_fails_only_when_strict(run, tiny_en, jfk):
    mute = ("-m", tiny_en, "--no-speech-threshold", "-1", "--log-prob-threshold", "1")
    lenient = run("transcribe", jfk, *mute)
    assert (lenient.code, lenient.stdout) == (0, "")
    assert "speech were found, and no text" in lenient.stderr
    assert run("transcribe", jfk, *mute, "--strict").code == 1
    assert run("transcribe", jfk, "-m", tiny_en, "--strict").code == 0


def test_translation_works_in_batches(run, base):
    clip = SAMPLES / "kerstin-de.flac"
    reported = run("transcribe", clip, "-m", base, "--task", "translate").stdout.lower()
    said = set(re.findall(r"\w+", reported))  # which English it is depends on the processor
    assert said & {"the", "they", "without", "end"}
    assert not said & {"die", "sie", "immerhin", "spielten", "ohne", "zu"}


def test_a_gpu_that_fails_is_not_named_in_the_transcript(run, tiny_en, jfk, tmp_path, monkeypatch):
    import ctranslate2

    monkeypatch.setattr(ctranslate2, "get_cuda_device_count", lambda: 1)
    asked = ("transcribe", jfk, "-m", tiny_en, "-f", "json", "-o")
    first = run(*asked, tmp_path / "a.json")
    assert "the CPU does the work" in first.stderr
    assert run(*asked, tmp_path / "a.json").stderr == ""  # it is up to date
    run(*asked, tmp_path / "b.json")  # from what was stored
    for name in ("a.json", "b.json"):
        reported = json.loads((tmp_path / name).read_text())["provenance"]
        assert (reported["device"], reported["compute_type"]) == ("cpu", "int8")
