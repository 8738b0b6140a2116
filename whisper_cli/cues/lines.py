"""A cue's units put on as few lines as they need, broken where a reader expects, balanced."""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from math import inf
from operator import add

from whisper_cli.cues.breaks import break_costs
from whisper_cli.cues.traits import Traits, traits
from whisper_cli.cues.units import Unit

UNBALANCED = 4.0


@dataclass(frozen=True, slots=True)
class Line:
    """Units on an endless line, with what is known of their texts.

    `spaces` tells how wide the space before each is, `edges` in which column each begins, with that
    space, and where the last one ends; `breaks` what a break after each costs.
    """

    units: Sequence[Unit]
    looks: list[Traits]
    spaces: list[int]
    edges: list[int]
    breaks: list[float]


def line_of(units: Sequence[Unit], language: str) -> Line:
    """Look at units; `language` is a code, or empty."""
    looks = [traits(unit.text, language) for unit in units]
    spaces = [unit.spaced for unit in units]
    edges = [0, *accumulate(map(add, [look.columns for look in looks], spaces))]
    return Line(units, looks, spaces, edges, break_costs(units, looks))


def line_breaks(
    edges: Sequence[int], spaces: Sequence[int], breaks: Sequence[float], width: int
) -> list[int]:
    """Give the number of the unit that each line begins with; arguments as in `Line`.

    Units that need more lines than two or three are meant to be rare: ways are tried, not planned.
    """
    wide = edges[-1] - edges[0] - spaces[0]
    if wide <= width:
        return [0]
    lines = _fewest(edges, spaces, width)
    return [0, *_Splitter(edges, spaces, breaks, width, wide / lines).best(0, lines)[1]]


def _fewest(edges: Sequence[int], spaces: Sequence[int], width: int) -> int:
    count = first = 0
    while first < len(spaces):
        first = bisect_right(edges, edges[first] + spaces[first] + width) - 1
        count += 1
    return count


@dataclass(frozen=True, slots=True)
class _Splitter:
    """Tries every way to fill lines; `edges` are where units would begin on an endless one."""

    edges: Sequence[int]
    spaces: Sequence[int]
    breaks: Sequence[float]
    width: int
    ideal: float

    def best(self, first: int, lines: int) -> tuple[float, tuple[int, ...]]:
        """Give the cost of the units from `first` on, and where lines after the first begin."""
        edges, begin = self.edges, self.edges[first] + self.spaces[first]
        last = len(self.spaces)
        if lines == 1:
            wide = edges[last] - begin
            return (self._off(wide) if wide <= self.width else inf), ()
        cheapest: tuple[float, tuple[int, ...]] = (inf, ())
        low = max(bisect_left(edges, edges[last] - (lines - 1) * (self.width + 1)), first + 1)
        for at in range(low, bisect_right(edges, begin + self.width)):
            cost, after = self.best(at, lines - 1)
            cost += self.breaks[at - 1] + self._off(edges[at] - begin)
            if cost < cheapest[0]:
                cheapest = cost, (at, *after)
        return cheapest

    def _off(self, wide: float) -> float:
        return UNBALANCED * ((wide - self.ideal) / self.width) ** 2
