from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.audio.sounds import sweep, write_gapped
from whisper_cli.audio.blocks import SAMPLE_RATE, Frames
from whisper_cli.audio.pyav import Clock, resample


def places(processed):
    """Where sound starts after none, and how long it lasts."""
    found = []
    for block in processed.blocks:
        if found and abs(block.start - found[-1][1]) < 1e-3:
            found[-1][1] = block.end
        else:
            found.append([block.start, block.end])
    return [
        (pytest.approx(start, abs=0.002), pytest.approx(end, abs=0.002)) for start, end in found
    ]


@pytest.mark.parametrize(
    ("starts", "expected"),
    [
        ([0, 1, 2], [(0, 3)]),
        ([0, 1.1], [(0, 2)]),
        ([0, 1.5, 62.5], [(0, 1), (1.5, 2.5), (62.5, 63.5)]),
        ([0, 5000, 5001, 5007], [(0, 3), (8, 9)]),
    ],
    ids=["no gap", "jitter", "gaps", "an absurd jump, then a gap"],
)
def test_gaps_are_kept_and_absurd_jumps_ignored(hear, tmp_path, starts, expected):
    path = tmp_path / "x.mkv"
    write_gapped(path, starts)
    processed = hear(path)
    assert places(processed) == expected
    assert processed.seconds == len(starts)


def test_audio_that_starts_after_the_video_starts_later(hear, speech):
    processed = hear(speech / "hard_formats/jfk_audio_offset5s.mp4")
    assert processed.blocks[0].start == pytest.approx(5, abs=0.05)
    assert processed.position == pytest.approx(16, abs=0.05)


def test_time_goes_on_where_a_stream_starts_again(hear, speech, tmp_path):
    path = tmp_path / "twice.ts"
    path.write_bytes((speech / "hard_formats/jfk_mpegts.ts").read_bytes() * 2)
    processed = hear(path)
    assert processed.position == pytest.approx(22.06, abs=0.1)
    assert processed.position == pytest.approx(processed.seconds, abs=0.001)


@given(st.lists(st.none() | st.floats(-1e6, 1e6), min_size=1))
def test_time_never_goes_back_whatever_a_container_says(named):
    clock = Clock(origin=0.0)
    for time in named:
        end = clock.end
        start = clock.start(time)
        assert end <= start <= end + 601
        clock.end = start + 0.02


@given(
    st.sampled_from([8000, 11025, 16000, 22050, 44100, 48000]),
    st.lists(st.integers(1, 30_000), min_size=1, max_size=6).filter(lambda n: sum(n) > 100),
)
def test_resampling_loses_no_time_however_the_sound_is_cut(rate, sizes):
    samples = sweep(rate, sum(sizes) / rate).reshape(-1, 1)
    ends = np.cumsum(sizes)
    chunks = [
        Frames((end - size) / rate, rate, samples[end - size : end])
        for end, size in zip(ends, sizes, strict=True)
    ]
    blocks = list(resample(iter(chunks)))
    assert sum(len(block.samples) for block in blocks) == pytest.approx(
        len(samples) * SAMPLE_RATE / rate, abs=1
    )
    assert blocks[0].start == 0
    for before, after in pairwise(blocks):
        assert after.start == pytest.approx(before.end, abs=1e-9)


def test_each_stretch_is_resampled_from_its_own_start():
    second = sweep(8000, 1).reshape(-1, 1)
    once = list(resample(iter([Frames(0, 8000, second)])))
    twice = list(resample(iter([Frames(0, 8000, second), Frames(10, 8000, second)])))
    assert [block.start for block in twice] == [
        *(block.start for block in once),
        *(block.start + 10 for block in once),
    ]
    assert np.concatenate([b.samples for b in twice]).tolist() == 2 * [
        sample for block in once for sample in block.samples.tolist()
    ]
