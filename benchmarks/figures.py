"""What was measured of each contender, what it has to be, and the table that shows both."""

import statistics
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

MB, MIB = 10**6, 1 << 20
HEAD = ("median s", "range", "ratio", "peak MiB", "range", "ratio", "MB sent twice", "must")


@dataclass(frozen=True, slots=True)
class Row:
    """Who pulled, and how many bytes of weights."""

    contender: str
    size: int


@dataclass(frozen=True, slots=True)
class Run:
    """One pull: seconds from start to exit, peak of memory, bytes of weights that were sent twice.

    The peak is 0 where nobody looked; what was sent need not have arrived.
    """

    seconds: float
    peak: int
    twice: int


@dataclass(frozen=True, slots=True)
class Figures:
    """All runs of one row: those whose memory was looked at, and those that were timed.

    `seconds` and `peak` are medians, `twice` is the worst.
    """

    looked: Sequence[Run]
    timed: Sequence[Run]

    @property
    def seconds(self) -> float:
        return statistics.median(run.seconds for run in self.timed)

    @property
    def peak(self) -> float:
        return statistics.median(run.peak for run in self.looked)

    @property
    def twice(self) -> int:
        return max(run.twice for run in (*self.looked, *self.timed))


Table = Mapping[Row, Figures]


@dataclass(frozen=True, slots=True)
class Must:
    """What the figures of a row have to be: in words, and as a test that may look at other rows."""

    words: str
    met: Callable[[Row, Table], bool]

    def verdict(self, row: Row, table: Table) -> str:
        try:
            return f"{self.words}: {'met' if self.met(row, table) else 'MISSED'}"
        except LookupError:
            return f"{self.words}: nobody to compare with"


def note(text: str) -> None:
    """Tell who waits how far it is."""
    print(text, file=sys.stderr, flush=True)


def markdown(title: str, table: Table, musts: Mapping[str, Sequence[Must]]) -> str:
    """Draw a table whose ratios are to the first row of the same size."""
    lines = [f"| {title} | {' | '.join(HEAD)} |", f"|{'---|' * (len(HEAD) + 1)}"]
    first: dict[int, Figures] = {}
    for row, own in table.items():
        name = f"{row.contender}, {row.size / MB:g} MB"
        verdicts = "; ".join(must.verdict(row, table) for must in musts.get(row.contender, ()))
        numbers = _numbers(own, first.setdefault(row.size, own))
        lines.append(f"| {' | '.join((name, *numbers, verdicts))} |")
    return "\n".join(lines)


def _numbers(own: Figures, first: Figures) -> tuple[str, ...]:
    seconds = [run.seconds for run in own.timed]
    peaks = [run.peak / MIB for run in own.looked]
    return (
        f"{own.seconds:.2f}",
        f"{min(seconds):.2f} to {max(seconds):.2f}",
        f"{own.seconds / first.seconds:.2f}",
        f"{own.peak / MIB:.1f}",
        f"{min(peaks):.1f} to {max(peaks):.1f}",
        f"{own.peak / first.peak:.2f}",
        f"{own.twice / MB:.1f}",
    )


def percentile(values: Sequence[float], part: float) -> float:
    """Interpolate a percentile; `part` from 0 to 1."""
    if len(values) < 2:
        return values[0]
    return statistics.quantiles(values, n=100, method="inclusive")[round(part * 100) - 1]
