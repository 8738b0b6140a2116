"""What `check` finds in anybody's subtitles."""

import pytest
from hypothesis import given, settings

from tests.subtitles.test_shape import speech
from whisper_cli.console.console import Console
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


PLAIN = "1\n00:00:01,000 --> 00:00:04,000\n{}\n"


def found(run, path, text, *options):
    """List the broken rules of a file, with what was measured."""
    path.write_bytes(text.encode())
    result = run("check", path, "--json", *options)
    assert result.code == 0, result.stderr
    return [(item["rule"], item["measured"]) for item in result.json()["problems"]]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-be"])
def test_a_mark_names_the_encoding(run, tmp_path, encoding):
    mark = "\ufeff" if encoding == "utf-16-be" else ""
    (tmp_path / "x.srt").write_bytes((mark + PLAIN.format("é" * 43)).encode(encoding))
    for options in ((), ("--encoding", "cp1252")):
        shown = run("check", tmp_path / "x.srt", "--json", *options).json()
        assert [item["measured"] for item in shown["problems"]] == [43]


def test_another_encoding_is_named_by_a_flag_and_the_hint_says_so(run, tmp_path):
    path = tmp_path / "x.srt"
    path.write_bytes(PLAIN.format("世" * 22).encode("gbk"))
    refused = run("check", path)
    assert (refused.code, refused.stdout) == (2, "")
    assert f"error: {path} is not UTF-8" in refused.stderr
    assert "--encoding cp1252" in refused.stderr
    assert "iconv -f cp1252 -t utf-8" in refused.stderr
    shown = run("check", path, "--json", "--encoding", "gbk").json()
    assert shown["problems"][0]["measured"] == 44
    for bad in ("klingon", "hex"):
        result = run("check", path, "--encoding", bad)
        assert (result.code, f'no such encoding: "{bad}"' in result.stderr) == (2, True)


def test_a_bad_file_hides_no_other(run, tmp_path):
    (tmp_path / "a.srt").write_bytes(PLAIN.format("é").encode("cp1252"))
    (tmp_path / "b.srt").write_text(BAD)
    files = [tmp_path / name for name in ("a.srt", "b.srt", "c.srt")]
    result = run("check", *files, "--json", "--strict")
    assert result.code == 2
    assert result.json()["broken"] == 2
    assert [item["file"] for item in result.json()["failed"]] == [str(files[0]), str(files[2])]
    assert result.stderr.count("error: ") == 2
    assert "b.srt" in run("check", *files).stdout


def test_escapes_tags_and_times_of_words_are_not_counted(run, tmp_path):
    path = tmp_path / "x.vtt"
    shown = "R&D, Q&A, M&A & S&P and all of this too ok"
    assert len(shown) == 42
    escaped = shown.replace("&", "&amp;")
    timed = f"<v Anna Maria Magdalena><c>{escaped}</c>".replace(" ok", " <00:00:02.000><c>ok</c>")
    head = "WEBVTT\n\n00:01.000 --> 00:04.000 line:0\n"
    assert found(run, path, f"{head}{timed}\n", "-l", "en") == []
    assert found(run, path, f"{head}{timed}!\n", "-l", "en") == [("max_line_width", 43)]


def test_notes_styles_and_identifiers_are_no_text_of_a_cue(run, tmp_path):
    text = (
        "WEBVTT - title\n\nSTYLE\n::cue { color: red }\n\n"
        "intro\n00:01.000 --> 00:03.000\nOne.\n\n"
        f"NOTE {'a long remark ' * 9}\nmore\n\n2 - the second\n00:05.000 --> 00:07.000\nTwo.\n"
    )
    assert found(run, tmp_path / "x.vtt", text) == []


@pytest.mark.parametrize("name", ["x.srt", "x.vtt"])
def test_a_line_that_is_a_number_is_text_in_any_cue(run, tmp_path, name):
    times = ("00:00:01,000 --> 00:00:06,000", "00:00:07,000 --> 00:00:12,000")
    cues = [f"{at}\n{time}\nThe number is\n{'7' * 50}\n\n" for at, time in enumerate(times, 1)]
    text = "".join(cues)
    text = f"WEBVTT\n\n{text.replace(',000', '.000')}" if name == "x.vtt" else text
    assert found(run, tmp_path / name, text) == [("max_line_width", 50)] * 2


def test_cues_of_other_tools_are_read_without_empty_lines_between_them(run, tmp_path):
    text = f"1\n00:00:01,000 --> 00:00:02,500\n\n2\n0:00:03,0 --> 0:00:05,0\n{'x' * 43}"
    shown = found(run, tmp_path / "x.srt", text.replace("\n", "\r\n"))
    assert shown == [("max_line_width", 43), ("max_cps", 21.5)]


def test_what_we_write_of_a_silent_recording_is_good(run, tmp_path):
    (tmp_path / "silent.json").write_text('{"segments": [], "duration": 3}')
    for kind in ("srt", "vtt", "ass"):
        path = tmp_path / f"silent.{kind}"
        assert run("render", tmp_path / "silent.json", "-o", path).code == 0
        result = run("check", path, "--json", "--strict")
        assert (result.code, result.json()["cues"], result.json()["failed"]) == (0, 0, [])


def test_the_summary_is_a_sentence_and_asks_for_the_language(run, tmp_path, monkeypatch):
    (tmp_path / "bad.srt").write_text(BAD)
    monkeypatch.setattr("whisper_cli.console.console.Console.info", Console.log)
    stderr = run("check", tmp_path / "bad.srt").stderr
    assert "2 of 3 cues break a rule (max_line_width 1, max_cps 1," in stderr
    assert "hint: -l names the language; netflix has limits for en, ar," in stderr
    assert "hint" not in run("check", tmp_path / "bad.srt", "-l", "en").stderr
    assert "hint" not in run("check", tmp_path / "bad.srt", "--preset", "ted").stderr


QUICK = """1
00:00:01,000 --> 00:00:02,917
{}

2
00:00:{},000 --> 00:00:09,000
No.
"""


def test_what_has_no_room_before_the_next_cue_is_told_apart_and_is_not_strict(run, tmp_path):
    said = "Forty characters that nobody reads in 2s"
    path = tmp_path / "x.srt"
    for following, strict in (("03", 0), ("08", 1)):
        path.write_text(QUICK.format(said, following))
        result = run("check", path, "--json", "--strict")
        shown = result.json()
        assert result.code == strict
        assert [(item["rule"], item["no_room"]) for item in shown["problems"]] == [
            ("max_cps", not strict)
        ]
        assert (shown["broken"], shown["no_room"]) == (strict, 1 - strict)
        assert ("no room" in run("check", path).stdout) == (not strict)
