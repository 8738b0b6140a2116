"""When each possible cue would go, and what it costs a reader."""

from typing import TYPE_CHECKING

from whisper_cli.cues.rules import Rules
from whisper_cli.cues.ways import Table, Ways

if TYPE_CHECKING:
    import numpy as np

    from whisper_cli.cues.ways import Numbers

EVERY_CUE = 1.0
BROKEN = 10.0  # a rule of time that can't be kept
TOO_FAST = (4.0, 20.0)  # words said faster than they can be read; more by how much
BREAK, LINE_BREAK, EMPTY = 3.0, 1.0, 0.7
SENTENCE_INSIDE = 2.0  # a sentence that ends before its cue does
LONG_PAUSE, PAUSE_INSIDE = 700, 2.0  # milliseconds of silence; for each second above that
HALF = 0.5  # milliseconds: times are whole ones


def ends_of(ways: Ways, needed: "Numbers", rules: Rules, limit: float) -> "Numbers":
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


def needed_of(ways: Ways, rules: Rules) -> "Numbers":
    """Tell how long each cue should stay, to be seen and to be read; in milliseconds."""
    import numpy as np

    least = np.full(len(ways.last), rules.min_duration * 1000)
    if rules.word_duration:
        words = ways.between(ways.table.blanks()) + 1
        least = np.maximum(words * (rules.word_duration * 1000), least)
    if rules.max_cps:
        least = np.maximum(ways.between(ways.table.characters) * (1000 / rules.max_cps), least)
    return np.asarray(np.ceil(least))


def costs_of(ways: Ways, needed: "Numbers", ends: "Numbers", rules: Rules) -> "Numbers":
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


def _inside(table: Table) -> "Numbers":
    """Sum up what is better not inside a cue, over all units before each."""
    import numpy as np

    pauses = np.maximum((table.after - table.end)[:-1] - LONG_PAUSE, 0) * (PAUSE_INSIDE / 1000)
    sums = SENTENCE_INSIDE * table.sentences[:-1]
    sums[1:] += pauses.cumsum()
    return sums


def _add_lines(costs: "Numbers", ways: Ways, rules: Rules) -> None:
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
