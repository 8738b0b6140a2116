"""Spans of speech to pieces that are decoded in one go: joined over pauses, cut at the longest."""

from collections.abc import Callable
from itertools import pairwise

Spans = list[tuple[int, int]]  # (start, end) in samples, in order, none over another
Quietest = Callable[[int, int], int]  # the quietest sample between two


def joined(spans: Spans, pause: int) -> Spans:
    """Join what is less than `pause` samples apart."""
    pieces: Spans = []
    for first, last in spans:
        if pieces and first - pieces[-1][1] < pause:
            pieces[-1] = (pieces[-1][0], last)
        else:
            pieces.append((first, last))
    return pieces


def packed(spans: Spans, longest: int, quietest: Quietest, pause: int = 0) -> Spans:
    """Pack neighbouring speech, with its own pauses, into pieces of at most `longest` samples.

    Whisper needs whole phrases: pieces are as long as they may be, cut at the longest pause in
    their second half, or at the quietest sample where nobody pauses. `pause` always parts two.
    """
    pieces: Spans = []
    group: Spans = []
    for span in spans:
        if group and 0 < pause <= span[0] - group[-1][1]:
            pieces += _cut(group, longest, quietest)
            group = []
        group.append(span)
    return pieces + _cut(group, longest, quietest)


def padded(pieces: Spans, pad: int, length: int) -> Spans:
    """Give each piece `pad` samples more on both sides, as far as its neighbours leave room."""
    edges = [0, *((left[1] + right[0]) // 2 for left, right in pairwise(pieces)), length]
    return [
        (max(first - pad, low), min(last + pad, high))
        for (first, last), (low, high) in zip(pieces, pairwise(edges), strict=True)
    ]


def _cut(group: Spans, longest: int, quietest: Quietest) -> Spans:
    pieces: Spans = []
    rest = list(group)
    while rest and rest[-1][1] - rest[0][0] > longest:
        begin = rest[0][0]
        where = _longest_pause(rest, begin + longest // 2, begin + longest)
        if where is None:
            cut = quietest(begin + longest * 2 // 3, begin + longest)
            pieces.append((begin, cut))
            rest = [(max(first, cut), last) for first, last in rest if last > cut]
        else:
            pieces.append((begin, rest[where][1]))
            rest = rest[where + 1 :]
    return [*pieces, (rest[0][0], rest[-1][1])] if rest else pieces


def _longest_pause(spans: Spans, least: int, most: int) -> int | None:
    """Find the span before the longest pause that starts between two samples."""
    pauses = [
        (later[0] - earlier[1], number)
        for number, (earlier, later) in enumerate(pairwise(spans))
        if least <= earlier[1] <= most and later[0] > earlier[1]
    ]
    return max(pauses)[1] if pauses else None
