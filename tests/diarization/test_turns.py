"""Words given to who speaks them: none lost, in order, each to whom it overlaps most."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from whisper_cli.diarization.turns import SpeakerTurn, speaker_of, spoken, with_numbers
from whisper_cli.transcript import Segment, Word

SPANS = st.tuples(st.floats(0, 30), st.floats(0.01, 8))
TURNS = st.lists(
    st.builds(lambda span, who: SpeakerTurn(span[0], sum(span), who), SPANS, st.integers(0, 3)),
    max_size=9,
)
LENGTHS = st.lists(st.tuples(st.floats(0, 2), st.floats(0, 3)), min_size=1, max_size=12)


def segment(lengths) -> Segment:
    words, at = [], 0.0
    for number, (gap, length) in enumerate(lengths):
        words.append(Word(f" w{number}", at + gap, at + gap + length, 0.9))
        at = words[-1].end
    text = "".join(word.word for word in words)
    return Segment(words[0].start, at, text, words=tuple(words), tokens=(1, 2))


def overlap(word: Word, who: int, turns: list[SpeakerTurn]) -> float:
    shared = (min(word.end, t.end) - max(word.start, t.start) for t in turns if t.speaker == who)
    return sum(item for item in shared if item > 0)


@given(LENGTHS, TURNS)
def test_no_word_is_lost_and_each_goes_to_whom_it_overlaps_most(lengths, turns):
    whole = segment(lengths)
    parts = list(spoken(whole, turns))
    assert [word for part, _ in parts for word in part.words] == list(whole.words)
    assert "".join(part.text for part, _ in parts) == whole.text
    assert [who for _, who in parts if who is None] == ([] if turns else [None])
    assert (parts[0][0].start, parts[-1][0].end) == (whole.start, whole.end)
    for (_, before), (_, after) in pairwise(parts):
        assert before != after
    for part, who in parts:
        for word in part.words:
            maximum = max((overlap(word, item, turns) for item in range(4)), default=0.0)
            assert who is None or overlap(word, who, turns) >= maximum - 1e-9


def test_a_word_in_a_pause_goes_to_the_nearest_turn():
    turns = [SpeakerTurn(0, 1, 0), SpeakerTurn(3, 4, 1)]
    assert speaker_of(1.2, 1.5, turns) == 0
    assert speaker_of(2.5, 2.8, turns) == 1
    assert speaker_of(3.5, 3.5, turns) == 1
    assert speaker_of(0, 1, []) is None


def test_a_segment_is_split_where_the_speaker_changes():
    whole = segment([(0, 1), (0, 1), (0, 1)])
    parts = list(spoken(whole, [SpeakerTurn(0, 1.9, 1), SpeakerTurn(1.9, 3, 0)]))
    assert [(part.text, who, part.start, part.end) for part, who in parts] == [
        (" w0 w1", 1, 0.0, 2.0),
        (" w2", 0, 2.0, 3.0),
    ]


def test_a_segment_without_words_goes_to_whom_it_overlaps_most():
    bare = Segment(0.0, 3.0, " all of it")
    assert list(spoken(bare, [SpeakerTurn(0, 1, 0), SpeakerTurn(1, 3, 1)])) == [(bare, 1)]


def test_speakers_are_counted_by_who_is_heard_first():
    assert with_numbers([SpeakerTurn(5, 6, 0), SpeakerTurn(1, 2, 3)]) == (
        SpeakerTurn(1, 2, 0),
        SpeakerTurn(5, 6, 1),
    )
