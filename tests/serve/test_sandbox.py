"""Decoding in a process of its own: what it is told, what it may take, what it can't harm."""

import os
import signal
import threading
from dataclasses import replace
from itertools import count

import numpy as np
import pytest
import soundfile

from tests.audio.sounds import write_tracks
from tests.serve.processes import repeated
from whisper_cli.audio.block_codec import BlockFile, packed
from whisper_cli.audio.blocks import Block
from whisper_cli.audio.decode import open_audio
from whisper_cli.audio.sources import Source
from whisper_cli.errors import AudioError, EngineError, TooLong
from whisper_cli.serve.worker.messages import DecodeLimits
from whisper_cli.serve.worker.sandbox import SandboxedAudio


def sandboxed(path, needed=lambda: True, **limits):
    return SandboxedAudio(path, DecodeLimits(**limits), needed)


def test_the_sound_is_what_it_is_without_a_sandbox(jfk):
    with sandboxed(jfk) as sound, open_audio(Source(jfk)) as audio:
        assert sound.duration == audio.duration
        owned, theirs = list(sound.blocks()), list(audio.blocks())
        assert [block.start for block in owned] == [block.start for block in theirs]
        assert all(np.array_equal(a.samples, b.samples) for a, b in zip(owned, theirs, strict=True))
        assert sound.position == audio.position


def test_of_several_tracks_the_one_in_the_language_is_heard_and_told(tmp_path):
    upload = write_tracks(tmp_path / "upload", ("ger", "default"), ("eng", ""), form="matroska")
    with sandboxed(upload) as sound:
        assert sound.track == 1
    with SandboxedAudio(upload, DecodeLimits(), lambda: True, "en") as sound:
        assert sound.track == 2
        [warning] = sound.warnings
    assert warning.startswith("audio track 2 of 2 was chosen (1: de, default; 2: en)")


def test_what_is_no_audio_is_named_without_a_path(tmp_path):
    upload = tmp_path / "upload"
    upload.write_text("just words\n" * 99)
    with pytest.raises(AudioError) as refused:
        sandboxed(upload)
    assert refused.value.message == "the file is not audio: it looks like text"


def test_too_long_is_told_by_the_header(jfk):
    with pytest.raises(TooLong):
        sandboxed(jfk, duration=5.0)


def test_too_long_is_told_while_decoding_where_the_header_does_not_say(tmp_path, speech):
    endless = tmp_path / "endless"
    wav = (speech / "hard_formats" / "jfk_streaming_header.wav").read_bytes()
    endless.write_bytes(wav + wav[44:] * 3)
    with pytest.raises(TooLong), sandboxed(endless, duration=15.0) as sound:
        list(sound.blocks())


def test_memory_is_limited(tmp_path):
    """A second of it takes 100 MB: 64 channels at 400 kHz."""
    wide = tmp_path / "wide"
    soundfile.write(wide, np.zeros((400_000, 64), np.int16), 400_000, format="WAV")
    with sandboxed(wide) as sound:
        assert sum(len(block.samples) for block in sound.blocks()) == pytest.approx(16_000, abs=99)
    with pytest.raises(AudioError) as refused, sandboxed(wide, memory=40 << 20) as sound:
        list(sound.blocks())
    assert "memory" in refused.value.message or "limits" in refused.value.message


@pytest.mark.parametrize("number", [signal.SIGSEGV, signal.SIGABRT, signal.SIGKILL])
def test_a_process_that_dies_fails_its_input_only(tmp_path, jfk, caplog, number):
    long = repeated(jfk, tmp_path / "long.wav", 60)
    with sandboxed(long) as sound:
        blocks = sound.blocks()
        next(blocks)
        os.kill(sound._process.pid, number)
        with pytest.raises(EngineError):
            list(blocks)
    assert "a decoding process crashed" in caplog.text
    with sandboxed(jfk) as sound:
        assert len(list(sound.blocks())) > 9


def test_an_exception_of_ours_is_no_fault_of_the_file(jfk, caplog):
    with pytest.raises(EngineError):
        sandboxed(jfk, duration=None)  # compared with a number in there
    assert "Traceback (most recent call last)" in caplog.text
    assert "TypeError" in caplog.text


@pytest.mark.skipif(not hasattr(signal, "SIGXCPU"), reason="no limit of CPU time here")
def test_a_file_that_takes_too_much_time_of_the_processor_is_at_fault(tmp_path, jfk):
    long = repeated(jfk, tmp_path / "long.wav", 60)
    with sandboxed(long) as sound:
        os.kill(sound._process.pid, signal.SIGXCPU)
        with pytest.raises(AudioError) as refused:
            list(sound.blocks())
    assert "limits of this server" in refused.value.message


def test_a_process_that_hangs_is_given_up(jfk):
    with sandboxed(jfk) as sound:
        os.kill(sound._process.pid, signal.SIGSTOP)
        sound._limits = replace(sound._limits, silence=0.5)
        with pytest.raises(AudioError) as refused:
            list(sound.blocks())
    assert refused.value.message in (
        "the file takes too long to decode",
        "the file can't be decoded within the limits of this server",
    )


def test_what_nobody_wants_is_not_decoded(tmp_path, jfk):
    long = repeated(jfk, tmp_path / "long.wav", 60)
    asked = count()
    with sandboxed(long, needed=lambda: next(asked) < 3) as sound:
        os.kill(sound._process.pid, signal.SIGSTOP)
        with pytest.raises(AudioError) as refused:
            list(sound.blocks())
    assert refused.value.message == "nobody waits for it any more"


def test_many_at_once_each_get_their_own(jfk):
    processed = []

    def decode():
        with sandboxed(jfk) as sound:
            processed.append(sum(len(block.samples) for block in sound.blocks()))

    threads = [threading.Thread(target=decode) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(processed) == 8
    assert len(set(processed)) == 1


def test_blocks_in_a_file_are_read_as_they_were_written(tmp_path, jfk):
    with open_audio(Source(jfk)) as audio:
        blocks = list(audio.blocks())
    file = tmp_path / "blocks"
    file.write_bytes(b"".join(map(packed, blocks)))
    with BlockFile(file, 60.0) as sound:
        read = list(sound.blocks())
    assert all(np.array_equal(a.samples, b.samples) for a, b in zip(blocks, read, strict=True))
    with BlockFile(file, 5.0) as sound, pytest.raises(TooLong):
        list(sound.blocks())


@pytest.mark.parametrize(
    "data",
    [b"x", b"\xff" * 12, b"\0" * 12 + b"x", b"\0" * 8 + b"\xff" * 4, b"\0" * 8 + b"\1\0\0\0"],
)
def test_damaged_blocks_are_an_error_of_the_sender(tmp_path, data):
    file = tmp_path / "blocks"
    file.write_bytes(data)
    with BlockFile(file, 60.0) as sound, pytest.raises(AudioError):
        list(sound.blocks())


def test_what_no_sound_can_be_is_silence_in_blocks(tmp_path):
    file = tmp_path / "blocks"
    odd = np.array([np.nan, np.inf, -np.inf, 1e30, 0.5], np.float32)
    file.write_bytes(packed(Block(0.0, odd)))
    with BlockFile(file, 60.0) as sound:
        [block] = sound.blocks()
    assert block.samples.tolist() == [0, 0, 0, 0, 0.5]
