"""Bars on a terminal, a line for each thing that moves."""

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from whisper_cli.console.meter import Clock
from whisper_cli.console.moving import Moving, Row
from whisper_cli.console.pace import Pace
from whisper_cli.console.quantities import shorten

if TYPE_CHECKING:
    from rich.console import Console as Terminal
    from rich.live import Live
    from rich.table import Table

_EVERY = 0.1
_LONGEST = 40  # letters of a name, where there is room


class Bars:
    """The lines of what moves, drawn again as it moves, and gone without a trace in the end."""

    def __init__(self, terminal: "Terminal", clock: Clock = time.monotonic) -> None:
        self._terminal, self._clock = terminal, clock
        self._pace = Pace(_EVERY, clock)
        self._live: Live | None = None

    def show(self, moving: Moving) -> None:
        """Draw how things stand, ten times a second at most."""
        if self._live is None:
            self._live = self._start(moving)
        if self._pace.due():
            self._live.refresh()

    def clear(self) -> None:
        """Take the bars off the terminal until the next `show`."""
        if self._live is not None:
            self._live.stop()
        self._live, self._pace = None, Pace(_EVERY, self._clock)

    def finish(self, summary: str = "") -> None:  # noqa: ARG002 - said by Console.info
        """Take the bars off."""
        self.clear()

    def _start(self, moving: Moving) -> "Live":
        from rich.live import Live

        # stdout stays untouched: where it is a file, and stderr a terminal, rich would empty it.
        live = Live(
            get_renderable=lambda: layout(moving.rows(), *self._terminal.size),
            console=self._terminal,
            auto_refresh=False,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        live.start()
        return live


def layout(rows: Sequence[Row], width: int, height: int) -> "Table":
    """Lay rows out so that each is one line of the terminal, and all fit in its height.

    A name leaves room for a small bar, the position, the speed and the time left.
    """
    from rich.cells import cell_len
    from rich.progress_bar import ProgressBar
    from rich.table import Table
    from rich.text import Text

    rows = _most_wanted(rows, max(height - 1, 1))
    bar = max(6, min(24, width // 8))
    rest = (
        width - bar - max((len(row.position) for row in rows), default=0) - 3
    )  # blanks between the columns
    longest = max(12, min(_LONGEST, rest - 19))
    names = [Text(shorten(row.name, longest)) for row in rows]
    widest = min(longest, max((cell_len(name.plain) for name in names), default=0))
    view = Table.grid(padding=(0, 1))
    view.add_column(max_width=widest, no_wrap=True, overflow="ellipsis")
    view.add_column(width=bar)
    view.add_column(justify="right", no_wrap=True)
    view.add_column(no_wrap=True)
    for name, row in zip(names, rows, strict=True):
        share = ProgressBar(total=None if row.share is None else 1.0, completed=row.share or 0.0)
        view.add_row(name, share, row.position, Text(_fitting(row.details, rest - widest)))
    return view


def _most_wanted(rows: Sequence[Row], most: int) -> Sequence[Row]:
    """Leave out what is complete, if there are too many rows; the last one sums up."""
    if len(rows) <= most:
        return rows
    parts = sorted(rows[:-1], key=lambda row: row.share == 1)
    return [*parts[: most - 1], rows[-1]]


def _fitting(details: Sequence[str], width: int) -> str:
    """Join as many details as fit, from the first on."""
    told = list(filter(None, details))
    while told and len(" ".join(told)) > width:
        told.pop()
    return " ".join(told)
