"""Transcripts that anybody made: whatever their words and times are, cues come out in order."""

import re
from itertools import pairwise
from math import inf, isfinite, nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.subtitles.test_shape import languages, rules
from whisper_cli.subtitles.measure import columns
from whisper_cli.subtitles.presets import PRESETS, CuePreset
from whisper_cli.subtitles.shaper import shape
from whisper_cli.transcript import Segment, Word

times = st.floats() | st.sampled_from([nan, inf, -inf, -1.0, 0.0, 0.02, 1.0, 1e12])
texts = st.text(max_size=60) | st.sampled_from(["", " ", "\n", " a", "a\nb", "\ud800", "世" * 50])
words = st.builds(Word, texts, times, times, st.just(1.0))
segments = st.builds(
    Segment,
    times,
    times,
    st.text(max_size=90),
    words=st.lists(words, max_size=12).map(tuple),
    speaker=st.sampled_from([None, None, "A", "B"]),
)


def letters(text):
    return re.sub(r"\s", "", text)


def held(cues, limits):
    """Assert what holds of every cue, whatever it was made of."""
    for cue in cues:
        lines = cue.text.split("\n")
        assert lines == [" ".join(line.split()) for line in lines]
        assert all(lines)
        assert len(lines) <= limits.max_lines
        assert all(columns(line) <= limits.max_line_width for line in lines)
        assert isfinite(cue.start)
        assert 0 <= cue.start <= cue.end < inf
        assert round((cue.end - cue.start) * 1000) <= round(limits.max_duration * 1000)
    for cue, following in pairwise(cues):
        assert cue.end <= following.start


@given(st.lists(segments, max_size=6), rules, languages, st.none() | st.floats(0, 100))
def test_cues_are_in_order_and_whole_whatever_the_words_and_times_are(
    spoken, limits, language, duration
):
    cues = list(shape(spoken, limits, language, duration))
    held(cues, limits)
    said = [letters("".join(w.word for w in item.words)) or item.text for item in spoken]
    assert letters("".join(cue.text for cue in cues)) == letters("".join(said))
    assert {cue.speaker for cue in cues} <= {item.speaker for item in spoken}


@given(st.lists(words, max_size=30), st.floats(0, 100))
def test_no_cue_goes_on_beyond_the_sound(said, duration):
    speech = Segment(0, 1, "", words=tuple(said))
    for cue in shape([speech], PRESETS["netflix"], "en", duration):
        assert cue.end <= duration


def test_a_segment_of_ten_thousand_words_is_shaped_like_many():
    said = tuple(Word(f" word{n}", n * 0.3, n * 0.3 + 0.3, 1) for n in range(10_000))
    cues = list(shape([Segment(0, 3000, "", words=said)], PRESETS["netflix"], "en", 3000))
    held(cues, PRESETS["netflix"])
    assert [word for cue in cues for word in cue.words] == list(said)


def test_text_without_words_is_timed_by_how_wide_it_is():
    speech = Segment(10, 20, "I said this. " + "And much more was said after it. " * 4)
    cues = list(shape([speech], CuePreset(max_lines=1), "en", 20))
    assert (cues[0].text, cues[0].start) == ("I said this.", 10)
    assert all(cue.end - cue.start > 0.5 for cue in cues)
    held(cues, CuePreset())


@pytest.mark.parametrize("spoken", [[], [Segment(0, 1, "")], [Segment(0, 1, " \n ")]])
def test_nothing_said_gives_no_cue(spoken):
    assert list(shape(spoken, PRESETS["netflix"], "en", 1)) == []


def test_words_of_no_length_and_out_of_order_share_the_time_there_is():
    said = [Word(" a", 5, 5, 1), Word(" b", 3, 4, 1), Word(" c", 9, 8, 1), Word(" d", nan, nan, 1)]
    cues = list(shape([Segment(0, 9, "", words=tuple(said))], PRESETS["netflix"], "en", 30))
    assert " ".join(cue.text.replace("\n", " ") for cue in cues) == "a b c d"
    held(cues, PRESETS["netflix"])


def test_a_word_that_is_too_wide_may_begin_with_a_mark():
    said = (Word("\u0301" + "x" * 9, 0, 1, 1), Word("y" * 9, 1, 2, 1))
    cues = list(shape([Segment(0, 2, "", words=said)], CuePreset(max_line_width=8), "en", 2))
    held(cues, CuePreset(max_line_width=8))
    assert letters("".join(cue.text for cue in cues)) == "\u0301" + "x" * 9 + "y" * 9
