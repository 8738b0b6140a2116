"""Islands: all speech is in exactly one, in order, in bounded memory, none across a long pause."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from whisper_cli.audio.blocks import SAMPLE_RATE, Block
from whisper_cli.engine.chunking import (
    Chunk,
    ChunkingOptions,
    chunks_of,
    samples_in,
)

ISLANDS = ChunkingOptions(longest=None)


def blocks(samples: np.ndarray, start: float = 0.0):
    for first in range(0, len(samples), SAMPLE_RATE):
        yield Block(start + first / SAMPLE_RATE, samples[first : first + SAMPLE_RATE])


def recording(pattern: list[tuple[int, int]]) -> np.ndarray:
    """Join (seconds of speech, seconds of silence) pairs; speech is a loud square wave."""
    parts = []
    for speech, silence in pattern:
        parts += [np.full(speech * SAMPLE_RATE, 0.5), np.full(silence * SAMPLE_RATE, 1e-3)]
    return np.concatenate([*parts, np.zeros(0)]).astype(np.float32)


def target_level(samples: np.ndarray) -> list[tuple[int, int]]:
    """Find speech as Silero would: what is louder than 0.1."""
    mask = np.concatenate([[0], (np.abs(samples) > 0.1).astype(int), [0]])
    edges = np.flatnonzero(np.diff(mask))
    return [(int(first), int(last)) for first, last in edges.reshape(-1, 2)]


patterns = st.lists(st.tuples(st.integers(1, 90), st.integers(0, 40)), min_size=1, max_size=6)


@settings(max_examples=40)
@given(patterns)
def test_every_sample_of_speech_is_in_exactly_one_island(pattern):
    samples = recording(pattern)
    covered = np.zeros(len(samples), int)
    last = 0.0
    for chunk in chunks_of(blocks(samples), target_level, ISLANDS):
        assert chunk.start >= last - 1e-6
        last = chunk.end
        first = round(chunk.start * SAMPLE_RATE)
        covered[first : first + len(chunk.samples)] += 1
    speech = np.abs(samples) > 0.1
    assert (covered[speech] == 1).all()
    assert covered.max(initial=0) <= 1


@given(patterns)
def test_no_island_holds_a_long_pause(pattern):
    for chunk in chunks_of(blocks(recording(pattern)), target_level, ISLANDS):
        spans = target_level(chunk.samples)
        pauses = [later[0] - before[1] for before, later in pairwise(spans)]
        assert max(pauses, default=0) < samples_in(ISLANDS.widest_pause)


@settings(max_examples=10)
@given(st.integers(1, 2000))
def test_without_detection_all_is_heard_in_bounded_pieces(seconds):
    samples = np.full(seconds * SAMPLE_RATE, 0.5, np.float32)
    found = list(chunks_of(blocks(samples), None, ISLANDS))
    assert sum(len(chunk.samples) for chunk in found) == len(samples)
    longest = samples_in(ISLANDS.max_length + ISLANDS.first_length)
    assert max(len(chunk.samples) for chunk in found) <= longest


def test_long_speech_is_cut_where_it_is_quietest():
    samples = recording([(100, 0)])
    pause = slice(round(25.2 * SAMPLE_RATE), round(25.7 * SAMPLE_RATE))
    samples[pause] = 0.2
    first = next(chunks_of(blocks(samples), target_level, ISLANDS))
    assert 25.2 < first.end < 25.7


def test_a_gap_in_the_input_parts_islands_and_keeps_its_time():
    samples = recording([(5, 0)])
    found = list(chunks_of([*blocks(samples), *blocks(samples, start=60.0)], target_level, ISLANDS))
    assert [(chunk.start, chunk.end) for chunk in found] == [(0.0, 5.0), (60.0, 65.0)]


def test_dead_silence_is_never_analysed():
    def fail(samples: np.ndarray) -> list[tuple[int, int]]:
        raise AssertionError

    assert list(chunks_of(blocks(np.zeros(SAMPLE_RATE * 3600, np.float32)), fail, ISLANDS)) == []


def test_what_is_very_quiet_is_lifted_before_it_is_judged():
    found = list(chunks_of(blocks(recording([(5, 0)]) * np.float32(0.01)), target_level, ISLANDS))
    assert [round(chunk.end) for chunk in found] == [5]
    assert 0.2 < np.abs(found[0].samples).max() < 0.4


@given(patterns, st.sampled_from([3.0, 9.0, 18.0]), st.sampled_from([0.0, 0.3, 1.0]))
def test_no_chunk_is_longer_than_asked_for(pattern, longest, pad):
    samples = recording(pattern)
    found = list(chunks_of(blocks(samples), target_level, ChunkingOptions(longest, pad)))
    assert max(chunk.length for chunk in found) <= longest + 2 * pad + 1e-6
    assert sum(b - a for chunk in found for a, b in chunk.speech) == pytest.approx(
        sum(speech for speech, _ in pattern)
    )


def test_an_island_knows_its_end():
    assert Chunk(2.5, np.zeros(SAMPLE_RATE, np.float32)).end == 3.5
