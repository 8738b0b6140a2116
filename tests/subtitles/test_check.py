"""What `check` finds in anybody's subtitles."""

import pytest
from hypothesis import given, settings

from tests.subtitles.test_shape import speech
from whisper_cli.subtitles.check import check
from whisper_cli.subtitles.presets import PRESETS
from whisper_cli.subtitles.shaper import shape
from whisper_cli.transcript import Segment

BAD = """1
00:00:01,000 --> 00:00:01,500
<i>{}</i>

2
00:00:01,400 --> 00:00:09,000
a
b
c

3
00:00:09,300 --> 00:00:11,000
fine
""".format("x" * 43)


def test_each_problem_is_named_with_its_cue_measure_and_limit(run, tmp_path):
    (tmp_path / "bad.srt").write_text(BAD)
    found = run("check", tmp_path / "bad.srt", "--json").json()
    assert [(p["cue"], p["rule"], p["measured"], p["limit"]) for p in found["problems"]] == [
        (1, "max_line_width", 43, 42),
        (1, "max_cps", 86, 17),
        (1, "min_duration", 0.5, 0.833),
        (1, "overlap", 0.1, 0),
        (2, "max_lines", 3, 2),
        (2, "max_duration", 7.6, 7),
        (2, "chain", 0.3, 0.5),
    ]
    assert (found["cues"], found["broken"]) == (3, 2)


def test_strict_fails_where_a_rule_is_broken_and_only_there(run, tmp_path):
    (tmp_path / "bad.srt").write_text(BAD)
    (tmp_path / "good.vtt").write_text("WEBVTT\n\n00:01.000 --> 00:03.000\nfine &amp; good\n")
    assert run("check", tmp_path / "bad.srt").code == 0
    assert run("check", tmp_path / "bad.srt", "--strict").code == 1
    good = run("check", tmp_path / "good.vtt", "--strict")
    assert (good.code, good.stdout) == (0, "")


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", b"just words\n", None])
def test_what_holds_no_subtitles_is_refused(run, tmp_path, content):
    if content is not None:
        (tmp_path / "x.srt").write_bytes(content)
    result = run("check", tmp_path / "x.srt")
    assert (result.code, result.stdout) == (2, "")
    assert "x.srt" in result.stderr


@settings(max_examples=30)
@given(speech())
def test_our_cues_break_no_rule_that_words_allow_to_keep(segments):
    rules = PRESETS["netflix"]
    cues = list(shape(segments, rules, "en", segments[-1].end))
    hard = {"max_line_width", "max_lines", "max_duration", "overlap"}
    assert not [problem for problem in check(cues, rules) if problem.rule in hard]


def test_columns_count_twice_what_is_full_width():
    cue = Segment(0, 7, "世" * 22)
    assert [p.rule for p in check([cue], PRESETS["ted"])] == ["max_line_width"]


DAMAGED = {
    "a page": "<tt xmlns='http://www.w3.org/ns/ttml'><body><p begin='1s'",
    "SAMI without a start": "<SAMI><BODY><SYNC><P>x</SYNC></BODY></SAMI>",
    "JSON without styles": '{"info": {}, "events": []}',
    "a time beyond a float": '{"info": {}, "styles": {}, "events": [{"start": %s, "end": 1}]}'
    % ("9" * 400),
    "a time that is a text": '{"info": {}, "styles": {}, "events": [{"start": "a", "end": 1}]}',
}


@pytest.mark.parametrize("text", DAMAGED.values(), ids=DAMAGED)
def test_damaged_subtitles_are_an_error_that_names_the_file(run, tmp_path, text):
    path = tmp_path / "x.srt"
    path.write_text(text)
    result = run("check", path)
    assert (result.code, result.stdout) == (2, "")
    assert result.stderr.startswith(f"error: {path} holds no subtitles")
