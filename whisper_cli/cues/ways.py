"""Every cue that units could make, as arrays: what each would hold, and how far it may go."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from typing import TYPE_CHECKING

from whisper_cli.cues.rules import Rules
from whisper_cli.cues.traits import SENTENCE, Traits
from whisper_cli.cues.units import Unit

if TYPE_CHECKING:
    import numpy as np

    Numbers = np.ndarray[tuple[int], np.dtype[np.float64]]
    Places = np.ndarray[tuple[int], np.dtype[np.intp]]


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
    words: "Numbers"
    sentences: "Numbers"


@dataclass(frozen=True, slots=True)
class Ways:
    """Every (first, last) that a cue may have, by first, then by last.

    `offsets` tells where those of each first unit begin, `fit` up to where its first line goes.
    """

    table: Table
    fit: "Places"
    counts: "Places"
    offsets: "Places"
    last: "Places"

    def first(self, values: "Numbers") -> "Numbers":
        """Give each way the value of its first unit."""
        return values.repeat(self.counts)

    def of_last(self, values: "Numbers") -> "Numbers":
        """Give each way the value of its last unit."""
        return values.take(self.last)

    def between(self, sums: "Numbers") -> "Numbers":
        """Give each way what its units hold, the space before the first left out."""
        return self.of_last(sums[1:]) - self.first(sums[:-1] + self.table.spaced)


def table_of(
    units: Sequence[Unit], looks: Sequence[Traits], breaks: Sequence[float], following: float
) -> Table:
    """Lay out units; `following` is when the next one begins, in milliseconds."""
    import numpy as np

    _, spaced, start, end, words, _ = zip(*units, strict=True)
    starts, spaces = np.array(start, np.float64), np.array(spaced, np.float64)
    return Table(
        starts,
        np.array(end, np.float64),
        np.append(starts[1:], following),
        spaces,
        np.array(breaks),
        _sums([look.columns for look in looks], spaces),
        _sums([look.characters for look in looks], spaces),
        _sums([len(each) for each in words], 0),
        _sums([look.stop == SENTENCE for look in looks], 0),
    )


def ways_of(table: Table, rules: Rules, dearest: float) -> Ways:
    """List every cue that has no line too wide, no line too many, and stays no longer than it may.

    A unit alone is always a way; no cue begins after a break that costs more than `dearest`.
    """
    import numpy as np

    here = np.arange(len(table.start))
    fit = _furthest(table.columns, rules.max_line_width, table.spaced)
    limits = [_on_lines(fit, rules.max_lines)]
    if rules.max_duration:
        longest = table.start + rules.max_duration * 1000
        limits.append(np.searchsorted(table.end, longest, "right") - 1)
    if rules.max_words:
        limits.append(_furthest(table.words, rules.max_words, table.spaced * 0))
    counts = np.maximum(reduce(np.minimum, limits) - here, 0) + 1
    counts[1:][table.breaks[:-1] > dearest] = 0
    offsets = np.concatenate(([0], counts.cumsum()))
    last = np.arange(offsets[-1]) - (offsets[:-1] - here).repeat(counts)
    return Ways(table, fit, counts, offsets, last)


def _sums(values: Sequence[float], more: "Numbers | int") -> "Numbers":
    import numpy as np

    return np.concatenate(([0.0], (np.array(values, np.float64) + more).cumsum()))


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
