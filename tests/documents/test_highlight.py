"""Karaoke: whatever the words are, each is marked once, in its time, and the text stays whole."""

import html
import io
import json
import re
from itertools import pairwise

import pysubs2
import pytest
import srt
import webvtt
from hypothesis import given
from hypothesis import strategies as st

from tests.documents.samples import TALK
from tests.formats.samples import INFO
from tests.formats.test_parsing import (
    any_segments,
    comparable,
    milliseconds,
    milliseconds_of,
    rounded,
)
from tests.subtitles.test_shape import speech
from whisper_cli.batch.transforms import Karaoke
from whisper_cli.choices import Highlight
from whisper_cli.formats.karaoke import pieces
from whisper_cli.formats.registry import Format, FormatOptions, writer_for
from whisper_cli.formats.text import lines

WORDS = FormatOptions(highlight=Highlight.words)
spoken = any_segments | speech().map(  # writers never get a segment without text
    lambda segments: [segment for segment in segments if segment.text.strip()]
)


def written(kind, segments):
    writer = writer_for(kind, WORDS)
    return writer.begin(INFO) + "".join(map(writer.segment, range(1, 99), segments))


@given(spoken, st.sampled_from([1000, 100]))
def test_pieces_are_the_text_and_the_time_of_the_cue(segments, per_second):
    for segment in segments:
        text = "\n".join(lines(segment.text))
        found = pieces(text, segment, per_second)
        if not found:
            words = [" ".join(lines(word.word)) for word in segment.words]
            assert not any(word and word in text for word in words)
            continue
        assert "".join(item.space + item.text for item in found) == text
        assert found[0].start == rounded(segment.start, per_second)
        assert found[-1].end == max(found[0].start, rounded(segment.end, per_second))
        for piece, after in pairwise(found):
            assert piece.start <= piece.end == after.start
            assert piece.text or piece is found[0]


@given(speech())
def test_every_word_that_a_cue_shows_is_a_piece(segments):
    for segment in segments:
        found = [item.text for item in pieces("\n".join(lines(segment.text)), segment) if item.text]
        assert found == [word.word.strip() for word in segment.words if word.word.strip()]


@given(spoken)
def test_cues_of_subrip_follow_each_other_and_differ_only_in_what_is_marked(segments):
    for segment in segments:
        cues = list(Karaoke().add(segment))
        for cue, after in pairwise(cues):
            assert cue.end == after.start
        if len(cues) > 1:
            plain = "\n".join(lines(segment.text))
            assert all(item.text.count("<u>") <= 1 + plain.count("<u>") for item in cues)
            bare = {re.sub("</?u>", "", item.text) for item in cues}
            assert bare == {re.sub("</?u>", "", plain)}
    said = [segment for segment in segments if segment.text.strip()]
    flat = [cue for segment in said for cue in Karaoke().add(segment)]
    read = list(srt.parse("".join(map(writer_for(Format.srt).segment, range(1, 9999), flat))))
    assert [milliseconds(cue.end) for cue in read] == [
        max(rounded(item.start), rounded(item.end)) for item in flat
    ]


@given(spoken)
def test_times_in_a_webvtt_cue_grow_inside_of_it(segments):
    captions = webvtt.from_string(written(Format.vtt, segments)).captions
    for caption in captions:
        times = re.findall(r"<(\d+:\d\d:\d\d\.\d{3})>", caption.raw_text)
        inside = list(map(milliseconds_of, [caption.start, *times, caption.end]))
        assert not times or all(a < b for a, b in pairwise(inside))
    shown = [html.unescape(re.sub("<[^>]*>", "", item.raw_text)) for item in captions]
    assert [comparable(item) for item in shown] == [comparable(item.text) for item in segments]


@given(speech())
def test_syllables_of_ass_last_as_long_as_their_cue(segments):
    said = [segment for segment in segments if segment.text.strip()]
    file = pysubs2.SSAFile.from_string(written(Format.ass, said))
    for event, segment in zip(file, said, strict=True):
        syllables = [int(item) for item in re.findall(r"\{\\k(\d+)\}", event.text)]
        assert sum(syllables) * 10 == event.end - event.start
        assert comparable(event.plaintext) == comparable(segment.text.translate({123: 40, 125: 41}))


@given(speech())
def test_lyrics_time_each_word(segments):
    said = [segment for segment in segments if segment.text.strip()]
    for row, segment in zip(written(Format.lrc, said).splitlines(), said, strict=True):
        assert re.match(r"\[\d+:\d\d\.\d\d\] <\d+:\d\d\.\d\d>\S", row)
        assert row.count("<") == sum(1 for word in segment.words if word.word.strip())


@pytest.mark.parametrize("kind", ["txt", "json", "tsv,jsonl"])
def test_formats_that_can_mark_no_word_are_refused(run, tmp_path, jfk, kind):
    (tmp_path / "talk.json").write_text(json.dumps(TALK))
    for command, source in (("render", tmp_path / "talk.json"), ("transcribe", jfk)):
        result = run(command, source, "-f", kind, "--highlight", "words", "-o", f"{tmp_path}/x/")
        assert (result.code, result.stdout) == (2, "")
        assert "-f takes one of: ass, lrc, srt, vtt" in result.stderr
    assert not (tmp_path / "x").exists()


def test_a_transcript_without_words_is_refused(run, tmp_path):
    bare = {"segments": [{"start": 0, "end": 1, "text": "Hello."}]}
    (tmp_path / "talk.json").write_text(json.dumps(bare))
    ask = ("render", tmp_path / "talk.json", "-f", "srt")
    assert run(*ask).code == 0
    result = run(*ask, "--highlight", "words")
    assert (result.code, result.stdout) == (3, "")
    assert "has no times of words, and srt needs them" in result.stderr
    assert "--word-timestamps" in result.stderr


def test_another_look_makes_a_file_stale_and_only_where_it_shows(run, tmp_path):
    (tmp_path / "talk.json").write_text(json.dumps(TALK))
    ask = ("render", tmp_path / "talk.json", "-f", "srt,txt", "-o", f"{tmp_path}/", "-v")
    assert run(*ask).stderr.count("written") == 2
    assert run(*ask).stderr.count("written") == 0
    again = run(*ask, "--highlight", "words").stderr
    assert (again.count("talk.srt: written"), again.count("written")) == (1, 1)
    assert "<u>" in (tmp_path / "talk.srt").read_text()


@pytest.mark.slow
def test_transcribe_times_words_for_it_and_render_says_the_same(run, tmp_path, jfk, tiny_en):
    format_options = ("--highlight", "words", "--preset", "netflix", "-f", "srt,vtt,ass,lrc")
    assert run("transcribe", jfk, "-m", tiny_en, *format_options, "-o", f"{tmp_path}/").code == 0
    shown = io.StringIO((tmp_path / "jfk.srt").read_text())
    marked = [re.findall("<u>(.*?)</u>", cue.content) for cue in srt.parse(shown)]
    assert [" ".join(item) for item in marked][:5] == ["And", "so", "my", "fellow", "Americans"]
    ask = ("transcribe", jfk, "-m", tiny_en, "--word-timestamps", "-o", tmp_path / "jfk.json")
    assert run(*ask).code == 0
    assert (
        run("render", tmp_path / "jfk.json", *format_options, "-o", f"{tmp_path}/again/").code == 0
    )
    for kind in ("srt", "vtt", "ass", "lrc"):
        again = tmp_path / "again" / f"jfk.{kind}"
        assert again.read_bytes() == (tmp_path / f"jfk.{kind}").read_bytes()


@pytest.mark.slow
def test_another_look_is_written_from_what_is_stored(run, tmp_path, jfk, tiny_en, monkeypatch):
    ask = ("transcribe", jfk, "-m", tiny_en, "--highlight", "words", "-o", f"{tmp_path}/")
    assert run(*ask, "-f", "srt").code == 0
    monkeypatch.setattr("whisper_cli.batch.session.engine_for", None)  # nothing can be decoded
    looks = ("-f", "srt,vtt,html,review", "--vtt-settings", "line:0")
    assert run(*ask, *looks).code == 0
    assert run(*ask, *looks, "--highlight", "none", "--word-timestamps").code == 0
    assert "<u>" not in (tmp_path / "jfk.srt").read_text()
    assert "line:0" in (tmp_path / "jfk.vtt").read_text()
    assert run(*ask, "-f", "lrc", "--mode", "exact").code == 1  # and this would have to be
