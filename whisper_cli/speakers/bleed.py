"""What a channel only overhears of another one, much softer: the same words at the same time.

Or other words, where they are far softer than the channel's own voice too.
"""

import re
from collections import defaultdict, deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import groupby

from whisper_cli.transcript import Dropped, Segment, Word

SOFTER = 10.0  # of a leak's power at most this part: 10 dB
APART = 0.5  # seconds between the starts of a word and of its leak
FAINT = 30.0  # of a voice's own power at most this part is not that voice: 15 dB
USUAL = 50  # words that tell how loud a voice is
MOSTLY = 0.6  # of a segment's words that are leaks: then the soft rest of it is one too
Power = Callable[[int, float, float], float]
"""The mean power of a channel between two times in seconds."""


class Bleed:
    """Takes leaks out of segments, and keeps what it took."""

    def __init__(self, power: Power) -> None:
        self._power = power
        self._own: defaultdict[int, deque[Word]] = defaultdict(lambda: deque(maxlen=USUAL))
        self.dropped: list[Dropped] = []

    def __call__(
        self, lane: int, segment: Segment, others: Sequence[tuple[int, Segment]]
    ) -> Segment | None:
        """Give the segment without what is only a leak of the others; None where all of it is."""
        words = segment.words
        leaks = [self._leaks(lane, word, others) for word in words] if others else []
        if not any(leaks):
            self._own[lane] += words
            return segment
        if sum(leaks) >= MOSTLY * len(words):
            at_once = {number for number, _ in others}
            leaks = [
                leak or any(self._softer(lane, word, number, word) for number in at_once)
                for word, leak in zip(words, leaks, strict=True)
            ]
        leaks = _without_single(leaks) if len(words) > 1 else leaks
        if not any(leaks):
            return segment
        self.dropped += _runs(words, leaks)
        kept = tuple(word for word, leak in zip(words, leaks, strict=True) if not leak)
        if not kept:
            return None
        text = "".join(word.word for word in kept)
        start, end = max(segment.start, kept[0].start), min(segment.end, kept[-1].end)
        return replace(segment, start=start, end=end, text=text, words=kept)

    def _leaks(self, lane: int, word: Word, others: Sequence[tuple[int, Segment]]) -> bool:
        spelled = _spelled(word)
        return self._faint(lane, word, others) or any(
            abs(word.start - each.start) <= APART
            and spelled == _spelled(each)
            and self._softer(lane, word, number, each)
            for number, segment in others
            for each in segment.words
        )

    def _faint(self, lane: int, word: Word, others: Sequence[tuple[int, Segment]]) -> bool:
        """Tell what is too soft for this lane's voice, while another one speaks."""
        own = self._own[lane]
        spoken = {n for n, each in others if each.start < word.end and each.end > word.start}
        if not own or not any(self._softer(lane, word, number, word) for number in spoken):
            return False
        usual = sum(self._power(lane, each.start, each.end) for each in own) / len(own)
        return self._power(lane, word.start, word.end) * FAINT < usual

    def _softer(self, lane: int, word: Word, number: int, loud: Word) -> bool:
        soft = self._power(lane, word.start, word.end)
        return soft * SOFTER < self._power(number, loud.start, loud.end)


def _spelled(word: Word) -> str:
    return re.sub(r"\W", "", word.word).casefold()


def _without_single(leaks: Sequence[bool]) -> list[bool]:
    """Let a leak that is alone among other words pass: two may say "yes" at once."""
    runs = [(leak, len(list(run))) for leak, run in groupby(leaks)]
    return [leak and length > 1 for leak, length in runs for _ in range(length)]


def _runs(words: Sequence[Word], leaks: Sequence[bool]) -> Iterator[Dropped]:
    numbered = groupby(zip(words, leaks, strict=True), key=lambda pair: pair[1])
    for leak, run in numbered:
        if leak:
            gone = [word for word, _ in run]
            text = "".join(word.word for word in gone)
            yield Dropped(gone[0].start, gone[-1].end, text, "bleed")
