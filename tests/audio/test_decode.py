import hashlib
import os
import shutil
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import soundfile

from tests.audio.sounds import sweep
from tests.conftest import clips
from whisper_cli.audio.decode import open_audio
from whisper_cli.audio.sources import Source
from whisper_cli.errors import AudioError

SPOKEN = [entry for entry in clips("hard_formats") if entry["expect"].startswith("transcript")]
CONTENT = clips("hard_content")


def paths(entries):
    return [pytest.param(entry, id=entry["path"].split("/")[1]) for entry in entries]


def likeness(one, other):
    """Correlate two envelopes, allowing for the 60 ms by which codecs delay."""
    size = min(len(one), len(other)) - 6
    return max(
        np.corrcoef(one[a : a + size], other[b : b + size])[0, 1]
        for a, b in [(0, 0), *((n, 0) for n in range(1, 7)), *((0, n) for n in range(1, 7))]
    )


@pytest.fixture(scope="session")
def said(speech):
    """The envelope of what is spoken in all of `hard_formats`."""
    samples, _ = soundfile.read(speech / "hard_formats/jfk_s16_16k.wav")
    return np.sqrt((samples.reshape(-1, 160) ** 2).mean(axis=1))


@pytest.mark.parametrize("entry", paths(SPOKEN))
def test_every_format_gives_the_same_speech_and_no_warning(hear, speech, said, entry):
    processed = hear(speech / entry["path"])
    assert processed.seconds == pytest.approx(entry["duration_s"], abs=0.06)
    assert processed.duration == pytest.approx(processed.position, abs=0.4)
    assert likeness(processed.envelope, said) > 0.96
    assert processed.warnings == []


@pytest.mark.parametrize("entry", paths(SPOKEN))
def test_every_format_comes_through_a_pipe_too(hear, piped, speech, said, entry):
    data = (speech / entry["path"]).read_bytes()
    with piped(data):
        processed = hear(None)
    assert likeness(processed.envelope, said) > 0.96
    assert processed.warnings == []
    assert processed.sha256 == hashlib.sha256(data).hexdigest()


@pytest.mark.parametrize("entry", paths(CONTENT))
def test_hard_content_is_decoded_whole_without_a_warning(hear, speech, entry):
    processed = hear(speech / entry["path"])
    assert processed.seconds == pytest.approx(entry["duration_s"], abs=0.001)
    assert processed.duration == pytest.approx(entry["duration_s"], abs=0.001)
    assert processed.warnings == []


def test_antiphase_speech_is_heard(hear, speech, said):
    assert likeness(hear(speech / "hard_content/jfk_antiphase_stereo.wav").envelope, said) > 0.99


def test_a_track_is_chosen_by_number(hear, speech, said):
    path = speech / "hard_formats/jfk_second_track.mkv"
    assert np.abs(hear(path).samples).max() < 0.001
    assert likeness(hear(path, track=2).envelope, said) > 0.96


@pytest.mark.parametrize("name", ["jfk_second_track.mkv", "jfk_s16_16k.wav"])
def test_a_track_that_is_not_there_says_how_many_are(speech, name):
    with pytest.raises(AudioError, match=r"no audio track 3 in .*: it has [12]$"):
        open_audio(Source(speech / "hard_formats" / name), track=3)


SUBTYPES = {"WAV": ["PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE"], "FLAC": ["PCM_16", "PCM_24"]}


@pytest.mark.parametrize("container", SUBTYPES)
@pytest.mark.parametrize("channels", [1, 2, 6, 8])
@pytest.mark.parametrize("rate", [8000, 11025, 16000, 22050, 44100, 48000, 96000, 192000])
def test_rates_channels_and_sample_formats_give_the_same_sound(
    hear, tmp_path, rate, channels, container
):
    expected = sweep(16000, 0.5)
    for subtype in SUBTYPES[container]:
        path = tmp_path / subtype
        sound = np.tile(sweep(rate, 0.5)[:, None], channels)
        soundfile.write(path, sound, rate, subtype=subtype, format=container)
        processed = hear(path)
        assert len(processed.samples) == pytest.approx(8000, abs=1)
        np.testing.assert_allclose(processed.samples[:7999], expected[:7999], atol=2e-3)
        assert processed.samples.dtype == np.float32


@pytest.mark.parametrize(
    ("container", "subtype"),
    [
        ("AIFF", "PCM_S8"),
        ("AIFF", "PCM_16"),
        ("AU", "ULAW"),
        ("CAF", "ALAC_16"),
        ("OGG", "VORBIS"),
        ("OGG", "OPUS"),
        ("RF64", "PCM_16"),
        ("W64", "PCM_16"),
        ("WAV", "GSM610"),
        ("WAV", "IMA_ADPCM"),
        ("WAV", "MS_ADPCM"),
        ("MP3", "MPEG_LAYER_III"),
    ],
)
def test_other_containers_are_told_by_content_whatever_the_name(hear, tmp_path, container, subtype):
    path = tmp_path / "sound.txt"
    soundfile.write(path, sweep(8000, 3), 8000, subtype=subtype, format=container)
    processed = hear(path)
    assert processed.seconds == pytest.approx(3, abs=0.15)
    assert np.sqrt((processed.samples**2).mean()) == pytest.approx(0.217, abs=0.02)
    assert processed.warnings == []


@pytest.mark.parametrize(
    "name",
    [
        b"with space.wav",
        b"new\nline.wav",
        b"'single' \"double\".wav",
        "\N{MICROPHONE}.wav".encode(),
        b"-dash.wav",
        b"x" * 200,
        b"caf\xe9.wav",
        b"wrong.mp3",
        b"wrong.m3u8",
        b"none",
    ],
)
def test_any_file_name_will_do(hear, tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    path = Path(os.fsdecode(name))
    with path.open("wb") as file:
        soundfile.write(file, sweep(16000, 0.5), 16000, format="WAV")
    assert hear(path).seconds == 0.5


def test_blocks_are_about_a_second_and_follow_each_other(hear, speech):
    for name in ("jfk_s16_16k.wav", "jfk_f32.wav", "jfk.m4a", "jfk.opus"):
        blocks = hear(speech / "hard_formats" / name).blocks
        assert 11 <= len(blocks) <= 14
        for before, after in pairwise(blocks):
            assert after.start == pytest.approx(before.end, abs=1e-6)


def test_position_and_digest_follow_the_file(speech):
    path = speech / "hard_formats/jfk.m4a"
    with open_audio(Source(path)) as audio:
        blocks = audio.blocks()
        assert audio.position == 0
        assert next(blocks).end == audio.position
        assert audio.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
        assert next(blocks).end == audio.position


def test_a_clip_keeps_the_times_of_the_input(hear, speech):
    path = speech / "hard_formats/jfk_vbr.mp3"
    whole, part = hear(path), hear(path, clip=((2.5, 3.0), (8.0, None)))
    assert part.blocks[0].start == 2.5
    expected = np.concatenate([whole.samples[40_000:48_000], whole.samples[128_000:]])
    assert part.samples.tolist() == expected.tolist()


def test_blocks_are_read_once(speech):
    with open_audio(Source(speech / "hard_formats/jfk.au")) as audio:
        assert list(audio.blocks())
        with pytest.raises(RuntimeError):
            audio.blocks()


def test_ogg_streams_one_after_the_other_are_all_decoded(hear, speech, tmp_path):
    path = tmp_path / "chained.ogg"
    first, second = tmp_path / "1.ogg", tmp_path / "2.ogg"
    soundfile.write(first, sweep(16000, 2), 16000, subtype="VORBIS")
    soundfile.write(second, sweep(16000, 3), 16000, subtype="VORBIS")
    with path.open("wb") as file:
        for part in (first, second):
            with part.open("rb") as piece:
                shutil.copyfileobj(piece, file)
    assert hear(path).seconds == pytest.approx(5, abs=0.1)


@pytest.mark.parametrize("name", ["jfk.m4a", "jfk.ogg", "jfk_mulaw_8k.wav"])
def test_a_plain_mix_is_what_faster_whisper_hears(speech, name):
    from faster_whisper.audio import decode_audio

    path = speech / "hard_formats" / name
    with open_audio(Source(path), plain=True) as audio:
        processed = np.concatenate([block.samples for block in audio.blocks()])
    np.testing.assert_array_equal(processed, decode_audio(str(path)))
