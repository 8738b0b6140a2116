import os
import struct

import numpy as np
import pytest
import soundfile

from tests.audio.sounds import sweep
from tests.conftest import clips
from whisper_cli.audio.decode import open_audio
from whisper_cli.audio.sources import Source
from whisper_cli.errors import AudioError

PARTIAL = [entry["path"] for entry in clips("hard_corrupt") if "partial" in entry["expect"]]


@pytest.mark.parametrize("path", PARTIAL)
def test_a_truncated_file_gives_what_is_there_and_warns_once(hear, speech, path):
    processed = hear(speech / path)
    assert 4.9 < processed.seconds < 5.7
    [warning] = processed.warnings
    assert warning.startswith(f"{speech / path} is cut short after 5.")


@pytest.mark.parametrize("name", ["truncated_jfk.flac", "truncated_jfk.webm"])
def test_a_truncated_pipe_gives_what_is_there_and_warns_once(hear, piped, speech, name):
    with piped((speech / "hard_corrupt" / name).read_bytes()):
        processed = hear(None)
    assert 4.9 < processed.seconds < 5.7
    [warning] = processed.warnings
    assert warning.startswith("standard input is cut short after 5.")


def test_undecodable_packets_are_skipped_with_one_warning(hear, speech):
    processed = hear(speech / "hard_corrupt/bitflips.mp3")
    assert processed.seconds == pytest.approx(10.8, abs=0.2)
    [warning] = processed.warnings
    assert "is damaged" in warning


def test_garbage_before_an_mp3_is_passed_over(hear, speech):
    assert hear(speech / "hard_corrupt/garbage_then_mp3.mp3").seconds == pytest.approx(11, abs=0.1)


@pytest.mark.parametrize(
    ("container", "subtype"),
    [
        ("WAV", "PCM_16"),
        ("WAV", "DOUBLE"),
        ("AIFF", "PCM_16"),
        ("AU", "PCM_16"),
        ("RF64", "PCM_16"),
        ("W64", "PCM_16"),
        ("FLAC", "PCM_16"),
        ("OGG", "VORBIS"),
        ("OGG", "OPUS"),
    ],
)
def test_half_a_file_gives_about_half_the_sound_and_a_warning(hear, tmp_path, container, subtype):
    path = tmp_path / "half"
    noise = np.random.default_rng(0).normal(0, 0.1, 48000 * 8)
    soundfile.write(path, noise, 48000, subtype=subtype, format=container)
    os.truncate(path, path.stat().st_size // 2)
    processed = hear(path)
    assert processed.seconds == pytest.approx(4, abs=1.1)
    [warning] = processed.warnings
    assert "is cut short after" in warning


def test_a_truncated_mp4_with_its_index_in_front_gives_what_is_there(hear, speech, tmp_path):
    import av

    path = tmp_path / "x.mp4"
    with (
        av.open(speech / "hard_formats/jfk.m4a") as source,
        av.open(path, "w", options={"movflags": "faststart"}) as target,
    ):
        stream = target.add_stream_from_template(source.streams.audio[0])
        for packet in source.demux(source.streams.audio[0]):
            if packet.dts is not None:
                packet.stream = stream
                target.mux(packet)
    os.truncate(path, path.stat().st_size // 2)
    processed = hear(path)
    assert processed.seconds == pytest.approx(5.4, abs=0.3)
    assert len(processed.warnings) == 1


def test_flac_goes_on_after_damage_in_the_middle(hear, tmp_path):
    path = tmp_path / "x.flac"
    noise = np.random.default_rng(0).normal(0, 0.1, 16000 * 10)
    soundfile.write(path, noise, 16000)
    data = bytearray(path.read_bytes())
    data[len(data) // 2 : len(data) // 2 + 64] = bytes(64)
    path.write_bytes(data)
    processed = hear(path)
    assert processed.position == pytest.approx(10, abs=0.01)
    assert processed.seconds == pytest.approx(10, abs=0.6)
    np.testing.assert_allclose(processed.samples[:64000], noise[:64000], atol=1e-3)
    np.testing.assert_allclose(processed.samples[-64000:], noise[-64000:], atol=1e-3)
    [warning] = processed.warnings
    assert "is damaged" in warning


def test_ogg_that_nobody_closed_is_no_truncation(hear, tmp_path):
    path = tmp_path / "x.ogg"
    soundfile.write(path, sweep(48000, 3), 48000, subtype="OPUS")
    data = bytearray(path.read_bytes())
    last = data.rindex(b"OggS")
    assert data[last + 5] & 4
    path.write_bytes(data[:last])
    processed = hear(path)
    assert (processed.seconds > 1, processed.warnings) == (True, [])


@pytest.mark.parametrize("size", [0, 0x7FFFFFD8, 0x80000000, 0xFFFFFFFF])
def test_the_header_of_a_stream_is_no_truncation(hear, piped, tmp_path, size):
    path = tmp_path / "x.wav"
    soundfile.write(path, sweep(16000, 2), 16000)
    data = bytearray(path.read_bytes())
    destination = data.index(b"data") + 4
    data[destination : destination + 4] = struct.pack("<I", size)
    path.write_bytes(data)
    processed = hear(path)
    assert (processed.seconds, processed.warnings) == (2, [])
    with piped(bytes(data)):
        processed = hear(None)
    assert (processed.seconds, processed.warnings) == (2, [])


@pytest.mark.parametrize("rate", [7, 2**31 - 1])
def test_an_impossible_sample_rate_is_an_error(hear, tmp_path, rate):
    path = tmp_path / "x.wav"
    soundfile.write(path, sweep(16000, 1), 16000)
    data = path.read_bytes()
    path.write_bytes(data.replace(struct.pack("<I", 16000), struct.pack("<I", rate), 1))
    with pytest.raises(AudioError, match=f"impossible sample rate: {rate} Hz"):
        hear(path)


WRONG = {
    "zero_byte.mp3": "is empty (0 bytes)",
    "zero_byte.wav": "is empty (0 bytes)",
    "text_as_mp3.mp3": "is not audio: it looks like text",
    "html_error_page.mp3": "is not audio: it looks like a web page",
    "random_bytes.wav": "is not audio: it looks like text",
    "header_only.wav": "is damaged, or has a header and no sound",
    "truncated_no_moov.m4a": "was cut off before its index was written (no moov atom)",
    "video_without_audio.mp4": "no audio stream in",
    "image.png.mp3": "no audio stream in",
}


def refusal(hear, path):
    with pytest.raises(AudioError) as caught:
        hear(path)
    assert caught.value.hint
    return caught.value.message


@pytest.mark.parametrize("name", WRONG)
def test_what_is_no_audio_says_what_it_is(hear, speech, name):
    message = refusal(hear, speech / "hard_corrupt" / name)
    assert WRONG[name] in message
    assert str(speech / "hard_corrupt" / name) in message


def test_every_damaged_clip_is_tested_here():
    named = {path.split("/")[1] for path in PARTIAL} | {"bitflips.mp3", "garbage_then_mp3.mp3"}
    assert named | set(WRONG) == {entry["path"].split("/")[1] for entry in clips("hard_corrupt")}


def test_headerless_pcm_is_told_about_raw(speech):
    with pytest.raises(AudioError, match="no audio format we know") as caught:
        open_audio(Source(speech / "hard_formats/jfk_16k_s16le.pcm"))
    assert "--raw s16le:16000:1" in caught.value.hint


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"%PDF-1.7\n\xb5\xed", "a PDF document"),
        (b"PK\x03\x04" + bytes(100), "a ZIP archive"),
        (b"  <!doctype html><title>404", "a web page"),
        (b'<?xml version="1.0"?>', "an XML document"),
        ("naïve text, cut in a letter é".encode()[:-1], "text"),
    ],
)
def test_other_kinds_of_file_are_named(hear, tmp_path, data, kind):
    path = tmp_path / "x.wav"
    path.write_bytes(data)
    assert f"it looks like {kind}" in refusal(hear, path)


def test_missing_files_globs_and_folders_are_told_apart(hear, tmp_path):
    assert refusal(hear, tmp_path / "x.wav") == f"file not found: {tmp_path}/x.wav"
    assert refusal(hear, tmp_path / "*.wav") == f"no file matches {tmp_path}/*.wav"
    assert refusal(hear, tmp_path) == f"no audio or video files in the folder {tmp_path}"


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root reads all")
def test_a_file_that_may_not_be_read_says_so(hear, tmp_path):
    path = tmp_path / "x.wav"
    path.write_bytes(b"RIFF")
    path.chmod(0)
    assert refusal(hear, path) == f"permission denied: {path}"


def test_a_header_without_samples_is_no_sound(hear, tmp_path):
    for container in ("WAV", "AIFF", "AU"):
        path = tmp_path / container
        soundfile.write(path, np.zeros(0), 16000, format=container)
        assert "sound" in refusal(hear, path)


@pytest.mark.parametrize("through", ["file", "pipe"])
@pytest.mark.parametrize(
    "playlist",
    [
        "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n{path}\n#EXT-X-ENDLIST\n",
        "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nfile://{path}\n#EXT-X-ENDLIST\n",
        "ffconcat version 1.0\nfile {name}\n",
        "ffconcat version 1.0\nfile {path}\n",
        "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=audio 5004 RTP/AVP 0\n",
    ],
)
def test_nothing_that_a_playlist_names_is_read(
    hear, piped, tmp_path, monkeypatch, playlist, through
):
    monkeypatch.chdir(tmp_path)
    sound = tmp_path / "private.wav"
    soundfile.write(sound, sweep(16000, 1), 16000)
    text = playlist.format(path=sound, name=sound.name).encode()
    (tmp_path / "list.m3u8").write_bytes(text)
    if through == "file":
        message = refusal(hear, tmp_path / "list.m3u8")
    else:
        with piped(text):
            message = refusal(hear, None)
    assert "is not audio" in message
