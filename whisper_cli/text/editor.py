"""Segments whose text is changed after decoding, one at a time."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from whisper_cli.subtitles.units import spoken
from whisper_cli.text.edits import Edit, EditPass, edited
from whisper_cli.text.fillers import Strip, capitalize, profanity_words
from whisper_cli.text.profanity import Mask
from whisper_cli.text.replacements import Replacement
from whisper_cli.transcript import Change, Segment, Word


@dataclass(frozen=True, slots=True)
class TextOptions:
    """Rules for replacing, whether fillers go and profanity is masked, and further words to mask.

    It decides what outputs hold, together with the words that were decoded.
    """

    rules: tuple[Replacement, ...] = ()
    fillers: bool = False
    profanity: bool = False
    masked: tuple[str, ...] = ()

    def steps(self, language: str | None) -> Iterator[EditPass]:
        """Give what is to be done, in order: replace, strip fillers, mask."""
        yield from self.rules
        if self.fillers:
            yield Strip(language)
        yield Mask((profanity_words(language) if self.profanity else ()) + self.masked)


class TextEditor:
    """Edits segments as they come and keeps what it changed; holds no segment back."""

    def __init__(self, text_options: TextOptions, language: str | None) -> None:
        self._steps = tuple(text_options.steps(language))
        self._at_start = False  # what opened a sentence is gone with the segment before
        self.changes: list[Change] = []

    def add(self, segment: Segment) -> Iterator[Segment]:
        """Give the segment with its text as it is to be; nothing where no text is left."""
        same = _text(segment.words).strip() == segment.text.strip()
        steps = (*self._steps, _opened) if self._at_start else self._steps
        source_words = segment.words if same else tuple(spoken(replace(segment, words=())))
        kept, changes = _passed(source_words, steps)
        words = kept if same else _passed(segment.words, steps)[0]
        self.changes += changes
        if not changes:
            self._at_start = False
            yield segment
            return
        if not kept:
            at_start = segment.text.strip()[:1].isupper() or self._at_start
            self._at_start = at_start and segment.text.strip()[-1] not in ".!?。！？"
            return
        self._at_start = False
        gone = bool(words) and words[0].start > segment.words[0].start
        start = words[0].start if gone else segment.start
        yield replace(segment, start=start, text=_text(kept), words=words)


def _opened(text: str) -> Iterator[Edit]:
    return capitalize(text, 0)


def _passed(
    words: tuple[Word, ...], steps: Iterable[EditPass]
) -> tuple[tuple[Word, ...], list[Change]]:
    changes: list[Change] = []
    for find in steps:
        words, found = edited(words, find)
        changes += found
    return words, sorted(changes, key=lambda change: change.start)


def _text(words: Iterable[Word]) -> str:
    return "".join(word.word for word in words)
