"""Words gathered into units: what no line may break, with times in whole milliseconds."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import accumulate
from typing import NamedTuple

from whisper_cli.subtitles.measure import WITHOUT_SPACES, can_break, columns, graphemes
from whisper_cli.timestamps import to_units
from whisper_cli.transcript import Segment, Word

# Marks that French sets apart by a space belong to the word before them, as a unit does to "50 %".
_TRAILING = re.compile(r"[!?:;,.…»”’)\]}%–—-]+")
_TOKEN = re.compile(rf"\s*(?:[{WITHOUT_SPACES}]|[^\s{WITHOUT_SPACES}]+)")

_SPACED = re.compile(r"\s*\S+(?:\s+$)?")

LONGEST = 1e9  # seconds; later times are no times


class Unit(NamedTuple):
    """Text without space around it; `spaced` is 1 where a space stands before it, else 0."""

    text: str
    spaced: int
    start: int
    end: int
    words: tuple[Word, ...]
    speaker: str | None = None


class UnitBuilder:
    """Makes units of segments as they come; the last one stays open for what may be glued to it."""

    def __init__(self, width: int) -> None:
        self._width = width
        self._open: Unit | None = None
        self._reached = 0
        self._split_spaces = False  # a space came after the last word, not before the next

    def add(self, segment: Segment) -> list[Unit]:
        """Take a segment, and give the units that are complete."""
        done: list[Unit] = []
        unit, reached, detached = self._open, self._reached, self._split_spaces
        speaker = segment.speaker
        for word in spoken(segment):
            whole = word.word
            text = whole.strip()
            if (" " in text or not text.isprintable()) and len(text.split()) > 1:
                words = tuple(part for item in segment.words for part in _split_spaces(item))
                return self.add(replace(segment, words=words))
            if not text:
                detached = detached or bool(whole)
                if whole and unit is not None:
                    unit = unit._replace(words=(*unit.words, word))
                continue
            start, end = _span(word)
            if start < reached:
                start, end = reached, max(reached, end)
            reached = end
            spaced = 0 if whole[0] == text[0] and not detached else 1
            detached = whole[-1] != text[-1]
            if unit is not None:
                if not (spaced and text[0].isalnum()) and _is_attached(unit, text, spaced, speaker):
                    unit = _append(unit, text, spaced, end, word)
                    continue
                done.append(unit)
            unit = Unit(text, spaced, start, end, (word,), speaker)
        self._open, self._reached, self._split_spaces = unit, reached, detached
        return self._fit(done)

    def end(self) -> list[Unit]:
        """Give the unit that is still open."""
        unit, self._open = self._open, None
        return self._fit([unit]) if unit else []

    def _fit(self, units: list[Unit]) -> list[Unit]:
        """Part what is wider than a line."""
        if max([len(unit.text) for unit in units], default=0) * 2 <= self._width:
            return units
        return [part for unit in units for part in _parts(unit, self._width)]


def spoken(segment: Segment) -> Iterable[Word]:
    """Give the words of a segment; without any, those of its text, timed by how wide they are."""
    if any(word.word.strip() for word in segment.words) or not segment.text.strip():
        return segment.words
    tokens = [match[0] for match in _TOKEN.finditer(segment.text)]
    return timed(tokens, segment.start, segment.end, probability=1.0)


def _split_spaces(word: Word) -> Iterable[Word]:
    """Give what is several words by itself."""
    tokens = _SPACED.findall(word.word)
    return timed(tokens, word.start, word.end, word.probability) if tokens[1:] else [word]


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
    start = _milliseconds(word.start)
    return start, max(start, _milliseconds(word.end))


def _milliseconds(seconds: float) -> int:
    return to_units(seconds) if seconds < LONGEST else 0


def _is_attached(before: Unit, text: str, spaced: int, speaker: str | None) -> bool:
    if before.speaker != speaker:
        return False
    return bool(_TRAILING.fullmatch(text)) if spaced else not can_break(before.text[-1], text[0])


def _append(before: Unit, text: str, spaced: int, end: int, word: Word) -> Unit:
    text = f"{before.text}{' ' * spaced}{text}"
    return before._replace(text=text, end=end, words=(*before.words, word))


def _parts(unit: Unit, width: int) -> Iterator[Unit]:
    """Part a unit at the edges of words, else of characters, each part as wide as a line takes."""
    if columns(unit.text) <= width:
        yield unit
        return
    started: Unit | None = None
    for word in [piece for item in _merge(unit.words) for piece in _pieces(item, width)]:
        text, spaced = word.word.strip(), int(word.word[0].isspace())
        end = min(max(_milliseconds(word.end), unit.start), unit.end)
        if started and columns(started.text) + spaced + columns(text) <= width:
            started = _append(started, text, spaced, end, word)
            continue
        start = unit.start
        if started:
            yield started
            start = min(max(_milliseconds(word.start), started.end), unit.end)
        started = Unit(text, spaced, start, max(end, start), (word,), unit.speaker)
    if started:
        yield started


def _merge(words: Iterable[Word]) -> list[Word]:
    """Join words that share a character: models say the parts of an emoji one by one.

    Space after a word goes to the next one.
    """
    merged: list[Word] = []
    blank = ""
    for word in words:
        text = blank + word.word
        core = text.rstrip()
        blank = text[len(core) :]
        before = merged[-1].word if merged else ""
        if not core:
            continue
        if not before or len(before) in accumulate(map(len, graphemes(before + core))):
            merged.append(replace(word, word=core))
        else:
            merged[-1] = replace(merged[-1], word=before + core, end=word.end)
    return [*merged[:-1], replace(merged[-1], word=merged[-1].word + blank)]


def _pieces(word: Word, width: int) -> Iterable[Word]:
    """Part a word that is wider than a line between characters, its time in proportion."""
    if columns(word.word.strip()) <= width:
        return [word]
    return timed(list(_cut(word.word, width)), word.start, word.end, word.probability)


def _cut(token: str, width: int) -> Iterator[str]:
    text = token.strip()
    before, after = token.split(text)
    piece, wide = before, 0
    for character in graphemes(text):
        if wide and wide + columns(character) > width:
            yield piece
            piece, wide = "", 0
        piece, wide = piece + character, wide + columns(character)
    yield piece + after
