"""A cue's text parted into its words, each with the time for which it is the one that is spoken."""

from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

from whisper_cli.formats.text import lines
from whisper_cli.timestamps import to_units
from whisper_cli.transcript import Segment, Word


class HighlightedWord(NamedTuple):
    """A word as the cue shows it, with the space before it; times in ticks.

    A piece without text is the silence before the first word.
    """

    space: str
    text: str
    start: int
    end: int
    probability: float = 1.0


def pieces(text: str, segment: Segment, per_second: int = 1000) -> list[HighlightedWord]:
    """Part `text`, the segment's as a format shows it; empty where no word is found in it.

    Joined, the pieces are the text. The first begins with the cue, each ends where the next one
    begins, and the last with the cue.
    """
    found = list(_found(text, segment))
    if not found:
        return []
    begin = to_units(segment.start, per_second)
    end = max(begin, to_units(segment.end, per_second))
    starts, reached = [], begin
    for _, _, seconds, _ in found:
        reached = min(max(reached, to_units(seconds, per_second)), end)
        starts.append(reached)
    parts = [HighlightedWord("", "", begin, starts[0])] if starts[0] > begin else []
    times = zip(found, starts, [*starts[1:], end], strict=True)
    parts += [
        HighlightedWord(space, shown, at, to, probability)
        for (space, shown, _, probability), at, to in times
    ]
    return parts


def _found(text: str, segment: Segment) -> Iterator[tuple[str, str, float, float]]:
    """Find the words, in order: the space before each, its text, when it begins, how sure it is.

    Marks that stand between two words and belong to none go with the first.
    """
    edges: list[tuple[int, Word]] = []
    reached = 0
    for word in segment.words:
        shown = " ".join(lines(word.word))
        at = text.find(shown, reached) if shown else -1
        if at >= 0:
            edges.append((at, word))
            reached = at + len(shown)
    starts = [0, *(len(text[:at].rstrip()) for at, _ in edges[1:]), len(text)]
    for (_, word), (begin, end) in zip(edges, pairwise(starts), strict=False):
        content = text[begin:end].lstrip()
        yield text[begin : end - len(content)], content, word.start, word.probability
