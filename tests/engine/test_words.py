"""Words in order and inside the speech; cues cut where a reader expects; phrases packed whole."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from whisper_cli.engine.chunking import merge_spans, packed, padded
from whisper_cli.engine.result import TimedWord
from whisper_cli.engine.segments import LONGEST_CUE, cues, sorted_words
from whisper_cli.transcript import Word


def timed(*words: tuple[str, float, float]) -> list[TimedWord]:
    return [
        TimedWord(Word(text, start, end, 0.9), (n,)) for n, (text, start, end) in enumerate(words)
    ]


times = st.floats(-5, 40, allow_nan=False)
speech = st.lists(st.tuples(st.floats(0, 14), st.floats(0.1, 1)), max_size=4).map(
    lambda spans: [(2 * n + a / 14, 2 * n + a / 14 + b) for n, (a, b) in enumerate(spans)]
)


@given(st.lists(st.tuples(st.just(" w"), times, times), max_size=20), speech)
def test_times_are_monotone_and_inside(words, spans):
    placed = sorted_words(timed(*words), 1.0, 30.0, spans)
    assert [item.tokens for item in placed] == [(n,) for n in range(len(words))]
    reached = 1.0
    for item in placed:
        assert reached <= item.word.start <= item.word.end
        reached = item.word.end


def test_a_word_in_a_pause_goes_to_the_speech():
    [only] = sorted_words(timed((" hm", 3.0, 3.4)), 0.0, 10.0, [(0.0, 2.0), (5.0, 9.0)])
    assert (only.word.start, only.word.end) == (2.0, 2.0)
    [cut] = sorted_words(timed((" long", 1.5, 4.0)), 0.0, 10.0, [(0.0, 2.0), (5.0, 9.0)])
    assert (cut.word.start, cut.word.end) == (1.5, 2.0)


@given(
    st.lists(
        st.tuples(st.sampled_from([" a", " b.", " c,", "d"]), st.floats(0.05, 1.5)), max_size=60
    )
)
def test_cues_keep_every_word_and_are_short(spoken):
    words, at = [], 0.0
    for text, length in spoken:
        words.append((text, at, at + length))
        at += length
    found = cues(timed(*words))
    assert [word for cue in found for word in cue] == timed(*words)
    assert all(
        cue[-1].word.end - cue[0].word.start <= LONGEST_CUE or len(cue) == 1 for cue in found
    )


def test_a_cue_ends_with_its_sentence():
    words = [(f" w{n}{'.' if n == 9 else ''}", n * 0.5, n * 0.5 + 0.5) for n in range(16)]
    assert [len(cue) for cue in cues(timed(*words))] == [10, 6]


spans = st.lists(st.tuples(st.integers(1, 400), st.integers(1, 90)), min_size=1, max_size=12)


def laid(lengths: list[tuple[int, int]]) -> list[tuple[int, int]]:
    found, at = [], 0
    for length, pause in lengths:
        found.append((at, at + length))
        at += length + pause
    return found


@given(spans, st.integers(20, 300), st.integers(0, 60))
def test_packing_keeps_all_speech_in_short_pieces(lengths, longest, pause):
    speech = laid(lengths)
    pieces = packed(speech, longest, lambda a, b: (a + b) // 2, pause)
    assert all(0 < last - first <= longest for first, last in pieces)
    assert all(a[1] <= b[0] for a, b in pairwise(pieces))
    covered = {n for first, last in pieces for n in range(first, last)}
    assert all(n in covered for first, last in speech for n in range(first, last))


def test_speech_is_cut_at_its_longest_pause():
    speech = [(0, 60), (62, 70), (80, 95), (96, 140)]
    assert packed(speech, 100, lambda a, b: b) == [(0, 70), (80, 140)]


@given(spans, st.integers(0, 50))
def test_padding_never_overlaps(lengths, pad):
    speech = merge_spans(laid(lengths), 30)
    wide = padded(speech, pad, 10_000)
    assert all(a[1] <= b[0] for a, b in pairwise(wide))
    assert all(w[0] <= s[0] and s[1] <= w[1] for w, s in zip(wide, speech, strict=True))
