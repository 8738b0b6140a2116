"""A cue's units put on as few lines as they need, broken where a reader expects, balanced."""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from math import inf

from whisper_cli.cues.traits import Traits
from whisper_cli.cues.units import Unit

UNBALANCED = 4.0


def line_breaks(
    looks: Sequence[Traits], units: Sequence[Unit], breaks: Sequence[float], width: int
) -> list[int]:
    """Give the number of the unit that each line begins with; `breaks` rates a break after each.

    Units that need more lines than two or three are meant to be rare: ways are tried, not planned.
    """
    edges = [0]
    for look, unit in zip(looks, units, strict=True):
        edges.append(edges[-1] + look.columns + unit.spaced)
    spaces = [unit.spaced for unit in units]
    lines = _fewest(edges, spaces, width)
    if lines == 1:
        return [0]
    ideal = (edges[-1] - spaces[0]) / lines
    return [0, *_Splitter(edges, spaces, breaks, width, ideal).best(0, lines)[1]]


def _fewest(edges: Sequence[int], spaces: Sequence[int], width: int) -> int:
    count, first = 1, 0
    for at in range(1, len(spaces) + 1):
        if edges[at] - edges[first] - spaces[first] > width:
            count, first = count + 1, at - 1
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
