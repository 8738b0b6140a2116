"""The main job on real weights: words, formats, streams, and what can't be heard."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest
import srt

from tests.conftest import clips

pytestmark = pytest.mark.slow
WORDS = "and so my fellow americans ask not what your country can do for you ask what you can do"


def plain(text: str) -> str:
    return " ".join(re.findall(r"[a-z']+", text.lower()))


def by_source(lines: str) -> dict[str, list[dict]]:
    """Gather JSONL by input; an input without segments has an empty list."""
    found: dict[str, list[dict]] = {}
    for event in map(json.loads, lines.splitlines()):
        segments = found.setdefault(Path(event["source"]).name, [])
        if event["type"] == "segment":
            segments.append(event)
    return found


def test_jfk_is_understood_in_every_format(run, speech, tiny_en):
    names = [c["path"] for c in clips("hard_formats") if c["expect"].startswith("transcript")]
    result = run(
        "transcribe", *[speech / name for name in names], "-m", tiny_en, "-o", "-", "-f", "jsonl"
    )
    assert (result.code, result.stderr) == (0, "")
    processed = by_source(result.stdout)
    assert len(processed) == len(names) >= 30
    for name, segments in processed.items():
        said = plain(" ".join(segment["text"] for segment in segments))
        right = sum(word in said.split() for word in set(WORDS.split()))
        assert right >= 12, (name, said)  # of 14 different words; 6 kbit/s costs one


def test_bare_pcm_needs_to_be_told_its_format(run, speech, tiny_en):
    pcm = speech / "hard_formats" / "jfk_16k_s16le.pcm"
    reported = run("transcribe", pcm, "-m", tiny_en, "--raw", "s16le:16000:1")
    assert reported.code == 0
    assert "fellow" in reported.stdout
    untold = run("transcribe", pcm, "-m", tiny_en)
    assert (untold.code, untold.stdout) == (3, "")
    assert "--raw s16le:16000:1" in untold.stderr


def test_the_second_track_is_heard_when_asked_for(run, speech, tiny_en):
    video = speech / "hard_formats" / "jfk_second_track.mkv"
    assert run("transcribe", video, "-m", tiny_en).stdout == ""
    assert "country" in run("transcribe", video, "-m", tiny_en, "--track", "2").stdout


@pytest.mark.parametrize("mode", [(), ("--mode", "exact"), ("--mode", "exact", "--no-vad")])
def test_a_track_that_was_chosen_is_told(run, speech, tiny_en, mode):
    video = speech / "hard_formats" / "jfk_second_track.mkv"
    told = run("transcribe", video, "-m", tiny_en, *mode)
    assert f"{video}: audio track 1 of 2 was chosen" in told.stderr
    named = run("transcribe", video, "-m", tiny_en, *mode, "--track", "2")
    assert (named.code, named.stderr) == (0, "")
    assert "country" in named.stdout


def test_damaged_files_give_what_is_there_or_a_clear_error(run, speech, tiny_en):
    entries = clips("hard_corrupt")
    files = [speech / entry["path"] for entry in entries]
    result = run("transcribe", *files, "-m", tiny_en, "-o", "-", "-f", "jsonl")
    assert result.code == 1
    processed = by_source(result.stdout)
    for entry in entries:
        name, expected = Path(entry["path"]).name, entry["expect"]
        failed = f"{name}" in "".join(
            line
            for line in result.stderr.splitlines()
            if line.startswith("error: ") and "inputs failed" not in line
        )
        if expected.startswith("clear error"):
            assert failed, name
        elif "partial" in expected:
            assert processed[name], name
            assert f"{name} is cut short after" in result.stderr
        else:
            assert failed or name in processed, name
    assert f"{len(entries) - len(processed)} of {len(entries)} inputs failed" in result.stderr


@pytest.mark.parametrize("kind", ["txt", "srt", "vtt", "json", "jsonl", "tsv", "lrc"])
def test_silence_and_noise_give_empty_but_valid_output(run, speech, tiny_en, kind):
    result = run(
        "transcribe", speech / "hard_content" / "silence_30s.flac", "-m", tiny_en, "-f", kind
    )
    assert result.code == 0
    if kind == "json":
        assert result.json()["segments"] == []
    elif kind == "jsonl":
        assert [json.loads(line)["type"] for line in result.stdout.splitlines()] == ["info", "end"]
    else:
        header = {"vtt": "WEBVTT", "tsv": "start\tend\ttext"}.get(kind, "")
        assert result.stdout.strip() == header


def test_hard_content_behaves_as_its_manifest_says(run, speech, tiny_en):
    entries = clips("hard_content")
    files = [speech / entry["path"] for entry in entries]
    result = run("transcribe", *files, "-m", tiny_en, "-o", "-", "-f", "jsonl")
    assert result.code == 0
    processed = by_source(result.stdout)
    for entry in entries:
        name = Path(entry["path"]).name
        said = plain(" ".join(segment["text"] for segment in processed[name]))
        if entry["expect"].startswith("empty"):
            assert said == "", name
        elif entry["expect"].startswith("transcript") and "WER" not in entry["expect"]:
            assert sum(word in said.split() for word in set(WORDS.split())) >= 12, (name, said)


def test_times_are_right_around_long_silence(run, speech, tiny_en):
    late = run(
        "transcribe",
        speech / "hard_content" / "jfk_first_3min_silence.flac",
        "-m",
        tiny_en,
        "-f",
        "srt",
    )
    cues = list(srt.parse(late.stdout))
    assert 179.5 < cues[0].start.total_seconds() < 181
    assert cues[-1].end.total_seconds() <= 191.01
    gap = run(
        "transcribe", speech / "hard_content" / "jfk_gap_2min.flac", "-m", tiny_en, "-f", "srt"
    )
    cues = list(srt.parse(gap.stdout))
    assert [c for c in cues if c.start.total_seconds() < 12 and c.end.total_seconds() > 12] == []
    assert any(130.5 < c.start.total_seconds() < 132 for c in cues)


def test_sound_that_starts_late_in_a_video_keeps_its_time(run, speech, tiny_en):
    result = run(
        "transcribe", speech / "hard_formats" / "jfk_audio_offset5s.mp4", "-m", tiny_en, "-f", "srt"
    )
    assert 4.5 < next(srt.parse(result.stdout)).start.total_seconds() < 6


def test_json_validates_and_has_words_when_asked(run, jfk, tiny_en):
    result = run("transcribe", jfk, "-m", tiny_en, "-f", "json", "--word-timestamps")
    transcript = result.json()
    schema = Path(__file__).parent.parent / "whisper_cli/formats/schema/transcript-1.json"
    jsonschema.validate(transcript, json.loads(schema.read_text()))
    assert transcript["schema"] == "whisper-cli/transcript/1"
    assert transcript["language"] == "en"
    assert transcript["duration"] == 11.0
    assert len(transcript["words"]) >= 20
    starts = [word["start"] for word in transcript["words"]]
    assert starts == sorted(starts)
    assert transcript["provenance"]["model"] == "tiny.en"
    assert len(transcript["provenance"]["revision"]) == 40
    assert len(transcript["provenance"]["input_sha256"]) == 64
    assert transcript["provenance"]["complete"] is True


def test_standard_input_is_sniffed_and_its_outputs_are_named(run, jfk, tiny_en, tmp_path):
    assert "country" in run("transcribe", "-", "-m", tiny_en, stdin=jfk.read_bytes()).stdout
    named = run("transcribe", "-", "-m", tiny_en, "-o", f"{tmp_path}/", stdin=jfk.read_bytes())
    assert (named.code, named.stdout) == (0, "")
    assert "country" in (tmp_path / "stdin.txt").read_text()


def test_a_clip_keeps_the_time_of_the_whole(run, jfk, tiny_en):
    result = run("transcribe", jfk, "-m", tiny_en, "-f", "json", "--clip", "5-11")
    segments = result.json()["segments"]
    assert segments[0]["start"] >= 4.9
    assert "fellow" not in result.json()["text"]
    assert "country" in result.json()["text"]


def test_the_language_is_detected_and_named_in_the_output(run, base, tmp_path):
    clip = Path(__file__).parent.parent / "samples" / "kerstin-de.flac"
    result = run(
        "transcribe",
        clip,
        "-m",
        base,
        "-f",
        "json",
        "--name",
        "{stem}.{language}.{ext}",
        "-o",
        f"{tmp_path}/",
    )
    assert result.code == 0
    transcript = json.loads((tmp_path / "kerstin-de.de.json").read_text())
    assert transcript["language"] == "de"
    assert transcript["language_probability"] > 0.5
    assert "spielten" in transcript["text"].lower()


def test_translation_gives_english(run, base):
    clip = Path(__file__).parent.parent / "samples" / "kerstin-de.flac"
    result = run("transcribe", clip, "-m", base, "--task", "translate")
    assert result.code == 0
    assert re.search(r"\b(the|players?|season|end)\b", result.stdout)


def test_the_peers_json_shapes_are_drop_in(run, jfk, tiny_en):
    openai = run("transcribe", jfk, "-m", tiny_en, "-f", "json", "--json-style", "openai").json()
    assert (openai["task"], openai["language"]) == ("transcribe", "english")
    whisper = run("transcribe", jfk, "-m", tiny_en, "-f", "json", "--json-style", "whisper").json()
    assert set(whisper) == {"text", "segments", "language"}
    assert {"seek", "tokens"} <= set(whisper["segments"][0])


def test_the_shell_pipeline_of_the_readme_works(jfk, tiny_en):
    command = f"{sys.executable} -m whisper_cli transcribe {jfk} -m {tiny_en} -f srt | head -3"
    done = subprocess.run(command, shell=True, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[0] == "1"
    assert "fellow" in done.stdout
    assert done.stderr == ""


ODD_NAMES = [
    "with space.flac",
    "new\nline.flac",
    """quo'te"s.flac""",
    "emoji 🎙️.flac",
    "-dash.flac",
    "n" * 200 + ".flac",
    "wrong.mp3",
    "noextension",
    os.fsdecode(b"not-utf8-\xff.flac"),
]


@pytest.mark.parametrize("kind", ["txt", "json"])
def test_any_file_name_works(run, jfk, tiny_en, tmp_path, monkeypatch, kind):
    for name in ODD_NAMES:
        (tmp_path / name).write_bytes(jfk.read_bytes())
    monkeypatch.chdir(tmp_path)
    result = run("transcribe", "-m", tiny_en, "-f", kind, "--clip", "0-4", "--", *ODD_NAMES)
    assert (result.code, result.stderr) == (0, "")
    for name in ODD_NAMES:
        written = (tmp_path / name).with_suffix(f".{kind}").read_text()
        assert "fellow" in written
        assert kind != "json" or json.loads(written)


def test_a_run_tells_nobody_of_itself(start, tiny_en, jfk, tmp_path):
    kept = ("PATH", "LANG", "HF_", "WHISPER_CLI_")  # a CI variable would keep onnxruntime quiet
    environment = {name: value for name, value in os.environ.items() if name.startswith(kept)}
    child = start("transcribe", jfk, "-m", tiny_en, env=environment | {"HOME": str(tmp_path)})
    assert b"country" in child.communicate(timeout=240)[0]
    assert list(tmp_path.iterdir()) == []  # where onnxruntime would keep what it has to send
