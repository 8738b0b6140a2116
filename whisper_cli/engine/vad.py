"""Where speech is, by Silero as faster-whisper carries it."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from whisper_cli.choices import Mode
from whisper_cli.transcript import DecodingOptions


@dataclass(frozen=True, slots=True)
class VadOptions:
    """How Silero finds speech.

    `threshold`: probability of speech, 0 to 1; below Silero's own 0.5, since what it doesn't hear
    is lost. `min_silence`: seconds of silence between two stretches of speech. `pad`: seconds
    more on both sides of each; the fast mode pads chunks instead, see ChunkingOptions.
    """

    threshold: float = 0.35
    min_silence: float = 0.16
    pad: float = 0.0


EXACT = VadOptions(threshold=0.5, min_silence=2.0, pad=0.4)  # as faster-whisper has them


class DetectSpeech(Protocol):
    """What finds speech; `find_speech` is the real one, tests pass fakes."""

    def __call__(self, samples: np.ndarray, options: VadOptions) -> list[tuple[int, int]]:
        """Find speech in 16 kHz samples: (start, end) in samples, in order."""
        ...


def vad_options(decoding_options: DecodingOptions) -> VadOptions:
    """Return how speech is found in an input with these options."""
    exact = decoding_options.mode is Mode.exact
    defaults = EXACT if exact else VadOptions()
    return VadOptions(
        defaults.threshold
        if decoding_options.vad_threshold is None
        else decoding_options.vad_threshold,
        defaults.min_silence
        if decoding_options.vad_min_silence is None
        else decoding_options.vad_min_silence,
        defaults.pad if decoding_options.vad_pad is None or not exact else decoding_options.vad_pad,
    )


def find_speech(samples: np.ndarray, options: VadOptions = VadOptions()) -> list[tuple[int, int]]:
    """Find speech in 16 kHz samples by Silero: (start, end) in samples, in order."""
    from faster_whisper.vad import get_speech_timestamps

    spans = get_speech_timestamps(
        samples,
        threshold=options.threshold,
        min_silence_duration_ms=round(options.min_silence * 1000),
        speech_pad_ms=round(options.pad * 1000),
    )
    return [(int(span["start"]), int(span["end"])) for span in spans]
