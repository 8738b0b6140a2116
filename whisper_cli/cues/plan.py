"""Where cues begin and end: the best of all ways, by dynamic programming over break points."""

from math import inf
from operator import add
from typing import NamedTuple

from whisper_cli.cues.costs import costs_of, ends_of, needed_of
from whisper_cli.cues.lines import Line
from whisper_cli.cues.rules import Rules
from whisper_cli.cues.ways import Table, table_of, ways_of

FAR = float(1 << 40)  # milliseconds: nothing follows
DEAREST = 1.9  # a cue begins after an article or inside a name only where there is no other way


class Planned(NamedTuple):
    """A cue: the units from `first` to `last`, and when it goes, in milliseconds."""

    first: int
    last: int
    end: int


def plan(line: Line, rules: Rules, following: float = FAR, limit: float = FAR) -> list[Planned]:
    """Part units, of which none is wider than a line, into cues.

    `following` is when the next unit begins, `limit` when the sound ends, in milliseconds.
    """
    table = table_of(line, following)
    return _planned(table, rules, limit, DEAREST) or _planned(table, rules, limit, inf)


def _planned(table: Table, rules: Rules, limit: float, dearest: float) -> list[Planned]:
    """Plan with breaks up to a cost; nothing where there is no way through with them alone."""
    ways = ways_of(table, rules, dearest)
    needed = needed_of(ways, rules)
    ends = ends_of(ways, needed, rules, limit)
    costs = costs_of(ways, needed, ends, rules)
    offsets = ways.offsets.tolist()
    chosen = _best(costs.tolist(), offsets)
    heads, tails = ways.heads.tolist(), ways.tails.tolist()
    return [
        Planned(heads[one], tails[two], int(ends[offsets[one] + two - one])) for one, two in chosen
    ]


def _best(costs: list[float], offsets: list[int]) -> list[tuple[int, int]]:
    """Find the cheapest way through: (head, tail) of each cue; nothing where there is none."""
    count = len(offsets) - 1
    total = [inf] * count + [0.0]
    choice = [0] * count
    high = len(costs)
    for at in range(count - 1, -1, -1):
        low = offsets[at]
        if low < high:
            ways = list(map(add, costs[low:high], total[at + 1 : at + 1 + high - low]))
            total[at] = cheapest = min(ways)
            choice[at] = at + ways.index(cheapest)
        high = low
    chosen, at = [], 0
    while at < count and total[0] < inf:
        chosen.append((at, choice[at]))
        at = choice[at] + 1
    return chosen
