"""Where speech is, by Silero as faster-whisper carries it."""

import numpy as np


def find_speech(samples: np.ndarray) -> list[tuple[int, int]]:
    """Find speech by Silero: padded (start, end) in samples, pauses under 2 s inside."""
    from faster_whisper.vad import get_speech_timestamps

    return [(int(span["start"]), int(span["end"])) for span in get_speech_timestamps(samples)]


def find_phrases(samples: np.ndarray) -> list[tuple[int, int]]:
    """Find speech by Silero between all pauses of 0.16 s: (start, end) in samples, not padded.

    More sensitive than Silero's default, since what it doesn't hear is lost.
    """
    from faster_whisper.vad import get_speech_timestamps

    spans = get_speech_timestamps(
        samples, threshold=0.35, min_silence_duration_ms=160, speech_pad_ms=0
    )
    return [(int(span["start"]), int(span["end"])) for span in spans]
