"""Who speaks, in every format, and the settings of WebVTT cues."""

import csv
import html
import json
from dataclasses import replace

import pysubs2
import pytest
import srt
import webvtt
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.documents.samples import TALK, TURNS
from tests.formats.samples import INFO
from tests.subtitles.test_shape import speech
from whisper_cli.batch.transforms import transforms
from whisper_cli.formats.registry import Format, FormatOptions
from whisper_cli.subtitles.check import check
from whisper_cli.subtitles.presets import PRESETS, CueOptions
from whisper_cli.transcript import Segment

NAMES = [name or "" for name, _, _ in TURNS]


@pytest.fixture
def talk(tmp_path):
    path = tmp_path / "talk.json"
    path.write_text(json.dumps(TALK))
    return path


def test_voices_of_webvtt_and_names_of_ass_are_the_speakers(run, talk):
    captions = webvtt.from_string(run("render", talk, "-f", "vtt").stdout).captions
    assert [html.unescape(item.voice or "") for item in captions] == NAMES
    events = pysubs2.SSAFile.from_string(run("render", talk, "-f", "ass").stdout)
    assert [event.name for event in events] == NAMES
    rows = csv.DictReader(run("render", talk, "-f", "csv").stdout.splitlines())
    assert [row["speaker"] for row in rows] == NAMES


def passed(kind, segments, cues=None):
    found = list(segments)
    for stage in transforms(kind, INFO, FormatOptions(), cues):
        found = [item for item in found for item in stage.add(item)] + list(stage.end(None))
    return found


def said(*names):
    return [Segment(at, at + 1, f" word {at}", speaker=name) for at, name in enumerate(names)]


@pytest.mark.parametrize("kind", [Format.srt, Format.lrc, Format.ttml])
def test_a_name_is_said_where_the_speaker_changes(kind):
    texts = [item.text for item in passed(kind, said("A", "A", "B", None, "B", " \n", "A\nb"))]
    assert texts == [
        " A: word 0", " word 1", " B: word 2", " word 3", " B: word 4", " word 5", " A b: word 6",
    ]  # fmt: skip


def test_what_is_blank_gets_no_name():
    blank = Segment(0, 1, " \n", speaker="A")
    texts = [item.text for item in passed(Format.srt, [blank, *said("A")])]
    assert texts == [" \n", " A: word 0"]


@pytest.mark.parametrize("kind", sorted(set(Format) - {Format.srt, Format.lrc, Format.ttml}))
def test_formats_with_a_place_for_names_keep_the_text(kind):
    assert [item.text for item in passed(kind, said("A", "B"))] == [" word 0", " word 1"]


@settings(max_examples=40)
@given(speech(), st.data())
def test_names_make_no_line_too_long_and_are_all_there(segments, data):
    names = data.draw(
        st.lists(st.sampled_from(["Ann", "Dr. Müller-Lüdenscheidt", None]), min_size=len(segments))
    )
    named = [replace(item, speaker=name) for item, name in zip(segments, names, strict=False)]
    cues = passed(Format.srt, named, CueOptions("netflix"))
    hard = {"max_line_width", "max_lines", "overlap"}
    assert not [item for item in check(cues, PRESETS["netflix"]) if item.rule in hard]
    needed = passed(Format.srt, [item for item in named if item.text.strip()])
    assert "".join("".join(item.text for item in cues).split()) == "".join(
        "".join(item.text for item in needed).split()
    )


def test_labels_are_read_back_with_the_text(run, talk):
    cues = [cue.content for cue in srt.parse(run("render", talk, "-f", "srt").stdout)]
    assert cues == [f"{name}: {text}" if name else text for name, text, _ in TURNS]
    words = run("render", talk, "-f", "srt", "--highlight", "words").stdout
    assert "Anna: <u>Well,</u> <i>Mr." in words
    assert "<u>Anna" not in words


@pytest.mark.parametrize(
    "given_",
    ["line:0 align:start", "line:-1", "line:85.5%,end", "position:10%,line-left size:80%",
     "vertical:rl", "  align:right  "],
)  # fmt: skip
def test_settings_stand_in_every_cue_of_webvtt(run, talk, given_):
    result = run("render", talk, "-f", "vtt", "--vtt-settings", given_)
    timings = [line for line in result.stdout.splitlines() if "-->" in line]
    assert len(timings) == 3
    assert all(line.endswith(" " + given_.strip()) for line in timings)
    assert len(webvtt.from_string(result.stdout).captions) == 3


@pytest.mark.parametrize(
    "bad",
    ["line", "line:", "line:x", "align:top", "align:middle", "size:101%", "size:50", "position:5",
     "vertical:up", "region:r", "line:0 line:1", "line:0\n\n00:00", "line:0 -->", "color:red"],
)  # fmt: skip
def test_settings_that_the_standard_does_not_know_are_refused(run, talk, bad):
    result = run("render", talk, "-f", "vtt", "--vtt-settings", bad)
    assert (result.code, result.stdout) == (2, "")
    assert "--vtt-settings" in result.stderr


def test_other_settings_make_only_webvtt_stale(run, talk):
    ask = ("render", talk, "-f", "vtt,srt", "-o", f"{talk.parent}/", "-v")
    assert run(*ask).stderr.count("written") == 2
    again = run(*ask, "--vtt-settings", "line:0").stderr
    assert (again.count("talk.vtt: written"), again.count("written")) == (1, 1)
