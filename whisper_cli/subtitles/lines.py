"""A cue's units put on as few lines as they need, broken where a reader expects, balanced."""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from math import inf
from operator import add
from typing import NamedTuple

from whisper_cli.subtitles.break_costs import break_costs
from whisper_cli.subtitles.language_rules import UnitProperties, properties_of
from whisper_cli.subtitles.units import Unit

UNBALANCED = 4.0


@dataclass(frozen=True, slots=True)
class TextLine:
    """Units on an endless line, with what is known of their texts.

    `spaces` tells how wide the space before each is, `edges` in which column each begins, with that
    space, and where the last one ends; `penalty` what a break after each costs.
    """

    units: Sequence[Unit]
    unit_properties: list[UnitProperties]
    spaces: list[int]
    edges: list[int]
    penalty: list[float]


def line_of(units: Sequence[Unit], language: str) -> TextLine:
    """Look at units; `language` is a code, or empty."""
    unit_properties = [properties_of(unit.text, language) for unit in units]
    spaces = [unit.spaced for unit in units]
    edges = [
        0,
        *accumulate(map(add, [properties.columns for properties in unit_properties], spaces)),
    ]
    return TextLine(
        units, unit_properties, spaces, edges, break_costs(units, unit_properties, language)
    )


def split_lines(
    edges: Sequence[int], spaces: Sequence[int], penalty: Sequence[float], width: int
) -> list[int]:
    """Give the number of the unit that each line begins with; arguments as in `TextLine`."""
    wide = edges[-1] - edges[0] - spaces[0]
    if wide <= width:
        return [0]
    lines = _fewest(edges, spaces, width)
    return [0, *_Splitter(edges, spaces, penalty, width, wide / lines, {}).best(0, lines)[1]]


def _fewest(edges: Sequence[int], spaces: Sequence[int], width: int) -> int:
    count = first = 0
    while first < len(spaces):
        first = bisect_right(edges, edges[first] + spaces[first] + width) - 1
        count += 1
    return count


class _Splitter(NamedTuple):
    """Tries every way to fill lines, and remembers what is `known` of those after the first."""

    edges: Sequence[int]
    spaces: Sequence[int]
    penalty: Sequence[float]
    width: int
    ideal: float
    known: dict[tuple[int, int], tuple[float, tuple[int, ...]]]

    def best(self, first: int, lines: int) -> tuple[float, tuple[int, ...]]:
        """Give the cost of two lines or more from a unit on, and where those after the first begin.

        The cost is infinite where the units need more lines.
        """
        edges, spaces, width, end = self.edges, self.spaces, self.width, self.edges[-1]
        begin = edges[first] + spaces[first]
        after: tuple[int, ...] = ()
        lowest = inf, after
        low = max(bisect_left(edges, end - (lines - 1) * (width + 1)), first + 1)
        for at in range(low, bisect_right(edges, begin + width)):
            if lines > 2:
                cost, after = self.known.get((at, lines - 1)) or self.best(at, lines - 1)
            else:
                last = end - edges[at] - spaces[at]
                cost = self._off(last) if last <= width else inf
            cost += self.penalty[at - 1] + self._off(edges[at] - begin)
            if cost < lowest[0]:
                lowest = cost, (at, *after)
        self.known[first, lines] = lowest
        return lowest

    def _off(self, wide: int) -> float:
        off = (wide - self.ideal) / self.width
        return UNBALANCED * off * off
