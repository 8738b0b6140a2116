"""Speech detection: what the options mean, and whose the defaults are."""

import numpy as np
import pytest
from faster_whisper.vad import VadOptions as FasterWhisperVadOptions

from whisper_cli.audio.decode import open_audio
from whisper_cli.audio.sources import Source
from whisper_cli.choices import Mode
from whisper_cli.engine import engine_for
from whisper_cli.engine.chunking import ChunkingOptions, chunking_options
from whisper_cli.engine.device import DeviceRequest, resolve_device
from whisper_cli.engine.vad import EXACT, VadOptions, find_speech, vad_options
from whisper_cli.errors import ConfigError
from whisper_cli.transcript import DecodingOptions

ASKED = DecodingOptions(vad_threshold=0.7, vad_min_silence=1.0, vad_pad=0.1, max_chunk=9.0)


@pytest.fixture(scope="module")
def sound(jfk) -> np.ndarray:
    with open_audio(Source(jfk)) as audio:
        return np.concatenate([block.samples for block in audio.blocks()])


def test_without_options_each_mode_has_its_own():
    assert vad_options(DecodingOptions()) == VadOptions()
    assert vad_options(DecodingOptions(mode=Mode.exact)) == EXACT
    assert chunking_options(DecodingOptions()) == ChunkingOptions()
    assert chunking_options(DecodingOptions(mode=Mode.exact)).longest is None


def test_the_exact_mode_hears_as_faster_whisper_does():
    theirs = FasterWhisperVadOptions()
    assert theirs.threshold == EXACT.threshold
    assert theirs.min_silence_duration_ms == EXACT.min_silence * 1000
    assert theirs.speech_pad_ms == EXACT.pad * 1000


def test_the_fast_mode_pads_chunks_and_the_exact_mode_speech():
    assert vad_options(ASKED) == VadOptions(0.7, 1.0, 0.0)
    cut = chunking_options(ASKED)
    assert (cut.pad, cut.longest, cut.live.pad, cut.live.longest) == (0.1, 9.0, 0.1, 9.0)
    exact = DecodingOptions(mode=Mode.exact, vad_threshold=0.7, vad_pad=0.1)
    assert vad_options(exact) == VadOptions(0.7, EXACT.min_silence, 0.1)


def test_the_exact_mode_refuses_a_longest_chunk(tmp_path):
    plan = resolve_device(DeviceRequest())
    with pytest.raises(ConfigError, match="--max-chunk"):
        engine_for(tmp_path, plan, DecodingOptions(mode=Mode.exact, max_chunk=9.0))


def test_more_silence_joins_and_a_higher_threshold_hears_less(sound):
    def speech(**given: float) -> tuple[int, int]:
        spans = find_speech(sound, VadOptions(**given))
        return len(spans), sum(last - first for first, last in spans)

    defaults = speech()
    assert speech(min_silence=3.0)[0] == 1 < defaults[0]
    assert speech(threshold=0.9)[1] < defaults[1] < speech(pad=0.1)[1]
    assert speech(threshold=1.0) == (0, 0)
