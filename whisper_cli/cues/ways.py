"""Every cue that units could make, as arrays: what each would hold, and how far it may go."""

from dataclasses import dataclass
from functools import reduce
from itertools import accumulate
from operator import add
from typing import TYPE_CHECKING, TypeVar

from whisper_cli.cues.lines import Line
from whisper_cli.cues.rules import Rules
from whisper_cli.cues.traits import SENTENCE

if TYPE_CHECKING:
    import numpy as np

    Numbers = np.ndarray[tuple[int], np.dtype[np.float64]]
    Places = np.ndarray[tuple[int], np.dtype[np.intp]]
    Array = TypeVar("Array", Numbers, Places)


@dataclass(frozen=True, slots=True)
class Table:
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
    line: Line

    def blanks(self) -> "Numbers":
        """Sum up spaces, which part words; only some rules ask for them."""
        import numpy as np

        blanks = map(add, [look.blanks for look in self.line.looks], self.line.spaces)
        return np.array([0, *accumulate(blanks)], np.float64)


@dataclass(frozen=True, slots=True)
class Ways:
    """Every (first, last) that a cue may have, by first, then by last.

    `heads` are the units that a cue may begin with, `tails` those before the next head; `counts`
    and `offsets` tell how many ways each head has and where they begin. `fit` tells of each unit up
    to where a line goes that begins with it, `last` of each way its last unit.
    """

    table: Table
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


def table_of(line: Line, following: float) -> Table:
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
    return Table(start, end, after, spaced, breaks, columns, characters, sentences, line)


def ways_of(table: Table, rules: Rules, dearest: float) -> Ways:
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
    return Ways(table, fit, heads, tails, counts, offsets, last)


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
