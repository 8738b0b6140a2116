"""Segments with their texts cared for, one at a time."""

from collections.abc import Iterable, Iterator
from dataclasses import replace

from whisper_cli.care.fillers import capital
from whisper_cli.care.style import Care
from whisper_cli.care.text import Edit, Pass, edited
from whisper_cli.cues.units import spoken
from whisper_cli.transcript import Change, Segment, Word


class Carer:
    """Edits segments as they come and keeps what it changed; holds no segment back."""

    def __init__(self, care: Care, language: str | None) -> None:
        self._passes = tuple(care.passes(language))
        self._opens = False  # what opened a sentence is gone with the segment before
        self.changes: list[Change] = []

    def add(self, segment: Segment) -> Iterator[Segment]:
        """Give the segment with its text as it is to be; nothing where no text is left."""
        alike = _text(segment.words).strip() == segment.text.strip()
        passes = (*self._passes, _opened) if self._opens else self._passes
        heard = segment.words if alike else tuple(spoken(replace(segment, words=())))
        kept, changes = _passed(heard, passes)
        words = kept if alike else _passed(segment.words, passes)[0]
        self.changes += changes
        if not changes:
            self._opens = False
            yield segment
            return
        if not kept:
            opening = segment.text.strip()[:1].isupper() or self._opens
            self._opens = opening and segment.text.strip()[-1] not in ".!?。！？"
            return
        self._opens = False
        gone = bool(words) and words[0].start > segment.words[0].start
        start = words[0].start if gone else segment.start
        yield replace(segment, start=start, text=_text(kept), words=words)


def _opened(text: str) -> Iterator[Edit]:
    return capital(text, 0)


def _passed(
    words: tuple[Word, ...], passes: Iterable[Pass]
) -> tuple[tuple[Word, ...], list[Change]]:
    changes: list[Change] = []
    for find in passes:
        words, found = edited(words, find)
        changes += found
    return words, sorted(changes, key=lambda change: change.start)


def _text(words: Iterable[Word]) -> str:
    return "".join(word.word for word in words)
