"""How progress is shown: bars on a terminal, lines in a log, records for programs."""

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

from whisper_cli.console.meter import Clock, Interval
from whisper_cli.console.progress import ProgressRecord, ProgressRow, ProgressView
from whisper_cli.console.units import shorten

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
        self._interval = Interval(_EVERY, clock)
        self._live: Live | None = None

    def show(self, view: ProgressView) -> None:
        """Draw how things stand, ten times a second at most."""
        if self._live is None:
            self._live = self._start(view)
        if self._interval.expired():
            self._live.refresh()

    def clear(self) -> None:
        """Take the bars off the terminal until the next `show`."""
        if self._live is not None:
            self._live.stop()
        self._live, self._interval = None, Interval(_EVERY, self._clock)

    def finish(self, summary: str = "") -> None:  # noqa: ARG002 - said by Console.info
        """Take the bars off."""
        self.clear()

    def _start(self, view: ProgressView) -> "Live":
        from rich.live import Live

        # stdout stays untouched: where it is a file, and stderr a terminal, rich would empty it.
        live = Live(
            get_renderable=lambda: layout(view.rows(), *self._terminal.size),
            console=self._terminal,
            auto_refresh=False,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        live.start()
        return live


def layout(rows: Sequence[ProgressRow], width: int, height: int) -> "Table":
    """Lay rows out so that each is one line of the terminal, and all fit in its height.

    A name leaves room for a small bar, the position, the speed and the time left.
    """
    from rich.cells import cell_len
    from rich.progress_bar import ProgressBar
    from rich.table import Table
    from rich.text import Text

    rows = _first_rows(rows, max(height - 1, 1))
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
        view.add_row(name, share, row.position, Text(_fit_width(row.details, rest - widest)))
    return view


def _first_rows(rows: Sequence[ProgressRow], maximum: int) -> Sequence[ProgressRow]:
    """Leave out what is complete, if there are too many rows; the last one sums up."""
    if len(rows) <= maximum:
        return rows
    parts = sorted(rows[:-1], key=lambda row: row.share == 1)
    return [*parts[: maximum - 1], rows[-1]]


def _fit_width(details: Sequence[str], width: int) -> str:
    """Join as many details as fit, from the first on."""
    parts = list(filter(None, details))
    while parts and len(" ".join(parts)) > width:
        parts.pop()
    return " ".join(parts)


Write = Callable[[str], None]

_PLAIN_EVERY = 5.0
_JSON_EVERY = 0.2


class PlainLines:
    """A line every few seconds, and the last one."""

    def __init__(self, write: Write, clock: Clock = time.monotonic) -> None:
        self._write = write
        self._interval = Interval(_PLAIN_EVERY, clock)
        self._interval.expired()
        self._held: ProgressView | None = None

    def show(self, view: ProgressView) -> None:
        """Write how the whole stands, if it is time."""
        self._held = view
        if self._interval.expired():
            self.finish()

    def clear(self) -> None:
        """Do nothing: lines stay."""

    def finish(self, summary: str = "") -> None:
        """Write the summary, or else how the whole stands, unless the last line said so."""
        if line := summary or (self._held.line() if self._held else ""):
            self._write(line)
        self._held = None


class JsonLines:
    """An object a line: five a second for a file, the end of each phase, and each file's last."""

    def __init__(self, write: Write, clock: Clock = time.monotonic) -> None:
        self._write = write
        self._interval = Interval(_JSON_EVERY, clock)
        self._held: dict[str, ProgressRecord] = {}
        self._finished: dict[str, str] = {}  # file -> the phase whose end was told

    def show(self, view: ProgressView) -> None:
        """Write how the part stands that moved last, if it is time or its phase is over."""
        record = view.record()
        if record.finished and self._finished.get(record.file) == record.phase:
            return
        self._held[record.file] = record
        if record.finished:
            self._finished[record.file] = record.phase
        if self._interval.expired(record.file) or record.finished:
            self._tell(record.file)

    def clear(self) -> None:
        """Do nothing: lines stay."""

    def finish(self, summary: str = "") -> None:  # noqa: ARG002 - a summary is for people
        """Write the last of every file that was held back."""
        for file in list(self._held):
            self._tell(file)

    def _tell(self, file: str) -> None:
        amounts = asdict(self._held.pop(file))
        rounded = {k: round(v, 3) if isinstance(v, float) else v for k, v in amounts.items()}
        self._write(json.dumps({"type": "progress"} | rounded, ensure_ascii=False))
