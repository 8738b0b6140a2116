"""Words gathered into units: what no line may break, with times in whole milliseconds."""

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from whisper_cli.cues.measure import UNSPACED, columns, graphemes, may_break
from whisper_cli.transcript import Segment, Word
from whisper_cli.writers.timestamps import ticks

# Marks that French sets apart by a space belong to the word before them, as a unit does to "50 %".
_TRAILING = re.compile(r"[!?:;,.…»”’)\]}%–—-]+")
_TOKEN = re.compile(rf"\s*(?:[{UNSPACED}]|[^\s{UNSPACED}]+)")

LONGEST = 1e9  # seconds; later times are no times


class Unit(NamedTuple):
    """Text without space around it; `spaced` is 1 where a space stands before it, else 0."""

    text: str
    spaced: int
    start: int
    end: int
    words: tuple[Word, ...]
    speaker: str | None = None


class Gatherer:
    """Makes units of segments as they come; the last one stays open for what may be glued to it."""

    def __init__(self, width: int) -> None:
        self._width = width
        self._open: Unit | None = None
        self._reached = 0

    def add(self, segment: Segment) -> list[Unit]:
        """Take a segment, and give the units that are complete."""
        done: list[Unit] = []
        unit, speaker, reached = self._open, segment.speaker, self._reached
        for word in segment.words or guessed(segment):
            text = word.word.strip()
            if not text:
                continue
            start, end = _span(word)
            if start < reached:
                start, end = reached, max(reached, end)
            reached = end
            spaced = 0 if word.word[0] == text[0] else 1
            if unit is not None and _glued(unit, text, spaced, speaker):
                unit = _joined(unit, text, spaced, end, word)
                continue
            if unit is not None:
                done.append(unit)
            unit = Unit(text, spaced, start, end, (word,), speaker)
        self._open, self._reached = unit, reached
        return self._fitting(done)

    def end(self) -> list[Unit]:
        """Give the unit that is still open."""
        unit, self._open = self._open, None
        return self._fitting([unit]) if unit else []

    def _fitting(self, units: list[Unit]) -> list[Unit]:
        """Part what is wider than a line."""
        if all(len(unit.text) * 2 <= self._width for unit in units):
            return units
        return [part for unit in units for part in _parts(unit, self._width)]


def guessed(segment: Segment) -> Iterator[Word]:
    """Time the words of a segment that has none by how wide they are."""
    tokens = [match[0] for match in _TOKEN.finditer(segment.text)]
    yield from timed(tokens, segment.start, segment.end, probability=1.0)


def timed(tokens: list[str], start: float, end: float, probability: float) -> Iterator[Word]:
    """Let words share a span of time (seconds) by how wide they are."""
    weights = [max(columns(token.strip()), 1) for token in tokens]
    whole, done = sum(weights), 0
    for token, weight in zip(tokens, weights, strict=True):
        first, done = done, done + weight
        at, to = (start + (end - start) * share / whole for share in (first, done))
        yield Word(token, at, to, probability)


def _span(word: Word) -> tuple[int, int]:
    """Give start and end in milliseconds, whatever a foreign file says."""
    if 0 <= word.start <= word.end < LONGEST:  # false for what is no number
        return round(word.start * 1000), round(word.end * 1000)
    start = ticks(word.start)
    return start, max(start, ticks(word.end))


def _glued(before: Unit, text: str, spaced: int, speaker: str | None) -> bool:
    if spaced:
        return (
            not text[0].isalnum() and before.speaker == speaker and bool(_TRAILING.fullmatch(text))
        )
    return before.speaker == speaker and not may_break(before.text[-1], text[0])


def _joined(before: Unit, text: str, spaced: int, end: int, word: Word) -> Unit:
    text = f"{before.text}{' ' * spaced}{text}"
    return before._replace(text=text, end=end, words=(*before.words, word))


def _parts(unit: Unit, width: int) -> Iterator[Unit]:
    """Part a unit at the edges of words, else of characters, each part as wide as a line takes."""
    if columns(unit.text) <= width:
        yield unit
        return
    begun: Unit | None = None
    for word in [piece for each in unit.words for piece in _pieces(each, width)]:
        text, spaced = word.word.strip(), int(word.word[0].isspace())
        end = max(ticks(word.end), unit.start)
        if begun and columns(begun.text) + spaced + columns(text) <= width:
            begun = _joined(begun, text, spaced, end, word)
            continue
        start = unit.start
        if begun:
            yield begun
            start = max(ticks(word.start), begun.end)
        begun = Unit(text, spaced, start, max(end, start), (word,), unit.speaker)
    if begun:
        yield begun


def _pieces(word: Word, width: int) -> Iterable[Word]:
    """Part a word that is wider than a line between characters, its time in proportion."""
    if columns(word.word.strip()) <= width:
        return [word]
    pieces = [""]
    for character in graphemes(word.word.strip()):
        if pieces[-1] and columns(pieces[-1] + character) > width:
            pieces.append("")
        pieces[-1] += character
    space = word.word[: len(word.word) - len(word.word.lstrip())]
    pieces[0] = space + pieces[0]
    return timed(pieces, word.start, word.end, word.probability)
