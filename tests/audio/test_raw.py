import numpy as np
import pytest

from whisper_cli.audio.pcm import RawFormat, parse_raw
from whisper_cli.errors import AudioError, ConfigError


@pytest.mark.parametrize(
    ("encoding", "data", "expected"),
    [
        ("u8", b"\x00\x80\xc0", [-1, 0, 0.5]),
        ("s8", b"\x80\x00\x40", [-1, 0, 0.5]),
        ("s16le", b"\x00\x80\x00\x00\x00\x40", [-1, 0, 0.5]),
        ("s16be", b"\x80\x00\x00\x00\x40\x00", [-1, 0, 0.5]),
        ("s24le", b"\x00\x00\x80\x00\x00\x00\x00\x00\x40", [-1, 0, 0.5]),
        ("s24be", b"\x80\x00\x00\x00\x00\x00\x40\x00\x00", [-1, 0, 0.5]),
        ("s32le", b"\x00\x00\x00\x80\x00\x00\x00\x40", [-1, 0.5]),
        ("s32be", b"\x80\x00\x00\x00\x40\x00\x00\x00", [-1, 0.5]),
        ("f32le", np.array([-1, 0.5], "<f4").tobytes(), [-1, 0.5]),
        ("f32be", np.array([-1, 0.5], ">f4").tobytes(), [-1, 0.5]),
        ("f64le", np.array([-1, 0.5], "<f8").tobytes(), [-1, 0.5]),
        ("f64be", np.array([-1, 0.5], ">f8").tobytes(), [-1, 0.5]),
    ],
)
def test_each_encoding_is_scaled_to_one(encoding, data, expected):
    samples = parse_raw(f"{encoding}:16000:1").decode(data)
    assert samples.dtype == np.float32
    assert samples[:, 0].tolist() == expected


def test_a_raw_format_names_encoding_rate_and_channels():
    assert parse_raw("s24le:48000:2") == RawFormat("s24le", 48000, 2)
    assert parse_raw("s24le:48000:2").frame == 6


@pytest.mark.parametrize(
    "text", ["", "s16le", "s16le:16000", "s16:16000:1", "s16le:0:1", "s16le:8000:0", "s16le:1:1:1"]
)
def test_what_is_no_raw_format_is_refused(text):
    with pytest.raises(ConfigError, match="not a raw format") as caught:
        parse_raw(text)
    assert "s16le:16000:1" in caught.value.hint


def test_channels_are_interleaved_and_a_partial_last_sample_is_dropped(hear, tmp_path):
    path = tmp_path / "x.pcm"
    path.write_bytes(np.tile(np.array([16384, -8192], "<i2"), 8000).tobytes() + b"\x01\x02\x03")
    raw = parse_raw("s16le:16000:2")
    assert hear(path, raw=raw, channel="left").samples.tolist() == [0.5] * 8000
    assert hear(path, raw=raw, channel="right").samples.tolist() == [-0.25] * 8000
    assert hear(path, raw=raw).duration == 0.5


def test_raw_comes_through_a_pipe(hear, piped):
    data = (np.arange(-40_000, 40_000) // 4).astype("<i2").tobytes()
    with piped(data + b"\x01"):
        processed = hear(None, raw=parse_raw("s16le:16000:1"))
    assert (processed.samples * 32768).astype("<i2").tobytes() == data
    assert processed.duration is None


def test_less_than_one_sample_is_no_sound(hear, tmp_path):
    path = tmp_path / "x.pcm"
    path.write_bytes(b"\x01")
    with pytest.raises(AudioError, match="not a single sample"):
        hear(path, raw=parse_raw("s16le:16000:1"))
