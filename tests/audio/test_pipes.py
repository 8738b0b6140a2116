import hashlib
import io
import os
import sys
import threading

import numpy as np
import pytest
import soundfile

from tests.audio.sounds import sweep
from whisper_cli.audio.decode import open_audio, parse_raw
from whisper_cli.audio.sources import Source
from whisper_cli.errors import AudioError


def endless_wav():
    """The header of a WAV that never ends, and its first ten minutes."""
    header = io.BytesIO()
    soundfile.write(header, np.zeros(0), 16000, format="WAV", subtype="PCM_16")
    yield header.getvalue()[:-4] + b"\xff" * 4
    second = (sweep(16000, 1) * 32767).astype("<i2").tobytes()
    for _ in range(600):
        yield second


@pytest.mark.parametrize("raw", [None, parse_raw("s16le:16000:1")], ids=["wav", "raw"])
def test_a_pipe_is_decoded_while_it_is_written(monkeypatch, raw):
    reading, writing = os.pipe()
    written = 0

    def fill():
        nonlocal written
        try:
            with os.fdopen(writing, "wb", buffering=0) as pipe:
                for piece in endless_wav():
                    written += pipe.write(piece)
        except BrokenPipeError:
            pass

    thread = threading.Thread(target=fill)
    with io.TextIOWrapper(os.fdopen(reading, "rb")) as stdin:
        monkeypatch.setattr(sys, "stdin", stdin)
        thread.start()
        with open_audio(Source(None), raw=raw) as audio:
            blocks = audio.blocks()
            assert [round(next(blocks).end) for _ in range(3)][-1] <= 3
            assert audio.sha256 is None
    thread.join()
    assert written < 60 * 32000


def test_standard_input_stays_open(monkeypatch):
    data = io.BytesIO()
    soundfile.write(data, sweep(16000, 1), 16000, format="WAV")
    stdin = io.TextIOWrapper(io.BytesIO(data.getvalue()))
    monkeypatch.setattr(sys, "stdin", stdin)
    with open_audio(Source(None)) as audio:
        assert list(audio.blocks())
    assert not stdin.buffer.closed


def test_the_digest_is_of_all_that_came_also_of_what_follows_the_sound(hear, piped):
    data = io.BytesIO()
    soundfile.write(data, sweep(16000, 1), 16000, format="WAV")
    whole = data.getvalue() + b"LIST\x00\x00\x10\x00" + bytes(1 << 20)
    with piped(whole):
        assert hear(None).sha256 == hashlib.sha256(whole).hexdigest()


def test_a_clip_leaves_the_rest_of_a_pipe_unread(hear, piped):
    data = io.BytesIO()
    soundfile.write(data, sweep(16000, 60), 16000, format="WAV")
    with piped(data.getvalue()):
        processed = hear(None, clip=((1.0, 2.0),))
    assert (processed.seconds, processed.sha256) == (1, None)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_named_pipe_is_a_pipe(hear, tmp_path, speech):
    path = tmp_path / "fifo"
    os.mkfifo(path)
    data = (speech / "hard_formats/jfk.m4a").read_bytes()
    thread = threading.Thread(target=path.write_bytes, args=[data])
    thread.start()
    processed = hear(path)
    thread.join()
    assert processed.seconds == pytest.approx(11, abs=0.05)
    assert processed.sha256 == hashlib.sha256(data).hexdigest()


def test_an_mp4_without_a_type_is_known_in_a_pipe_by_its_first_atom(hear, piped, speech):
    data = (speech / "hard_formats/jfk_chapters.m4b").read_bytes().replace(b"ftyp", b"free", 1)
    with piped(data):
        assert hear(None).seconds == pytest.approx(11, abs=0.05)


def test_an_empty_pipe_says_so(hear, piped):
    with piped(b""), pytest.raises(AudioError, match=r"standard input is empty \(0 bytes\)"):
        hear(None)


def test_standard_input_that_is_closed_says_so(hear, monkeypatch):
    monkeypatch.setattr(sys, "stdin", None)
    with pytest.raises(AudioError, match="standard input is closed"):
        hear(None)


class Failing(io.BytesIO):
    """Bytes whose reading fails after a while."""

    def __init__(self, data, error):
        super().__init__(data)
        self.error = error

    def read1(self, size=-1):
        if self.tell() > 100_000:
            raise self.error
        return super().read1(min(size, 4096))


@pytest.mark.parametrize("error", [KeyboardInterrupt(), SystemExit(1), AudioError("x")])
@pytest.mark.parametrize("name", ["jfk_s16_16k.wav", "jfk.mp2", "jfk_chapters.m4b"])
def test_what_stops_a_read_stops_the_decoding(monkeypatch, speech, error, name):
    data = (speech / "hard_formats" / name).read_bytes()
    stdin = io.TextIOWrapper(Failing(data, error))
    monkeypatch.setattr(sys, "stdin", stdin)
    with pytest.raises(type(error)), open_audio(Source(None)) as audio:
        list(audio.blocks())


@pytest.mark.parametrize("raw", [None, parse_raw("s16le:44100:2")], ids=["mp2", "raw"])
def test_a_pipe_that_breaks_is_an_error_that_names_it(monkeypatch, speech, raw):
    data = (speech / "hard_formats/jfk.mp2").read_bytes()
    stdin = io.TextIOWrapper(Failing(data, OSError(5, "Input/output error")))
    monkeypatch.setattr(sys, "stdin", stdin)
    with (
        pytest.raises(AudioError, match="can't read standard input: Input/output error"),
        open_audio(Source(None), raw=raw) as audio,
    ):
        list(audio.blocks())
