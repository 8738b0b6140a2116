"""Channels of a call in one order of time, without what they only overhear of each other."""

from math import inf

from hypothesis import given
from hypothesis import strategies as st

from whisper_cli.diarization.crosstalk import CrosstalkFilter
from whisper_cli.diarization.merge import TOLERANCE, SegmentMerge
from whisper_cli.transcript import Dropped, Segment, Word


def said(start: float, *texts: str, length: float = 0.4) -> Segment:
    """A segment of words that follow each other."""
    words = tuple(
        Word(f" {text}", start + n * length, start + (n + 1) * length, 0.9)
        for n, text in enumerate(texts)
    )
    return Segment(start, words[-1].end, "".join(word.word for word in words), words=words)


def everything(_lane, segment, _other_progress):
    return segment


LANES = st.lists(
    st.lists(st.tuples(st.floats(0.1, 9.0), st.floats(0.1, 5.0)), max_size=8),
    min_size=2,
    max_size=3,
)


@given(LANES, st.randoms(use_true_random=False))
def test_however_lanes_take_turns_no_segment_is_lost_and_times_run_on(channel_states, chance):
    queues = []
    for number, gaps in enumerate(channel_states):
        at, queue = 0.0, []
        for gap, length in gaps:
            at += gap
            queue.append(Segment(at, at + length, f" {number}"))
        queues.append(queue)
    expected = sorted(
        ((item.start, number) for number, queue in enumerate(queues) for item in queue)
    )
    merge, reported = SegmentMerge(len(channel_states), everything), []
    left = [list(queue) for queue in queues]
    while any(left):
        number = chance.choice([n for n, queue in enumerate(left) if queue])
        reported += merge.add(number, left[number].pop(0))
    for number in range(len(channel_states)):
        reported += merge.passed(number, inf)
    assert [(item.start, int(item.text)) for item in reported] == expected


def test_a_segment_waits_until_the_others_are_told_up_to_its_end_and_no_longer():
    merge = SegmentMerge(2, everything)
    first = said(0.0, "one", "two")
    assert list(merge.add(0, first)) == []
    assert list(merge.passed(1, first.end + TOLERANCE - 0.01)) == []
    assert list(merge.passed(1, first.end + TOLERANCE)) == [first]
    later = said(20.0, "three")
    assert list(merge.add(1, later)) == []
    assert list(merge.passed(0, inf)) == [later]


def target_level(levels: dict[int, float]):
    return lambda channel_state, _start, _end: levels[channel_state]


def test_the_same_words_much_softer_are_a_leak():
    bleed = CrosstalkFilter(target_level({0: 1.0, 1: 0.01}))
    voice = said(1.0, "how", "are", "you")
    flag = said(1.1, "How", "are,", "you")
    assert bleed(0, voice, [(1, flag)]) is voice
    assert bleed(1, flag, [(0, voice)]) is None
    assert bleed.dropped == [Dropped(1.1, flag.end, " How are, you", "bleed")]


def test_the_same_words_as_loud_or_at_another_time_are_no_leak():
    voice, echo = said(1.0, "how", "are"), said(1.1, "how", "are")
    assert CrosstalkFilter(target_level({0: 1.0, 1: 0.5}))(1, echo, [(0, voice)]) is echo
    late = said(2.0, "how", "are")
    assert CrosstalkFilter(target_level({0: 1.0, 1: 0.01}))(1, late, [(0, voice)]) is late


def test_only_the_leaked_words_go_and_a_single_one_among_others_stays():
    def power(channel_state, start, _end):
        return 1.0 if channel_state == 0 or start >= 1.8 else 0.01

    voice = said(1.0, "how", "are", "you")
    mixed = said(1.0, "how", "are", "fine", "thanks", "and", "so")
    bleed = CrosstalkFilter(power)
    kept = bleed(1, mixed, [(0, voice)])
    assert (kept.text, kept.start) == (" fine thanks and so", 1.8)
    assert [word.start for word in kept.words] == [1.8, 2.2, 2.6, 3.0]
    lone = said(1.0, "how", "do", "they", "do")
    assert bleed(1, lone, [(0, voice)]) is lone


def test_words_that_are_far_softer_than_the_own_voice_are_a_leak_too():
    def power(channel_state, start, _end):
        return 1.0 if channel_state == 0 or start < 5 else 0.001

    bleed = CrosstalkFilter(power)
    own = said(0.0, "I", "am", "here")
    assert bleed(1, own, []) is own
    misheard = said(9.0, "who", "our", "ewe")
    assert bleed(1, misheard, [(0, said(9.0, "how", "are", "you"))]) is None
    assert bleed(1, said(9.0, "soft", "words"), []) is not None
