"""A decoding of a window: its lines, its words, and the segments that are made of them."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import numpy as np

from whisper_cli.engine.draft import FRAMES_PER_SECOND, Draft, Line, TimedWord, lines, without_loops
from whisper_cli.engine.islands import Island
from whisper_cli.engine.phantoms import is_phantom
from whisper_cli.engine.tongue import Tongue
from whisper_cli.engine.words import cues, orderly
from whisper_cli.transcript import Dropped, Options, Segment, Word


@dataclass(slots=True)
class Pass:
    """One decoding of (the rest of) a window: `offset` seconds from the window's start.

    `encoded` is (1, frames / 2, dimensions); `options` are those it was decoded with; `words` are
    timed from the offset.
    """

    island: Island
    tongue: Tongue
    draft: Draft
    frames: int
    encoded: np.ndarray
    options: Options
    offset: float = 0.0
    words: list[TimedWord] = field(default_factory=list)

    @property
    def origin(self) -> float:
        """Where it starts in the input, in seconds."""
        return self.island.start + self.offset

    @property
    def length(self) -> float:
        """Seconds of sound that this pass heard."""
        return min(self.island.length - self.offset, self.frames / FRAMES_PER_SECOND)

    @property
    def speech(self) -> tuple[tuple[float, float], ...]:
        """The speech that it heard, in seconds from the offset."""
        return self.island.after(self.offset).speech

    @property
    def reached(self) -> float:
        """Where its last line ends, in seconds from the offset; 0 where it heard none."""
        return self.lines[-1].end if self.lines else 0.0

    @property
    def lines(self) -> list[Line]:
        """The lines it heard."""
        tokens, tongue = self.draft.tokens, self.tongue
        return list(lines(tokens, tongue.first_timestamp, tongue.eot, self.length))

    @property
    def spelled(self) -> list[int]:
        """The tokens of its text."""
        return [token for line in self.lines for token in line.tokens]

    def segments(self, reached: float, *, keep_words: bool) -> Iterator[Segment]:
        """Make segments in the input's own time, long ones cut where words allow it.

        `reached` is where the last one before ended.
        """
        left = list(self.words)
        reached = max(0.0, reached - self.origin)
        for line in self.lines:
            tokens = without_loops(line.tokens)
            words = _take(left, len(line.tokens))
            if not words or tokens != line.tokens:
                start = max(line.start, reached)
                reached = max(line.end, start)
                yield self._segment(start, reached, tokens, ())
                continue
            for run in cues(orderly(words, reached, self.length, self.speech)):
                tokens = tuple(token for word in run for token in word.tokens)
                told = tuple(self._moved(word.word) for word in run) if keep_words else ()
                reached = run[-1].word.end
                yield self._segment(run[0].word.start, reached, tokens, told)

    def loops(self) -> Iterator[Dropped]:
        """Name what is left out of lines that say the same over and over."""
        for line in self.lines:
            if without_loops(line.tokens) != line.tokens:
                text = self.tongue.text(line.tokens)
                yield Dropped(self.origin + line.start, self.origin + line.end, text, "loop")

    def is_phantom(self, segment: Segment) -> bool:
        """Say whether a segment is a known phrase where the detector, which was asked, hears none.

        Such phrases come from the subtitles that Whisper was trained on.
        """
        if not self.island.speech or not is_phantom(segment.text):
            return False
        start, end = segment.start - self.island.start, segment.end - self.island.start
        return not any(start < last and end > first for first, last in self.island.speech)

    def _segment(
        self, start: float, end: float, tokens: tuple[int, ...], words: tuple[Word, ...]
    ) -> Segment:
        draft = self.draft
        first, last = (self.tongue.timestamp(seconds) for seconds in (start, end))
        return Segment(
            start=self.origin + start,
            end=self.origin + end,
            text=self.tongue.text(tokens),
            avg_logprob=draft.avg_logprob,
            no_speech_prob=draft.no_speech_prob,
            compression_ratio=draft.compression_ratio,
            temperature=draft.temperature,
            words=words,
            seek=round(self.origin * FRAMES_PER_SECOND),
            tokens=(first, *tokens, last),
        )

    def _moved(self, word: Word) -> Word:
        return replace(word, start=self.origin + word.start, end=self.origin + word.end)


def _take(left: list[TimedWord], tokens: int) -> list[TimedWord]:
    """Take the words that spell the next so many tokens."""
    taken: list[TimedWord] = []
    while left and sum(len(word.tokens) for word in taken) < tokens:
        taken.append(left.pop(0))
    return taken
