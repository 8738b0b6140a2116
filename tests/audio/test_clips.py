import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from whisper_cli.audio.blocks import SAMPLE_RATE, Block
from whisper_cli.audio.clips import cut, parse_clip
from whisper_cli.errors import ConfigError


@pytest.mark.parametrize(
    ("text", "clip"),
    [
        ("10-20", (10, 20)),
        ("1:05-2:00.5", (65, 120.5)),
        ("1:00:00-", (3600, None)),
        ("-30", (0, 30)),
        ("0-0.25", (0, 0.25)),
    ],
)
def test_a_clip_names_its_start_and_end(text, clip):
    assert parse_clip(text) == clip


@pytest.mark.parametrize("text", ["", "-", "10", "20-10", "5-5", "a-b", "1:2:3:4-", "-1-2", "1e3-"])
def test_what_is_no_clip_is_refused_with_an_example(text):
    with pytest.raises(ConfigError, match="not a clip") as caught:
        parse_clip(text)
    assert "1:05-2:00.5" in caught.value.hint


@given(st.integers(0, 10**6), st.integers(1, 10**6))
def test_hours_minutes_and_seconds_add_up(start, length):
    def clock(seconds):
        return f"{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}"

    assert parse_clip(f"{clock(start)}-{clock(start + length)}") == (start, start + length)


def connection_count(seconds=5, size=1000):
    """Blocks in which each sample is its own index."""
    samples = np.arange(seconds * SAMPLE_RATE, dtype=np.float32)
    for first in range(0, len(samples), size):
        yield Block(first / SAMPLE_RATE, samples[first : first + size])


spans = st.tuples(st.integers(0, 60_000), st.integers(1, 60_000))


@given(st.lists(spans, min_size=1, max_size=4))
def test_exactly_the_samples_of_the_clips_are_kept_in_order_and_at_their_time(lengths):
    clips = [(a / SAMPLE_RATE, (a + n) / SAMPLE_RATE) for a, n in lengths]
    blocks = list(cut(connection_count(), clips))
    kept = [int(sample) for block in blocks for sample in block.samples]
    needed = sorted({i for a, n in lengths for i in range(a, min(a + n, 5 * SAMPLE_RATE))})
    assert kept == needed
    assert all(round(block.start * SAMPLE_RATE) == block.samples[0] for block in blocks)


def test_a_clip_without_an_end_goes_to_the_end():
    assert (
        sum(len(block.samples) for block in cut(connection_count(), [(4.5, None)]))
        == SAMPLE_RATE // 2
    )


def test_nothing_is_read_after_the_last_clip():
    blocks = connection_count(size=SAMPLE_RATE)
    assert len(list(cut(blocks, [(0.5, 2.0)]))) == 2
    assert next(blocks).start == 2.0
