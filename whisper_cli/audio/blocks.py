"""What the readers of containers give, and what the engine gets."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

SAMPLE_RATE = 16_000

Samples = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Block:
    """About a second of mono sound at 16 kHz, `start` in seconds of the input's own time."""

    start: float
    samples: Samples

    @property
    def end(self) -> float:
        """Seconds, where the next block starts unless the input has a gap."""
        return self.start + len(self.samples) / SAMPLE_RATE


@dataclass(frozen=True, slots=True)
class Frames:
    """A stretch as decoded: `samples` of shape (n, channels) in -1..1 at `rate` Hz."""

    start: float
    rate: int
    samples: Samples

    @property
    def channels(self) -> int:
        """How many channels this stretch has; some files change in the middle."""
        channels: int = self.samples.shape[1]
        return channels

    @property
    def end(self) -> float:
        """Seconds of the input's own time."""
        return self.start + len(self.samples) / self.rate

    def follows(self, end: float) -> bool:
        """Whether it goes on where something ended, by the input's own time."""
        return abs(self.start - end) < 1e-3


class Reader(Protocol):
    """What knows a container."""

    @property
    def duration(self) -> float | None:
        """Seconds as declared, None where nothing says."""
        ...

    @property
    def channels(self) -> int:
        """How many channels the input declares."""
        ...

    @property
    def track(self) -> int:
        """Number of the audio track that is heard, from 1."""
        ...

    @property
    def warnings(self) -> tuple[str, ...]:
        """What was chosen where nobody said what is meant."""
        ...

    def chunks(self) -> Iterator[Frames]:
        """Decode the input once, about a second at a time; log a warning if some is missing."""
        ...

    def close(self) -> None:
        """Close what the reader opened itself."""
        ...


def to_float(values: NDArray[Any]) -> Samples:
    """Scale integers of any width, or floats, to float32 in -1..1."""
    kind, half = values.dtype.kind, 2.0 ** (8 * values.dtype.itemsize - 1)
    if kind == "f":
        return values.astype(np.float32)
    scaled = values / half - (1.0 if kind == "u" else 0.0)
    return scaled.astype(np.float32)
