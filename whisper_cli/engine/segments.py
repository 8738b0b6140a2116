"""Decoded windows turned into segments with words, kept in order and inside the sound."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from whisper_cli.decisions import debugging, log_event
from whisper_cli.engine.chunking import Chunk, samples_in
from whisper_cli.engine.quality import is_hallucination, is_noise
from whisper_cli.engine.result import (
    FRAMES_PER_SECOND,
    DecodingResult,
    LanguageTokens,
    TimedLine,
    TimedWord,
    lines,
    without_repeats,
)
from whisper_cli.transcript import DecodingOptions, Dropped, DropReason, Segment, Word

MIN_MOVE = 0.1  # seconds that a word is moved by that are worth telling
LONGEST_CUE = 7.0  # seconds, what subtitles allow at most
CONTEXT = 0.5  # seconds around a text: the edges of speech are no steady sound
SENTENCE_ENDS, CLAUSE_ENDS = ".!?…。！？", ",;:、，；："  # noqa: RUF001
CLOSING = " \"'”’»)"  # noqa: RUF001


def sorted_words(
    words: Iterable[TimedWord], start: float, end: float, speech: Sequence[tuple[float, float]] = ()
) -> list[TimedWord]:
    """Make times monotone, inside (start, end), and inside the speech found where there is some.

    A word that the alignment put into a pause goes to the nearer edge of the speech.
    """
    kept: list[TimedWord] = []
    reached = start
    for item in words:
        first = min(max(item.word.start, reached), end)
        last = min(max(item.word.end, first), end)
        first, last = _within(first, last, speech)
        first = max(first, reached)
        last = max(last, first)
        kept.append(replace(item, word=replace(item.word, start=first, end=last)))
        reached = last
    return kept


def _within(
    first: float, last: float, speech: Sequence[tuple[float, float]]
) -> tuple[float, float]:
    if not speech or any(first < b and last > a for a, b in speech):
        overlaps = [(a, b) for a, b in speech if first < b and last > a]
        if not overlaps:
            return first, last
        return max(first, overlaps[0][0]), min(last, overlaps[-1][1])
    edges = [edge for span in speech for edge in span]
    nearest = min(edges, key=lambda edge: abs(edge - (first + last) / 2))
    return nearest, nearest


def cues(words: Sequence[TimedWord], longest: float = LONGEST_CUE) -> list[list[TimedWord]]:
    """Part words into runs of at most `longest` seconds, where words allow it.

    Cut after a sentence, else a clause, else at the longest pause, nearest to the middle.
    """
    if len(words) < 2 or words[-1].word.end - words[0].word.start <= longest:
        return [list(words)] if words else []
    cut = max(range(1, len(words)), key=lambda position: _worth(words, position))
    return cues(words[:cut], longest) + cues(words[cut:], longest)


def _worth(words: Sequence[TimedWord], position: int) -> float:
    before, after = words[position - 1].word, words[position].word
    whole = words[-1].word.end - words[0].word.start
    middle = (words[0].word.start + words[-1].word.end) / 2
    off_centre = abs((before.end + after.start) / 2 - middle) / (whole / 2)
    text = before.word.rstrip(CLOSING)
    stop = 1.0 if text.endswith(tuple(SENTENCE_ENDS)) else 0.0
    stop = max(stop, 0.5 if text.endswith(tuple(CLAUSE_ENDS)) else 0.0)
    pause = min(after.start - before.end, 1.0)
    # A word in Chinese, Japanese or Thai has no space before it: part those only if need be.
    penalty = 0.0 if after.word.startswith(" ") else 0.2
    return stop + pause - 0.8 * off_centre**2 - penalty


@dataclass(slots=True)
class WindowResult:
    """One decoding of (the rest of) a window: `offset` seconds from the window's start.

    `encoded` is (1, frames / 2, dimensions); `options` are those it was decoded with; `words` are
    timed from the offset.
    """

    chunk: Chunk
    language_tokens: LanguageTokens
    decoding: DecodingResult
    frames: int
    encoded: np.ndarray
    options: DecodingOptions
    offset: float = 0.0
    words: list[TimedWord] = field(default_factory=list)

    @property
    def origin(self) -> float:
        """Where it starts in the input, in seconds."""
        return self.chunk.start + self.offset

    @property
    def length(self) -> float:
        """Seconds of sound that this pass heard."""
        return min(self.chunk.length - self.offset, self.frames / FRAMES_PER_SECOND)

    @property
    def speech(self) -> tuple[tuple[float, float], ...]:
        """The speech that it heard, in seconds from the offset."""
        return self.chunk.after(self.offset).speech

    @property
    def reached(self) -> float:
        """Where its last line ends, in seconds from the offset; 0 where it heard none."""
        return self.lines[-1].end if self.lines else 0.0

    @property
    def lines(self) -> list[TimedLine]:
        """The lines it heard."""
        tokens, language_tokens = self.decoding.tokens, self.language_tokens
        return list(
            lines(tokens, language_tokens.first_timestamp, language_tokens.eot, self.length)
        )

    @property
    def text_tokens(self) -> list[int]:
        """The tokens of its text."""
        return [token for line in self.lines for token in line.tokens]

    def segments(self, reached: float, *, keep_words: bool) -> Iterator[Segment]:
        """Make segments in the input's own time, long ones cut where words allow it.

        `reached` is where the last one before ended.
        """
        left = list(self.words)
        reached = max(0.0, reached - self.origin)
        for line in self.lines:
            tokens = without_repeats(line.tokens)
            words = _take(left, len(line.tokens))
            if not words or tokens != line.tokens:
                start = max(line.start, reached)
                reached = max(line.end, start)
                yield self._segment(start, reached, tokens, ())
                continue
            moved = sorted_words(words, reached, self.length, self.speech)
            if debugging():
                self._tell_moved(words, moved)
            for run in cues(moved):
                tokens = tuple(token for word in run for token in word.tokens)
                moved_words = tuple(self._moved(word.word) for word in run) if keep_words else ()
                reached = run[-1].word.end
                yield self._segment(run[0].word.start, reached, tokens, moved_words)

    def _tell_moved(self, words: Sequence[TimedWord], moved: Sequence[TimedWord]) -> None:
        """Log the words whose times the alignment put out of order or out of the speech."""
        for before, after in zip(words, moved, strict=True):
            start, end = after.word.start, after.word.end
            shift = max(abs(start - before.word.start), abs(end - before.word.end))
            if shift >= MIN_MOVE:
                log_event(
                    "word moved",
                    '"{word}" moved from {start:.2f}-{end:.2f} s to {new_start:.2f}-{new_end:.2f} s'
                    ", where speech was detected",
                    source=self.chunk.source,
                    word=before.word.word.strip(),
                    start=self.origin + before.word.start,
                    end=self.origin + before.word.end,
                    new_start=self.origin + start,
                    new_end=self.origin + end,
                )

    def tell_early(self, segment: Segment) -> None:
        """Log a text that stands before any speech that was detected."""
        if self.chunk.speech and segment.end <= self.chunk.start + self.chunk.speech[0][0]:
            log_event(
                "early text",
                "text before the speech: {start:.2f} to {end:.2f} s, speech starts at {speech:.2f} "
                's: "{text}"',
                source=self.chunk.source,
                start=segment.start,
                end=segment.end,
                speech=self.chunk.start + self.chunk.speech[0][0],
                text=segment.text.strip(),
            )

    def repeats(self) -> Iterator[Dropped]:
        """Name what is left out of lines that say the same over and over."""
        for line in self.lines:
            if without_repeats(line.tokens) != line.tokens:
                text = self.language_tokens.text(line.tokens)
                start, end = self.origin + line.start, self.origin + line.end
                yield Dropped(start, end, text, DropReason.loop)

    def is_phantom(self, segment: Segment) -> bool:
        """Say whether a segment is a known phrase where the detector, which was asked, hears none.

        Such phrases come from the subtitles that Whisper was trained on. Where the detector was not
        asked (`--no-vad`), such a phrase or a single word counts as one over steady sound.
        """
        known = is_hallucination(segment.text)
        if not self.chunk.speech:
            return (known or len(segment.text.split()) == 1) and is_noise(self.under(segment))
        start, end = segment.start - self.chunk.start, segment.end - self.chunk.start
        return known and not any(start < last and end > first for first, last in self.chunk.speech)

    def under(self, segment: Segment) -> np.ndarray:
        """Give the samples of a segment, with what is around its edges."""
        start, end = segment.start - self.chunk.start, segment.end - self.chunk.start
        first, last = samples_in(max(0.0, start - CONTEXT)), samples_in(end + CONTEXT)
        return self.chunk.samples[first:last]

    def _segment(
        self, start: float, end: float, tokens: tuple[int, ...], words: tuple[Word, ...]
    ) -> Segment:
        decoding = self.decoding
        first, last = (self.language_tokens.timestamp(seconds) for seconds in (start, end))
        return Segment(
            start=self.origin + start,
            end=self.origin + end,
            text=self.language_tokens.text(tokens),
            avg_logprob=decoding.avg_logprob,
            no_speech_prob=decoding.no_speech_prob,
            compression_ratio=decoding.compression_ratio,
            temperature=decoding.temperature,
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
