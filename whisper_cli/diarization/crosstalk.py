"""What a channel only overhears of another one: the same words at the same time, softer."""

import re
from array import array
from collections import defaultdict, deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import groupby

import numpy as np

from whisper_cli.audio.blocks import SAMPLE_RATE, Block
from whisper_cli.audio.decode import Audio
from whisper_cli.transcript import Dropped, DropReason, Segment, Word

FRAME = SAMPLE_RATE // 50  # samples whose mean power is kept: 700 kB an hour of a channel
SHORTEST = 0.1  # seconds of a word that is listened to


class Loudness:
    """Reads each channel once, as far as it is asked about; `opened` opens one, from 0."""

    def __init__(self, opened: Callable[[int], Audio]) -> None:
        self._opened = opened
        self._audio_by_channel: dict[int, Audio] = {}
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
        for audio in self._audio_by_channel.values():
            audio.close()

    def _read(self, channel: int, last: int) -> "array[float]":
        if channel not in self._audio_by_channel:
            audio = self._audio_by_channel[channel] = self._opened(channel)
            self._blocks[channel], self._frames[channel] = audio.blocks(), array("f")
        frames = self._frames[channel]
        while len(frames) < last and (block := next(self._blocks[channel], None)) is not None:
            at = _frame(block.start)
            del frames[at:]
            frames.extend([0.0] * (at - len(frames)))
            values = np.square(block.samples)
            running_total = (
                np.add.reduceat(values, range(0, len(values), FRAME)) if len(values) else ()
            )
            frames.extend(float(item) / FRAME for item in running_total)
        return frames


def _frame(seconds: float) -> int:
    return round(seconds * SAMPLE_RATE / FRAME)


POWER_RATIO = 10.0  # of a leak's power at most this part: 10 dB
MAX_OFFSET = 0.5  # seconds between the starts of a word and of its leak
QUIET_RATIO = 30.0  # of a voice's own power at most this part is not that voice: 15 dB
POWER_WORDS = 50  # words that tell how loud a voice is
MOSTLY = 0.6  # of a segment's words that are leaks: then the soft rest of it is one too
Power = Callable[[int, float, float], float]
"""The mean power of a channel between two times in seconds."""


class CrosstalkFilter:
    """Takes leaks out of segments, and keeps what it took."""

    def __init__(self, power: Power) -> None:
        self._power = power
        self._own: defaultdict[int, deque[Word]] = defaultdict(lambda: deque(maxlen=POWER_WORDS))
        self.dropped: list[Dropped] = []

    def __call__(
        self, channel_state: int, segment: Segment, rest: Sequence[tuple[int, Segment]]
    ) -> Segment | None:
        """Give the segment without what is only a leak of the others; None where all of it is."""
        words = segment.words
        flags = [self._is_crosstalk(channel_state, word, rest) for word in words] if rest else []
        if not any(flags):
            self._own[channel_state] += words
            return segment
        if sum(flags) >= MOSTLY * len(words):
            at_once = {number for number, _ in rest}
            flags = [
                flag
                or any(
                    self._has_less_power(channel_state, word, number, word) for number in at_once
                )
                for word, flag in zip(words, flags, strict=True)
            ]
        flags = _without_single(flags) if len(words) > 1 else flags
        if not any(flags):
            return segment
        self.dropped += _runs(words, flags)
        kept = tuple(word for word, flag in zip(words, flags, strict=True) if not flag)
        if not kept:
            return None
        text = "".join(word.word for word in kept)
        start, end = max(segment.start, kept[0].start), min(segment.end, kept[-1].end)
        return replace(segment, start=start, end=end, text=text, words=kept)

    def _is_crosstalk(
        self, channel_state: int, word: Word, rest: Sequence[tuple[int, Segment]]
    ) -> bool:
        letters = _letters(word)
        return self._is_quiet(channel_state, word, rest) or any(
            abs(word.start - item.start) <= MAX_OFFSET
            and letters == _letters(item)
            and self._has_less_power(channel_state, word, number, item)
            for number, segment in rest
            for item in segment.words
        )

    def _is_quiet(
        self, channel_state: int, word: Word, rest: Sequence[tuple[int, Segment]]
    ) -> bool:
        """Tell what is too soft for this lane's voice, while another one speaks."""
        own = self._own[channel_state]
        spoken = {n for n, item in rest if item.start < word.end and item.end > word.start}
        if not own or not any(
            self._has_less_power(channel_state, word, number, word) for number in spoken
        ):
            return False
        mean_power = sum(self._power(channel_state, item.start, item.end) for item in own) / len(
            own
        )
        return self._power(channel_state, word.start, word.end) * QUIET_RATIO < mean_power

    def _has_less_power(
        self, channel_state: int, word: Word, number: int, other_word: Word
    ) -> bool:
        soft = self._power(channel_state, word.start, word.end)
        return soft * POWER_RATIO < self._power(number, other_word.start, other_word.end)


def _letters(word: Word) -> str:
    return re.sub(r"\W", "", word.word).casefold()


def _without_single(flags: Sequence[bool]) -> list[bool]:
    """Let a leak that is alone among other words pass: two may say "yes" at once."""
    runs = [(flag, len(list(run))) for flag, run in groupby(flags)]
    return [flag and length > 1 for flag, length in runs for _ in range(length)]


def _runs(words: Sequence[Word], flags: Sequence[bool]) -> Iterator[Dropped]:
    pairs = groupby(zip(words, flags, strict=True), key=lambda pair: pair[1])
    for flag, run in pairs:
        if flag:
            gone = [word for word, _ in run]
            text = "".join(word.word for word in gone)
            yield Dropped(gone[0].start, gone[-1].end, text, DropReason.bleed)
