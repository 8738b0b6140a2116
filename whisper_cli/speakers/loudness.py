"""How loud the channels of an input are at a time: read only where somebody asks."""

from array import array
from collections.abc import Callable, Iterator

import numpy as np

from whisper_cli.audio.blocks import SAMPLE_RATE, Block
from whisper_cli.audio.decode import Audio

FRAME = SAMPLE_RATE // 50  # samples whose mean power is kept: 700 kB an hour of a channel
SHORTEST = 0.1  # seconds of a word that is listened to


class Loudness:
    """Reads each channel once, as far as it is asked about; `opened` opens one, from 0."""

    def __init__(self, opened: Callable[[int], Audio]) -> None:
        self._opened = opened
        self._audios: dict[int, Audio] = {}
        self._blocks: dict[int, Iterator[Block]] = {}
        self._frames: dict[int, array[float]] = {}

    def power(self, channel: int, start: float, end: float) -> float:
        """Give the mean square of a channel between two times in seconds."""
        first, last = (_frame(at) for at in (start, max(end, start + SHORTEST)))
        frames = self._read(channel, last)
        part = frames[first:last]
        return sum(part) / len(part) if part else 0.0

    def close(self) -> None:
        """Close what was opened."""
        for audio in self._audios.values():
            audio.close()

    def _read(self, channel: int, last: int) -> "array[float]":
        if channel not in self._audios:
            audio = self._audios[channel] = self._opened(channel)
            self._blocks[channel], self._frames[channel] = audio.blocks(), array("f")
        frames = self._frames[channel]
        while len(frames) < last and (block := next(self._blocks[channel], None)) is not None:
            at = _frame(block.start)
            del frames[at:]
            frames.extend([0.0] * (at - len(frames)))
            squares = np.square(block.samples)
            sums = np.add.reduceat(squares, range(0, len(squares), FRAME)) if len(squares) else ()
            frames.extend(float(each) / FRAME for each in sums)
        return frames


def _frame(seconds: float) -> int:
    return round(seconds * SAMPLE_RATE / FRAME)
