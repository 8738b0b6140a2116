"""Sound made for the tests, and containers made of it."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np


def sweep(rate: int, seconds: float) -> np.ndarray:
    """Make a tone that rises from 200 to 1200 Hz while it swells and fades: no two parts alike."""
    time = np.arange(round(rate * seconds)) / rate
    phase = 2 * np.pi * (200 * time + 500 / seconds * time**2)
    return (0.5 * np.sin(phase) * np.sin(np.pi * time / seconds) ** 2).astype(np.float32)


def write_gapped(path: Path, starts: Sequence[float], seconds: float = 1.0, rate: int = 16000):
    """Write a file whose audio comes in pieces of some seconds, each at its own time."""
    import av

    with av.open(path, "w", options={"avoid_negative_ts": "disabled"}) as container:
        stream = container.add_stream("pcm_s16le", rate=rate, layout="mono")
        samples = (sweep(rate, seconds) * 32767).astype(np.int16)
        for start in starts:
            frame = av.AudioFrame.from_ndarray(samples.reshape(1, -1), format="s16", layout="mono")
            frame.sample_rate = rate
            frame.pts = round(start * rate)
            container.mux(stream.encode(frame))


def write_tracks(
    path: Path, *tracks: tuple[str | None, str], codec: str = "pcm_s16le", form: str | None = None
):
    """Write a second of a tone of 300 Hz, 600 Hz and so on: a track each, of a language and flags.

    Flags are FFmpeg's, in one text.
    """
    import av
    from av.stream import Disposition

    time = np.arange(16000) / 16000
    with av.open(path, "w", format=form) as container:
        streams = [container.add_stream(codec, rate=16000, layout="mono") for _ in tracks]
        for stream, (language, flags) in zip(streams, tracks, strict=True):
            if language:
                stream.metadata["language"] = language
            stream.disposition = sum(Disposition[flag].value for flag in flags.split())
        for number, stream in enumerate(streams, 1):
            tone = 9000 * np.sin(2 * np.pi * 300 * number * time)
            frame = av.AudioFrame.from_ndarray(
                tone.astype(np.int16).reshape(1, -1), format="s16", layout="mono"
            )
            frame.sample_rate, frame.pts = 16000, 0
            container.mux(stream.encode(frame))
        for stream in streams:
            container.mux(stream.encode(None))
    return path
