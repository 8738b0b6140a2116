import numpy as np
import pytest
import soundfile

from tests.audio.sounds import sweep
from whisper_cli.audio.decode import open_audio
from whisper_cli.audio.sources import Source
from whisper_cli.errors import AudioError, ConfigError


@pytest.fixture
def stereo(tmp_path):
    def stereo(left, right):
        path = tmp_path / "stereo.wav"
        soundfile.write(path, np.stack([left, right], axis=1), 16000, subtype="FLOAT")
        return path

    return stereo


def test_the_mix_is_the_mean(hear, stereo):
    left, right = sweep(16000, 2), sweep(16000, 2)[::-1]
    assert hear(stereo(left, right)).samples == pytest.approx((left + right) / 2, abs=1e-6)


def test_one_channel_is_kept_by_name_or_number(hear, stereo):
    left, right = sweep(16000, 2), sweep(16000, 2)[::-1]
    path = stereo(left, right)
    for channel, expected in [("left", left), ("1", left), ("right", right), ("2", right)]:
        assert hear(path, channel=channel).samples.tolist() == expected.tolist()


@pytest.mark.parametrize("gain", [-1.0, -0.9])
def test_channels_that_cancel_give_the_loudest(hear, stereo, gain):
    left = sweep(16000, 2)
    assert hear(stereo(left, gain * left)).samples.tolist() == left.tolist()


def test_one_silent_channel_is_mixed_as_usual(hear, stereo):
    left = sweep(16000, 2)
    assert hear(stereo(left, 0 * left)).samples == pytest.approx(left / 2)


def test_a_channel_that_is_not_there_says_how_many_are(hear, stereo):
    path = stereo(sweep(16000, 1), sweep(16000, 1))
    with pytest.raises(AudioError, match=r"no channel 3 in .*stereo.wav: it has 2"):
        hear(path, channel="3")


@pytest.mark.parametrize("channel", ["0", "middle", "-1", "²", ""])
def test_what_names_no_channel_is_refused_before_anything_is_opened(tmp_path, channel):
    with pytest.raises(ConfigError, match="no such channel"):
        open_audio(Source(tmp_path / "missing.wav"), channel=channel)


def test_what_no_sound_can_be_is_silence(hear, tmp_path):
    samples = sweep(16000, 1)
    samples[100:104] = [np.nan, np.inf, -np.inf, 1e30]
    path = tmp_path / "x.wav"
    soundfile.write(path, samples, 16000, subtype="FLOAT")
    samples[100:104] = 0
    assert hear(path).samples.tolist() == samples.tolist()
