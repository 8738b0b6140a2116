"""When each possible cue would go, and what it costs a reader."""

from typing import TYPE_CHECKING

from whisper_cli.cues.rules import Rules
from whisper_cli.cues.ways import Ways

if TYPE_CHECKING:
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
    return np.asarray(np.maximum(np.floor(np.minimum(end, limit)), start))


def needed_of(ways: Ways, rules: Rules) -> "Numbers":
    """Tell how long each cue should stay, to be seen and to be read; in milliseconds."""
    import numpy as np

    least = np.full(len(ways.last), rules.min_duration * 1000)
    if rules.word_duration:
        words = ways.of_last(ways.table.words[1:]) - ways.first(ways.table.words[:-1])
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
    costs = EMPTY * empty * empty + ways.of_last(_at_last(ways)) - ways.first(_at_first(ways))
    lasts = ends - ways.first(table.start)
    missing = needed - lasts
    flat, rising = TOO_FAST
    fast = np.flatnonzero(missing > 0)
    costs[fast] += flat + rising * missing[fast] / needed[fast]
    costs[lasts < rules.min_duration * 1000 - HALF] += BROKEN
    gap = ways.of_last(table.after) - ends
    least, close = rules.min_gap * 1000, rules.chain * 1000
    costs[(gap < least - HALF) | ((gap > least + 1) & (gap < close - HALF))] += BROKEN
    _add_lines(costs, ways, rules)
    return costs


def _at_last(ways: Ways) -> "Numbers":
    """Rate what depends on the last unit alone: the break after it, and what came before it."""
    return EVERY_CUE + BREAK * ways.table.breaks + _at_first(ways)


def _at_first(ways: Ways) -> "Numbers":
    """Sum up what is better not inside a cue, over all units before each."""
    return SENTENCE_INSIDE * ways.table.sentences[:-1] + _pauses(ways)


def _pauses(ways: Ways) -> "Numbers":
    """Sum up the long pauses before each unit."""
    import numpy as np

    table = ways.table
    long = np.maximum(table.after - table.end - LONG_PAUSE, 0)[:-1] * (PAUSE_INSIDE / 1000)
    return np.concatenate(([0.0], long.cumsum()))


def _add_lines(costs: "Numbers", ways: Ways, rules: Rules) -> None:
    """Add the best break between two lines where a cue needs two: the least of a range."""
    import numpy as np

    fits = ways.fit.repeat(ways.counts)
    two = np.flatnonzero(fits < ways.last)
    if rules.max_lines != 2 or not len(two):
        return
    fits, last = fits[two], ways.last[two]
    back = np.searchsorted(ways.fit, np.arange(len(ways.fit)))  # where a line that ends here begins
    low = back.take(last) - 1
    power = np.frexp(fits - low + 1)[1] - 1
    least = [ways.table.breaks]
    for step in range(int(power.max())):
        half = 1 << step
        least.append(np.minimum(least[-1], np.append(least[-1][half:], [np.inf] * half)))
    levels = np.stack(least)
    costs[two] += LINE_BREAK * np.minimum(
        levels[power, low], levels[power, fits + 1 - (1 << power)]
    )
