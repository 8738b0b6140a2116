"""Whatever is said, no cue breaks a hard rule, and no word is lost."""

import re
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wcwidth import iter_graphemes, wcswidth

from tests.subtitles.samples import GOLDEN, golden
from whisper_cli.subtitles.presets import PRESETS, CuePreset, rules_for
from whisper_cli.subtitles.shaper import CueBuilder, shape
from whisper_cli.transcript import Segment, Word

SCRIPTS = (
    "abcdefghij klm", "äöüß éèçñ", "абвгдежз", "مرحبابك", "שלוםרב", "世界今日天気", "ひらがなカタ",
    "안녕하세요",
    "นี่คือไทย", "नमस्ते", "e\u0301o\u0308", "👩‍👩‍👧🎉🇩🇪", ".,!?、。「」()“”:;…-", "0123456789%",
)  # fmt: skip


@st.composite
def speech(draw):
    """Words of up to 40 columns and 20 ms to 7 s, with pauses, in segments of a few words."""
    at, said = draw(st.floats(0, 5)), []
    for _ in range(draw(st.integers(1, 60))):
        text = draw(st.text(draw(st.sampled_from(SCRIPTS)), min_size=1, max_size=16))
        text = "".join(text.split())
        while wide(text) > 40:
            text = text[:-1]
        spaced = draw(st.sampled_from([" ", " ", " ", ""]))
        at += draw(st.sampled_from([0, 0, 0, 0.04, 0.3, 0.6, 1.2, 3.0]))
        end = at + draw(st.sampled_from([0.02, 0.1, 0.3, 0.5, 1, 2, 7]) | st.floats(0.02, 7))
        said.append(Word(spaced + text, at, end, 0.5))
        at = end
    size = draw(st.integers(1, 20))
    parts = [said[i : i + size] for i in range(0, len(said), size)]
    return [
        Segment(p[0].start, p[-1].end, "".join(w.word for w in p), words=tuple(p)) for p in parts
    ]


rules = st.sampled_from(list(PRESETS.values())) | st.builds(
    CuePreset,
    st.integers(10, 60),
    st.integers(1, 4),
    st.sampled_from([0, 12.0, 20.0]),
    st.floats(0, 2),
    st.floats(3, 10),
    st.floats(0, 0.5),
    st.floats(0, 1.5),
    st.integers(0, 8),
)


def wide(line):
    return sum(map(wcswidth, iter_graphemes(line)))


def letters(segments):
    return re.sub(r"\s", "", "".join(segment.text for segment in segments))


languages = st.sampled_from(["en", "de", "ja", "zh", "th", "ar", None])


@given(speech(), rules, languages, st.floats(0, 3))
def test_no_hard_rule_is_broken_and_no_word_lost(segments, limits, language, more):
    duration = segments[-1].end + more
    cues = list(shape(segments, limits, language, duration))
    assert letters(cues) == letters(segments)
    for cue in cues:
        lines = cue.text.split("\n")
        assert len(lines) <= limits.max_lines
        assert all(wide(line) <= limits.max_line_width for line in lines)
        assert all(line == line.strip() and line for line in lines)
        assert cue.start <= cue.end <= duration + 1e-9
        assert round((cue.end - cue.start) * 1000) <= round(limits.max_duration * 1000)
    for cue, following in pairwise(cues):
        assert cue.end <= following.start


@given(speech(), rules, languages)
def test_shaping_cues_again_changes_nothing(segments, limits, language):
    duration = segments[-1].end + 1
    once = list(shape(segments, limits, language, duration))
    assert list(shape(once, limits, language, duration)) == once


@given(speech(), rules, languages)
def test_how_words_are_parted_into_segments_changes_nothing(segments, limits, language):
    one = Segment(0, 0, "", words=tuple(word for item in segments for word in item.words))
    whole = list(shape([one], limits, language, 999))
    assert whole == list(shape(segments, limits, language, 999))


@given(speech())
def test_words_without_times_are_shaped_too(segments):
    untimed = [replace(segment, words=()) for segment in segments]
    cues = list(shape(untimed, PRESETS["netflix"], "en"))
    assert letters(cues) == letters(segments)
    assert all(cue.end <= after.start for cue, after in pairwise(cues))


def said(text, speed=0.3, start=0.0):
    item = [
        Word(f" {w}", start + i * speed, start + (i + 1) * speed, 1) for i, w in enumerate(text)
    ]
    return Segment(item[0].start, item[-1].end, "", words=tuple(item))


def test_cues_come_while_more_is_said():
    shaper = CueBuilder(PRESETS["netflix"], "en")
    held = 0
    for number in range(200):
        sentence = ["this", "is", "what", "was", "said", "at", "the", "time."]
        held += 8 - sum(
            len(cue.text.split()) for cue in shaper.add(said(sentence, 0.3, number * 2.4))
        )
        assert held <= 272


def test_a_change_of_speaker_ends_a_cue():
    first = replace(said(["Shall", "we"]), speaker="A")
    second = replace(said(["Yes", "now"], start=0.6), speaker="B")
    cues = list(shape([first, second], PRESETS["netflix"], "en", 9))
    assert [(cue.text, cue.speaker) for cue in cues] == [("Shall we", "A"), ("Yes now", "B")]


def test_a_short_cue_is_held_for_its_least_time_and_small_gaps_are_closed():
    yes, no = said(["Yes."], 0.2), said(["No."], 0.2, 3.0)
    assert [c.end for c in shape([yes, no], PRESETS["netflix"], "en", 60)] == [0.833, 3.833]
    near = said(["No."], 0.2, 1.1)
    cues = list(shape([yes, near], replace(PRESETS["netflix"], max_words=1), "en", 1.5))
    assert [(cue.start, cue.end) for cue in cues] == [(0, 1.017), (1.1, 1.5)]


@pytest.mark.parametrize("name", WRITTEN := golden())
def test_each_language_and_preset_gives_its_golden_file(name):
    assert WRITTEN[name].encode() == (GOLDEN / name).read_bytes()


def test_every_golden_file_is_checked():
    assert {path.name for path in GOLDEN.iterdir()} == set(WRITTEN)


def test_a_language_has_its_own_limits():
    assert rules_for("netflix", "ja").max_line_width == 26
    assert (rules_for("netflix", "en").max_cps, rules_for("netflix", "de").max_cps) == (20, 17)
