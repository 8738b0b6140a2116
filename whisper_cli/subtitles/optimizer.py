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
    Positions = np.ndarray[tuple[int], np.dtype[np.intp]]
    Array = TypeVar("Array", Numbers, Positions)


@dataclass(frozen=True, slots=True)
class UnitTable:
    """What is known of n units; times in milliseconds.

    The sums have n + 1 values: what all units before one hold together, spaces with them.
    """

    start: "Numbers"
    end: "Numbers"
    after: "Numbers"
    spaced: "Numbers"
    penalty: "Numbers"
    columns: "Numbers"
    characters: "Numbers"
    sentences: "Numbers"
    line: TextLine

    def space_count(self) -> "Numbers":
        """Sum up spaces, which part words; only some rules ask for them."""
        import numpy as np

        space_count = map(
            add,
            [properties.space_count for properties in self.line.unit_properties],
            self.line.spaces,
        )
        return np.array([0, *accumulate(space_count)], np.float64)


@dataclass(frozen=True, slots=True)
class CandidateCues:
    """Every (first, last) that a cue may have, by first, then by last.

    `heads` are the units that a cue may begin with, `last_units` those before the next; `counts`
    and `offsets` tell how many ways each head has and where they begin. `fit` tells of each unit up
    to where a line goes that begins with it, `last` of each way its last unit.
    """

    table: UnitTable
    fit: "Positions"
    heads: "Positions"
    last_units: "Positions"
    counts: "Positions"
    offsets: "Positions"
    last: "Positions"

    def first(self, values: "Array") -> "Array":
        """Give each way the value of its first unit."""
        return values.take(self.heads).repeat(self.counts)

    def of_last(self, values: "Numbers") -> "Numbers":
        """Give each way the value of its last unit."""
        return values.take(self.last)

    def between(self, running_total: "Numbers") -> "Numbers":
        """Give each way what its units hold, the space before the first left out."""
        return self.of_last(running_total[1:]) - self.first(running_total[:-1] + self.table.spaced)


def table_of(line: TextLine, following: float) -> UnitTable:
    """Lay out units; `following` is when the next one begins, in milliseconds."""
    import numpy as np

    units, unit_properties = line.units, line.unit_properties
    letters = map(add, [properties.characters for properties in unit_properties], line.spaces)
    sentences = [properties.stop == SENTENCE for properties in unit_properties]
    running_total = [line.edges, [0, *accumulate(letters)], [0, *accumulate(sentences)]]
    times = [[unit.start for unit in units], [unit.end for unit in units], line.spaces]
    start, end, spaced = np.array(times, np.float64)
    after = np.append(start[1:], following)
    penalty = np.array(line.penalty, np.float64)
    columns, characters, sentences = np.array(running_total, np.float64)
    return UnitTable(start, end, after, spaced, penalty, columns, characters, sentences, line)


def candidate_cues(table: UnitTable, rules: CuePreset, max_cost: float) -> CandidateCues:
    """List every cue that has no line too wide, no line too many, and stays no longer than it may.

    A unit alone is always a way; no cue begins after a break that costs more than `max_cost`.
    """
    import numpy as np

    fit = _last_fit(table.columns, rules.max_line_width, table.spaced)
    limits = [_on_lines(fit, rules.max_lines)]
    if rules.max_duration:
        longest = table.start + rules.max_duration * 1000
        limits.append(np.searchsorted(table.end, longest, "right") - 1)
    if rules.max_words:
        limits.append(_last_fit(table.space_count(), rules.max_words - 1, table.spaced))
    last_units = np.append(np.flatnonzero(table.penalty[:-1] <= max_cost), len(fit) - 1)
    heads = np.concatenate(([0], last_units[:-1] + 1))
    bound = np.searchsorted(last_units, reduce(np.minimum, limits).take(heads), "right")
    index = np.arange(len(heads))
    counts = np.maximum(bound - index, heads == last_units)
    offsets = np.concatenate(([0], counts.cumsum()))
    last = last_units.take(np.arange(offsets[-1]) - (offsets[:-1] - index).repeat(counts))
    return CandidateCues(table, fit, heads, last_units, counts, offsets, last)


def _last_fit(running_total: "Numbers", room: float, spaced: "Numbers") -> "Positions":
    """Tell up to which unit so much holds, beginning with each."""
    import numpy as np

    return np.asarray(
        np.searchsorted(running_total[1:], running_total[:-1] + spaced + room, "right") - 1
    )


def _on_lines(fit: "Positions", lines: int) -> "Positions":
    import numpy as np

    last_fit, end = fit, len(fit) - 1
    for _ in range(lines - 1):
        last_fit = np.where(last_fit < end, fit.take(np.minimum(last_fit + 1, end)), last_fit)
    return last_fit


EVERY_CUE = 1.0
BROKEN = 10.0  # a rule of time that can't be kept
TOO_FAST = (4.0, 20.0)  # words said faster than they can be read; more by how much
BREAK, LINE_BREAK, EMPTY = 3.0, 1.0, 0.7
SENTENCE_INSIDE = 2.0  # a sentence that ends before its cue does
LONG_PAUSE, PAUSE_INSIDE = 700, 2.0  # milliseconds of silence; for each second above that
HALF = 0.5  # milliseconds: times are whole ones


def ends_of(
    candidates: CandidateCues, needed: "Numbers", rules: CuePreset, limit: float
) -> "Numbers":
    """Tell when each cue goes: after its last word, later to be read, never into the next.

    In milliseconds; `needed` is how long it should stay, `limit` when the sound ends.
    """
    import numpy as np

    start, after = (
        candidates.first(candidates.table.start),
        candidates.of_last(candidates.table.after),
    )
    end = np.maximum(candidates.of_last(candidates.table.end), start + needed)
    room = after - rules.min_gap * 1000
    room = np.where(room <= start, after, room)
    close = max(rules.chain, rules.min_gap) * 1000
    end = np.where(after - end < close, room, end)
    if rules.max_duration:
        end = np.minimum(end, start + rules.max_duration * 1000)
    return np.asarray(np.floor(np.minimum(end, limit)))


def needed_of(candidates: CandidateCues, rules: CuePreset) -> "Numbers":
    """Tell how long each cue should stay, to be seen and to be read; in milliseconds."""
    import numpy as np

    minimum = np.full(len(candidates.last), rules.min_duration * 1000)
    if rules.word_duration:
        words = candidates.between(candidates.table.space_count()) + 1
        minimum = np.maximum(words * (rules.word_duration * 1000), minimum)
    if rules.max_cps:
        minimum = np.maximum(
            candidates.between(candidates.table.characters) * (1000 / rules.max_cps), minimum
        )
    return np.asarray(np.ceil(minimum))


def costs_of(
    candidates: CandidateCues, needed: "Numbers", ends: "Numbers", rules: CuePreset
) -> "Numbers":
    """Rate each cue: by where it breaks, how full it is, and which rules it can't keep."""
    import numpy as np

    table = candidates.table
    wide = candidates.between(table.columns)
    empty = 1 - wide / (rules.max_line_width * rules.max_lines)
    inside = _inside(table)
    last = EVERY_CUE + BREAK * table.penalty + inside
    costs = EMPTY * empty * empty + candidates.of_last(last) - candidates.first(inside)
    duration = ends - candidates.first(table.start)
    missing = needed - duration
    flat, rising = TOO_FAST
    fast = np.flatnonzero(missing > 0)
    costs[fast] += flat + rising * missing[fast] / np.maximum(needed[fast], 1)
    costs[duration < rules.min_duration * 1000 - HALF] += BROKEN
    gap = candidates.of_last(table.after) - ends
    minimum, close = rules.min_gap * 1000, rules.chain * 1000
    costs[(gap < minimum - HALF) | ((gap > minimum + 1) & (gap < close - HALF))] += BROKEN
    _add_lines(costs, candidates, rules)
    return costs


def _inside(table: UnitTable) -> "Numbers":
    """Sum up what is better not inside a cue, over all units before each."""
    import numpy as np

    pauses = np.maximum((table.after - table.end)[:-1] - LONG_PAUSE, 0) * (PAUSE_INSIDE / 1000)
    running_total = SENTENCE_INSIDE * table.sentences[:-1]
    running_total[1:] += pauses.cumsum()
    return running_total


def _add_lines(costs: "Numbers", candidates: CandidateCues, rules: CuePreset) -> None:
    """Add the best break between two lines where a cue needs two: the least of a range."""
    import numpy as np

    fits = candidates.first(candidates.fit)
    wrapped = np.flatnonzero(fits < candidates.last)
    if rules.max_lines != 2 or not len(wrapped):
        return
    fits, last = fits[wrapped], candidates.last[wrapped]
    # Where a line that ends here begins.
    back = np.searchsorted(candidates.fit, np.arange(len(candidates.fit)))
    low = back.take(last) - 1
    power = np.frexp(fits - low + 1)[1] - 1  # a range is two, that overlap, of 2 ** power
    minimum = _minimum_filter(candidates.table.penalty, int(power.max()))
    costs[wrapped] += LINE_BREAK * np.minimum(
        minimum[power, low], minimum[power, fits + 1 - (1 << power)]
    )


def _minimum_filter(
    values: "Numbers", levels: int
) -> "np.ndarray[tuple[int, int], np.dtype[np.float64]]":
    """Give the least of 2 ** power values from each on, a row for each power; infinite beyond."""
    import numpy as np

    rows = np.full((levels + 1, len(values)), np.inf)
    rows[0] = values
    for power in range(levels):
        half = 1 << power
        np.minimum(rows[power, :-half], rows[power, half:], out=rows[power + 1, :-half])
    return rows


FAR = float(1 << 40)  # milliseconds: nothing follows
MAX_COST = 1.9  # a cue begins after an article or inside a name only where there is no other way


class CueRange(NamedTuple):
    """A cue: the units from `first` to `last`, and when it goes, in milliseconds."""

    first: int
    last: int
    end: int


def optimize(
    line: TextLine, rules: CuePreset, following: float = FAR, limit: float = FAR
) -> list[CueRange]:
    """Part units, of which none is wider than a line, into cues.

    `following` is when the next unit begins, `limit` when the sound ends, in milliseconds.
    """
    table = table_of(line, following)
    return _plan_cues(table, rules, limit, MAX_COST) or _plan_cues(table, rules, limit, inf)


def _plan_cues(table: UnitTable, rules: CuePreset, limit: float, max_cost: float) -> list[CueRange]:
    """Plan with breaks up to a cost; nothing where there is no way through with them alone."""
    candidates = candidate_cues(table, rules, max_cost)
    needed = needed_of(candidates, rules)
    ends = ends_of(candidates, needed, rules, limit)
    costs = costs_of(candidates, needed, ends, rules)
    offsets = candidates.offsets.tolist()
    chosen = _best(costs.tolist(), offsets)
    heads, last_units = candidates.heads.tolist(), candidates.last_units.tolist()
    return [
        CueRange(heads[one], last_units[wrapped], int(ends[offsets[one] + wrapped - one]))
        for one, wrapped in chosen
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
            candidates = list(map(add, costs[low:high], total[at + 1 : at + 1 + high - low]))
            total[at] = lowest = min(candidates)
            choice[at] = at + candidates.index(lowest)
        high = low
    chosen, at = [], 0
    while at < count and total[0] < inf:
        chosen.append((at, choice[at]))
        at = choice[at] + 1
    return chosen
