"""Where cues begin and end: the cheapest of all ways, by dynamic programming."""

from dataclasses import dataclass
from functools import reduce
from itertools import accumulate
from math import inf
from operator import add
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from whisper_cli.subtitles.language_rules import SENTENCE
from whisper_cli.subtitles.lines import TextLine
from whisper_cli.subtitles.presets import CuePreset

if TYPE_CHECKING:
    import numpy as np

    Numbers = np.ndarray[tuple[int], np.dtype[np.float64]]
    Places = np.ndarray[tuple[int], np.dtype[np.intp]]
    Array = TypeVar("Array", Numbers, Places)


@dataclass(frozen=True, slots=True)
class UnitTable:
    """What is known of n units; times in milliseconds.

    The sums have n + 1 values: what all units before one hold together, spaces with them.
    """

    start: "Numbers"
    end: "Numbers"
    after: "Numbers"
    spaced: "Numbers"
    breaks: "Numbers"
    columns: "Numbers"
    characters: "Numbers"
    sentences: "Numbers"
    line: TextLine

    def blanks(self) -> "Numbers":
        """Sum up spaces, which part words; only some rules ask for them."""
        import numpy as np

        blanks = map(add, [look.blanks for look in self.line.looks], self.line.spaces)
        return np.array([0, *accumulate(blanks)], np.float64)


@dataclass(frozen=True, slots=True)
class CandidateCues:
    """Every (first, last) that a cue may have, by first, then by last.

    `heads` are the units that a cue may begin with, `tails` those before the next head; `counts`
    and `offsets` tell how many ways each head has and where they begin. `fit` tells of each unit up
    to where a line goes that begins with it, `last` of each way its last unit.
    """

    table: UnitTable
    fit: "Places"
    heads: "Places"
    tails: "Places"
    counts: "Places"
    offsets: "Places"
    last: "Places"

    def first(self, values: "Array") -> "Array":
        """Give each way the value of its first unit."""
        return values.take(self.heads).repeat(self.counts)

    def of_last(self, values: "Numbers") -> "Numbers":
        """Give each way the value of its last unit."""
        return values.take(self.last)

    def between(self, sums: "Numbers") -> "Numbers":
        """Give each way what its units hold, the space before the first left out."""
        return self.of_last(sums[1:]) - self.first(sums[:-1] + self.table.spaced)


def table_of(line: TextLine, following: float) -> UnitTable:
    """Lay out units; `following` is when the next one begins, in milliseconds."""
    import numpy as np

    units, looks = line.units, line.looks
    letters = map(add, [look.characters for look in looks], line.spaces)
    sentences = [look.stop == SENTENCE for look in looks]
    sums = [line.edges, [0, *accumulate(letters)], [0, *accumulate(sentences)]]
    times = [[unit.start for unit in units], [unit.end for unit in units], line.spaces]
    start, end, spaced = np.array(times, np.float64)
    after = np.append(start[1:], following)
    breaks = np.array(line.breaks, np.float64)
    columns, characters, sentences = np.array(sums, np.float64)
    return UnitTable(start, end, after, spaced, breaks, columns, characters, sentences, line)


def candidate_cues(table: UnitTable, rules: CuePreset, dearest: float) -> CandidateCues:
    """List every cue that has no line too wide, no line too many, and stays no longer than it may.

    A unit alone is always a way; no cue begins after a break that costs more than `dearest`.
    """
    import numpy as np

    fit = _furthest(table.columns, rules.max_line_width, table.spaced)
    limits = [_on_lines(fit, rules.max_lines)]
    if rules.max_duration:
        longest = table.start + rules.max_duration * 1000
        limits.append(np.searchsorted(table.end, longest, "right") - 1)
    if rules.max_words:
        limits.append(_furthest(table.blanks(), rules.max_words - 1, table.spaced))
    tails = np.append(np.flatnonzero(table.breaks[:-1] <= dearest), len(fit) - 1)
    heads = np.concatenate(([0], tails[:-1] + 1))
    furthest = np.searchsorted(tails, reduce(np.minimum, limits).take(heads), "right")
    here = np.arange(len(heads))
    counts = np.maximum(furthest - here, heads == tails)
    offsets = np.concatenate(([0], counts.cumsum()))
    last = tails.take(np.arange(offsets[-1]) - (offsets[:-1] - here).repeat(counts))
    return CandidateCues(table, fit, heads, tails, counts, offsets, last)


def _furthest(sums: "Numbers", room: float, spaced: "Numbers") -> "Places":
    """Tell up to which unit so much holds, beginning with each."""
    import numpy as np

    return np.asarray(np.searchsorted(sums[1:], sums[:-1] + spaced + room, "right") - 1)


def _on_lines(fit: "Places", lines: int) -> "Places":
    import numpy as np

    reach, end = fit, len(fit) - 1
    for _ in range(lines - 1):
        reach = np.where(reach < end, fit.take(np.minimum(reach + 1, end)), reach)
    return reach


EVERY_CUE = 1.0
BROKEN = 10.0  # a rule of time that can't be kept
TOO_FAST = (4.0, 20.0)  # words said faster than they can be read; more by how much
BREAK, LINE_BREAK, EMPTY = 3.0, 1.0, 0.7
SENTENCE_INSIDE = 2.0  # a sentence that ends before its cue does
LONG_PAUSE, PAUSE_INSIDE = 700, 2.0  # milliseconds of silence; for each second above that
HALF = 0.5  # milliseconds: times are whole ones


def ends_of(ways: CandidateCues, needed: "Numbers", rules: CuePreset, limit: float) -> "Numbers":
    """Tell when each cue goes: after its last word, later to be read, never into the next.

    In milliseconds; `needed` is how long it should stay, `limit` when the sound ends.
    """
    import numpy as np

    start, after = ways.first(ways.table.start), ways.of_last(ways.table.after)
    end = np.maximum(ways.of_last(ways.table.end), start + needed)
    room = after - rules.min_gap * 1000
    room = np.where(room <= start, after, room)
    close = max(rules.chain, rules.min_gap) * 1000
    end = np.where(after - end < close, room, end)
    if rules.max_duration:
        end = np.minimum(end, start + rules.max_duration * 1000)
    return np.asarray(np.floor(np.minimum(end, limit)))


def needed_of(ways: CandidateCues, rules: CuePreset) -> "Numbers":
    """Tell how long each cue should stay, to be seen and to be read; in milliseconds."""
    import numpy as np

    least = np.full(len(ways.last), rules.min_duration * 1000)
    if rules.word_duration:
        words = ways.between(ways.table.blanks()) + 1
        least = np.maximum(words * (rules.word_duration * 1000), least)
    if rules.max_cps:
        least = np.maximum(ways.between(ways.table.characters) * (1000 / rules.max_cps), least)
    return np.asarray(np.ceil(least))


def costs_of(
    ways: CandidateCues, needed: "Numbers", ends: "Numbers", rules: CuePreset
) -> "Numbers":
    """Rate each cue: by where it breaks, how full it is, and which rules it can't keep."""
    import numpy as np

    table = ways.table
    wide = ways.between(table.columns)
    empty = 1 - wide / (rules.max_line_width * rules.max_lines)
    inside = _inside(table)
    last = EVERY_CUE + BREAK * table.breaks + inside
    costs = EMPTY * empty * empty + ways.of_last(last) - ways.first(inside)
    lasts = ends - ways.first(table.start)
    missing = needed - lasts
    flat, rising = TOO_FAST
    fast = np.flatnonzero(missing > 0)
    costs[fast] += flat + rising * missing[fast] / np.maximum(needed[fast], 1)
    costs[lasts < rules.min_duration * 1000 - HALF] += BROKEN
    gap = ways.of_last(table.after) - ends
    least, close = rules.min_gap * 1000, rules.chain * 1000
    costs[(gap < least - HALF) | ((gap > least + 1) & (gap < close - HALF))] += BROKEN
    _add_lines(costs, ways, rules)
    return costs


def _inside(table: UnitTable) -> "Numbers":
    """Sum up what is better not inside a cue, over all units before each."""
    import numpy as np

    pauses = np.maximum((table.after - table.end)[:-1] - LONG_PAUSE, 0) * (PAUSE_INSIDE / 1000)
    sums = SENTENCE_INSIDE * table.sentences[:-1]
    sums[1:] += pauses.cumsum()
    return sums


def _add_lines(costs: "Numbers", ways: CandidateCues, rules: CuePreset) -> None:
    """Add the best break between two lines where a cue needs two: the least of a range."""
    import numpy as np

    fits = ways.first(ways.fit)
    two = np.flatnonzero(fits < ways.last)
    if rules.max_lines != 2 or not len(two):
        return
    fits, last = fits[two], ways.last[two]
    back = np.searchsorted(ways.fit, np.arange(len(ways.fit)))  # where a line that ends here begins
    low = back.take(last) - 1
    power = np.frexp(fits - low + 1)[1] - 1  # a range is two, that overlap, of 2 ** power
    least = _least(ways.table.breaks, int(power.max()))
    costs[two] += LINE_BREAK * np.minimum(least[power, low], least[power, fits + 1 - (1 << power)])


def _least(values: "Numbers", powers: int) -> "np.ndarray[tuple[int, int], np.dtype[np.float64]]":
    """Give the least of 2 ** power values from each on, a row for each power; infinite beyond."""
    import numpy as np

    rows = np.full((powers + 1, len(values)), np.inf)
    rows[0] = values
    for power in range(powers):
        half = 1 << power
        np.minimum(rows[power, :-half], rows[power, half:], out=rows[power + 1, :-half])
    return rows


FAR = float(1 << 40)  # milliseconds: nothing follows
DEAREST = 1.9  # a cue begins after an article or inside a name only where there is no other way


class PlannedCue(NamedTuple):
    """A cue: the units from `first` to `last`, and when it goes, in milliseconds."""

    first: int
    last: int
    end: int


def optimize(
    line: TextLine, rules: CuePreset, following: float = FAR, limit: float = FAR
) -> list[PlannedCue]:
    """Part units, of which none is wider than a line, into cues.

    `following` is when the next unit begins, `limit` when the sound ends, in milliseconds.
    """
    table = table_of(line, following)
    return _planned(table, rules, limit, DEAREST) or _planned(table, rules, limit, inf)


def _planned(table: UnitTable, rules: CuePreset, limit: float, dearest: float) -> list[PlannedCue]:
    """Plan with breaks up to a cost; nothing where there is no way through with them alone."""
    ways = candidate_cues(table, rules, dearest)
    needed = needed_of(ways, rules)
    ends = ends_of(ways, needed, rules, limit)
    costs = costs_of(ways, needed, ends, rules)
    offsets = ways.offsets.tolist()
    chosen = _best(costs.tolist(), offsets)
    heads, tails = ways.heads.tolist(), ways.tails.tolist()
    return [
        PlannedCue(heads[one], tails[two], int(ends[offsets[one] + two - one]))
        for one, two in chosen
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
