"""Many channels to one: the one that was asked for, or a mix that doesn't cancel out."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from whisper_cli.audio.blocks import Frames, Samples
from whisper_cli.errors import AudioError, ConfigError

_NAMED = {"mix": None, "left": 0, "right": 1}


def parse_channel(text: str) -> int | None:
    """Give the index of `left`, `right` or a number from 1, None for `mix`; or ConfigError."""
    if text in _NAMED:
        return _NAMED[text]
    if not (text.isascii() and text.isdigit() and int(text)):
        raise ConfigError(f'no such channel: "{text}"', hint="mix, left, right, or a number from 1")
    return int(text) - 1


def mono(chunks: Iterator[Frames], channel: int | None, name: str) -> Iterator[Frames]:
    """Keep one channel of each chunk; raises AudioError where the first has fewer.

    A later one may have fewer (MP3 changes between stereo and mono): its last is taken.
    """
    for number, chunk in enumerate(chunks):
        if channel is None:
            samples = _mixed(clean(chunk.samples))
        elif number == 0 and channel >= chunk.channels:
            raise AudioError(
                f"no channel {channel + 1} in {name}: it has {chunk.channels}",
                hint=f"--channel 1 to {chunk.channels}, or mix" if chunk.channels > 1 else None,
            )
        else:
            samples = clean(chunk.samples[:, min(channel, chunk.channels - 1)])
        yield replace(chunk, samples=samples.reshape(-1, 1))


def clean(samples: Samples) -> Samples:
    """Silence what float files can hold and no sound can: NaN, infinities, astronomic values."""
    return np.where(np.abs(samples) < 1e6, samples, np.float32(0))


def _mixed(samples: Samples) -> Samples:
    """Average the channels; where they cancel (antiphase) take the loudest instead.

    The mean of n uncorrelated channels has the energy sum(E) / n^2; cancelling leaves far less.
    """
    mean: Samples = samples.mean(axis=1)
    channel_power = np.einsum("ij,ij->j", samples, samples)
    power = np.einsum("i,i", mean, mean)  # summed alike whatever the threads of BLAS
    if power < 0.05 * channel_power.sum() / samples.shape[1] ** 2:
        mean = samples[:, channel_power.argmax()]
    return mean
