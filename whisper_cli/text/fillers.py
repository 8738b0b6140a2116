"""Filler words taken out of a text, its punctuation and capitals mended."""

import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from whisper_cli.text.edits import Edit


def filler_words(language: str | None) -> tuple[str, ...]:
    """List the filler words of a language; none where it isn't known."""
    return _listed("fillers", language)


def profanity_words(language: str | None) -> tuple[str, ...]:
    """List the profane words of a language; one that ends in `*` stands for all that begin so."""
    return _listed("profanity", language)


@cache
def _listed(kind: str, language: str | None) -> tuple[str, ...]:
    text = Path(__file__).with_name("words.json").read_text(encoding="utf-8")
    return tuple(json.loads(text)[kind].get(language or "", ()))


_PAUSES, _ENDS = ",;:–—-，、；：", ".!?。！？"
_QUOTES = "\"'“«„‘([¿¡"
_FOLLOWING = re.compile(rf"(?:\.\.\.|…|[{re.escape(_PAUSES)}]|[{re.escape(_ENDS)}])*")


class Strip:
    """A pass that strips the fillers of a language.

    A comma on each side of a filler goes with it; a full stop after it goes to the word before.
    Where it opened a sentence, the next word takes over its capital.
    """

    def __init__(self, language: str | None) -> None:
        self._pattern = _pattern(language)

    def __call__(self, text: str) -> Iterator[Edit]:
        """Find the fillers of a text."""
        if self._pattern is None:
            return
        for match in self._pattern.finditer(text):
            yield from _stripped(text, match)


def _stripped(text: str, match: re.Match[str]) -> Iterator[Edit]:
    before = text[: match.start()].rstrip()
    following = _FOLLOWING.match(text, match.end())
    marks = following[0] if following else ""
    end = match.end() + len(marks)
    mark = marks[-1:] if marks[-1:] in _ENDS and not marks.endswith("...") else ""
    paused = before[-1:] in _PAUSES and bool(before)
    if paused and (mark or marks):  # a comma before it goes, or becomes its full stop
        yield Edit(len(before) - 1, len(before), mark, "punctuation")
    elif mark and before[-1:].isalnum():
        last = len(before) - 1
        yield Edit(last, len(before), before[last] + mark, "punctuation")
    quoted = before[-1:] in _QUOTES and text[: match.start()] == before and bool(before)
    if quoted:  # the word after it goes to the quotation mark
        end += len(text[end:]) - len(text[end:].lstrip())
    yield Edit(len(before), end, "", "filler")
    at_start = not before or before[-1] in _ENDS or quoted
    if at_start and match[0][:1].isupper():
        yield from capitalize(text, end)


def capitalize(text: str, at: int) -> Iterator[Edit]:
    """Let the next word begin with a capital."""
    char = re.compile(r"[\s\"'“«(\[]*([^\W\d_])").match(text, at)
    if char and char[1].islower():
        yield Edit(char.start(1), char.end(1), char[1].upper(), "capital")


@cache
def _pattern(language: str | None) -> re.Pattern[str] | None:
    """Compile a run of fillers, no part of a longer or hyphened word."""
    words = sorted(filler_words(language), key=len, reverse=True)
    if not words:
        return None
    one = rf"(?:{'|'.join(map(re.escape, words))})(?!\w|[-'’]\w)"
    run = rf"{one}(?:[\s,.!?…，、。–—]+{one})*"
    return re.compile(rf"(?<!\w)(?<!\w[-'’]){run}", re.IGNORECASE)
