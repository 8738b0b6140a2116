"""A segment's text as words with times, and edits of it that keep the two consistent."""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

from whisper_cli.subtitles.units import timed
from whisper_cli.transcript import Change, Word

_TOKEN = re.compile(r"\s*\S+")


class Edit(NamedTuple):
    """Characters `start` to `end` of a text become `new`; `reason` names the rule."""

    start: int
    end: int
    new: str
    reason: str


EditPass = Callable[[str], Iterable[Edit]]
"""Finds what is to be edited in a text: edits in order, none over another."""


def edited(words: Sequence[Word], find: EditPass) -> tuple[tuple[Word, ...], list[Change]]:
    """Do what a pass finds in the text of words, and tell each change.

    A word that keeps its place keeps its times. Where n words become m others, these share the
    time of those by how wide they are. A word without a character left is gone.
    """
    words, changes = list(words), []
    for edit in reversed(list(find("".join(word.word for word in words)))):
        first, last, at = _words_of(words, edit)
        old = words[first : last + 1]
        new = _rewritten(old, edit, at)
        words[first : last + 1] = new
        before, after = (_shown(item) for item in (old, new))
        changes.append(Change(old[0].start, old[-1].end, before, after, edit.reason))
    return tuple(words), changes[::-1]


def _words_of(words: Sequence[Word], edit: Edit) -> tuple[int, int, int]:
    """Find the first and last word of an edit, and where the first begins in the text."""
    first = last = start = at = 0
    for number, word in enumerate(words):
        end = at + len(word.word)
        if at <= edit.start < end:
            first, start = number, at
        if at < max(edit.end, edit.start + 1) <= end:
            last = number
            break
        at = end
    return first, last, start


def _rewritten(old: Sequence[Word], edit: Edit, at: int) -> list[Word]:
    if not edit.new:
        return list(_shortened(old, edit, at))
    text = "".join(word.word for word in old)
    text = text[: edit.start - at] + edit.new + text[edit.end - at :]
    tokens = _TOKEN.findall(text)
    if len(tokens) == len(old):
        return [replace(word, word=token) for word, token in zip(old, tokens, strict=True)]
    probability = min(word.probability for word in old)
    return list(timed(tokens, old[0].start, old[-1].end, probability))


def _shortened(old: Sequence[Word], edit: Edit, at: int) -> Iterator[Word]:
    """Take characters out of words."""
    for word in old:
        start, end = (
            min(max(position - at, 0), len(word.word)) for position in (edit.start, edit.end)
        )
        left = word.word[:start] + word.word[end:]
        at += len(word.word)
        if left.strip():
            yield replace(word, word=left)


def _shown(words: Iterable[Word]) -> str:
    return "".join(word.word for word in words).strip()
