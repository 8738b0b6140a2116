import io
import os
import struct

import numpy as np
import pytest
import soundfile

from tests.audio.sounds import sweep
from whisper_cli.audio.decode import open_audio
from whisper_cli.audio.sizes import sizes_of
from whisper_cli.audio.sources import Source
from whisper_cli.audio.streams import open_content

LIST = b"LIST\x0a\x00\x00\x00INFOISFT\x00\x00"


def stated(size, container="WAV", seconds=3.0, tail=b""):
    """A file of some seconds whose header says that its sound has `size` bytes."""
    file = io.BytesIO()
    soundfile.write(file, sweep(16000, seconds), 16000, "PCM_16", format=container)
    data = bytearray(file.getvalue())
    if container == "RF64":
        offset, kind = data.index(b"ds64") + 16, "<Q"
    else:
        name, kind = (b"SSND", ">I") if container == "AIFF" else (b"data", "<I")
        offset = data.index(name) + 4
    data[offset : offset + struct.calcsize(kind)] = struct.pack(kind, size)
    return bytes(data) + tail


@pytest.fixture(params=["file", "pipe", "plain"])
def heard(request, hear, piped, tmp_path):
    """Hear bytes as a file, by a pipe, and as the exact mode does."""

    def heard(data):
        if request.param == "pipe":
            with piped(data):
                return hear(None)
        (tmp_path / "x").write_bytes(data)
        return hear(tmp_path / "x", plain=request.param == "plain")

    return heard


@pytest.mark.parametrize("container", ["WAV", "AIFF", "RF64"])
@pytest.mark.parametrize("size", [0, 0x7F000000, 0x7FFFF000, 0x7FFFFFFF, 0xFFFFFFFF])
def test_a_size_that_nobody_set_is_none(heard, container, size):
    processed = heard(stated(size, container))
    assert (round(processed.seconds, 2), processed.warnings) == (3, [])
    assert processed.duration in (None, pytest.approx(3, abs=0.01))


class Pipe:
    """What FFmpeg writes to where it can't go back."""

    def __init__(self):
        self.data = b""

    def write(self, data):
        self.data += bytes(data)


@pytest.mark.parametrize(
    ("container", "codec"),
    [("aiff", "pcm_s16be"), ("wav", "pcm_s16le"), ("au", "pcm_s16be"), ("flac", "flac")],
)
def test_what_ffmpeg_writes_to_a_pipe_is_whole(heard, container, codec):
    import av

    pipe = Pipe()
    with av.open(pipe, "w", format=container) as output:
        stream = output.add_stream(codec, rate=16000, layout="mono")
        for start in range(0, 44000, 4000):
            samples = (sweep(16000, 2.75)[start : start + 4000] * 32767).astype(np.int16)
            frame = av.AudioFrame.from_ndarray(samples.reshape(1, -1), format="s16", layout="mono")
            frame.sample_rate, frame.pts = 16000, start
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    processed = heard(pipe.data)
    assert (processed.seconds, processed.warnings) == (2.75, [])


@pytest.mark.parametrize("tail", [b"", LIST, b"id3 \x00\x00\x10\x00ID3"])
def test_sound_after_a_stale_size_is_told_of(heard, tail):
    processed = heard(stated(32000, tail=tail))
    assert processed.seconds == 1
    [warning] = processed.warnings
    assert f"goes on for {64000 + len(tail)} bytes after its sound that are no chunk" in warning


@pytest.mark.parametrize("tail", [LIST, LIST * 3, b"cut?\x03\x00\x00\x00abc" + LIST, bytes(5000)])
def test_chunks_and_zeros_after_the_sound_are_nothing_to_tell_of(heard, tail):
    processed = heard(stated(96000, tail=tail))
    assert (processed.seconds, processed.warnings) == (3, [])


def test_chunks_before_the_sound_are_passed_over(hear, tmp_path):
    data = stated(32000)
    bext = b"bext" + struct.pack("<I", 3000) + bytes(3000)
    (tmp_path / "x.wav").write_bytes(data[:36] + bext + data[36:])
    [warning] = hear(tmp_path / "x.wav").warnings
    assert "64000 bytes" in warning


OVER = 4 * 2**30 + 192_000  # bytes of sound at 192,000 a second


def sparse(path, size, tail=b""):
    """Write a WAV over 4 GiB whose last second sounds; return where its sound starts."""
    head = b"RIFF" + struct.pack("<I", size) + b"WAVEfmt " + struct.pack("<I", 16)
    head += (
        struct.pack("<HHIIHH", 1, 1, 96000, 96000 * 2, 2, 16) + b"data" + struct.pack("<I", size)
    )
    with path.open("wb") as file:
        file.write(head)
        file.truncate(len(head) + OVER)
        file.seek(-192_000, os.SEEK_END)
        file.write((sweep(96000, 1) * 32767).astype("<i2").tobytes() + tail)
    return len(head)


@pytest.mark.parametrize("tail", [b"", LIST])
@pytest.mark.parametrize("size", [0, 0x7FFFF000, 0xFFFFFFFF, OVER % 2**32])
def test_a_wav_over_4_gib_is_read_by_what_is_there(tmp_path, size, tail):
    path = tmp_path / "x.wav"
    start = sparse(path, size, tail)
    content = open_content(Source(path))
    sizes = sizes_of(content)
    content.close()
    assert sizes.patches == ((start - 4, b"\xff" * 4),)
    assert sizes.more == (size > 0)
    assert sizes.end == (start + OVER if size == OVER % 2**32 else None)
    with open_audio(Source(path)) as audio:
        assert audio.duration == pytest.approx(OVER / 192_000, abs=0.1)


def test_a_wav_over_4_gib_with_another_size_is_told_of(tmp_path):
    sparse(tmp_path / "x.wav", 32000)
    content = open_content(Source(tmp_path / "x.wav"))
    assert sizes_of(content).stray == OVER - 32000
    content.close()


def test_damage_in_flac_of_unknown_length_is_told_of(heard):
    file = io.BytesIO()
    noise = np.random.default_rng(0).normal(0, 0.1, 16000 * 4)
    soundfile.write(file, noise, 16000, format="FLAC")
    data = bytearray(file.getvalue())
    data[21] &= 0xF0
    data[22:26] = bytes(4)
    assert heard(bytes(data)).warnings == []
    data[len(data) // 2 : len(data) // 2 + 64] = bytes(64)
    [warning] = heard(bytes(data)).warnings
    assert "is damaged" in warning
