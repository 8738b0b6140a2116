"""What people see: messages, bars and tables; the only user of rich.

Data goes to stdout, everything else to stderr.
"""

import errno
import json
import logging
import sys
import time
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, TextIO

from whisper_cli.errors import OutputError, WhisperError
from whisper_cli.interrupt import CLOSED_PIPE, Stopped
from whisper_cli.settings import ProgressMode

if TYPE_CHECKING:
    from rich.progress import Progress

PLAIN_EVERY = 5.0  # seconds between two progress lines in a log
JSON_EVERY = 0.2
UNITS = {"transcribe": "s"}  # phase -> unit of done and total; every other phase counts bytes


def write(data: str | bytes) -> None:
    """Write to stdout at once, as UTF-8. Raises Stopped where the reader has gone."""
    if sys.stdout is None:
        raise OutputError("stdout is closed", hint="-o FILE writes a file")
    raw = data.encode("utf-8", "replace") if isinstance(data, str) else data
    try:
        sys.stdout.buffer.write(raw)
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        raise Stopped(CLOSED_PIPE) from None
    except OSError as error:
        if error.errno == errno.EINVAL:  # how Windows reports a closed pipe
            raise Stopped(CLOSED_PIPE) from None
        raise OutputError(f"can't write to stdout: {error.strerror}") from error


class Console:
    """Data on stdout, messages and one bar on stderr; on a terminal they never mix."""

    def __init__(self) -> None:
        self._bar: Progress | None = None
        self._key = ""
        self._started = self._printed = time.monotonic()
        self._first = 0.0
        self.configure(ProgressMode.auto)

    def configure(self, mode: ProgressMode, *, quiet: bool = False, verbose: bool = False) -> None:
        """Choose what is shown; until then errors and warnings are, and a bar on a terminal."""
        terminal = _is_terminal(sys.stderr)
        hidden = quiet or not terminal
        self._mode = ProgressMode.none if mode is ProgressMode.auto and hidden else mode
        self._quiet = quiet
        self._talks = verbose or not hidden

    def write(self, data: str) -> None:
        """Write data to stdout at once, above the bar where both are one terminal."""
        if _is_terminal(sys.stdout):
            self.clear()
        write(data)

    def write_json(self, value: object) -> None:
        """Print a value as JSON, for programs and for people."""
        self.write(json.dumps(value, ensure_ascii=False, indent=2) + "\n")

    def table(self, headings: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
        """Print a table on a terminal, tab-separated columns without headings in a pipe."""
        if not _is_terminal(sys.stdout):
            self.write("".join("\t".join(row) + "\n" for row in rows))
            return
        from rich.console import Console as Terminal
        from rich.table import Table

        view = Table(*headings, box=None, pad_edge=False, header_style="bold")
        for row in rows:
            view.add_row(*row)
        Terminal().print(view, soft_wrap=True)

    def error(self, error: WhisperError, about: str = "") -> None:
        """Report a failure: what, of which input, and what to do next."""
        prefix = f"error: {about}: " if about else "error: "
        self._say(prefix + error.message, style="red")
        if error.hint:
            self._say(f"hint: {error.hint}")

    def warn(self, message: str) -> None:
        """Report something that a person should know and that stops nothing."""
        if not self._quiet:
            self._say(f"warning: {message}", style="yellow")

    def info(self, message: str) -> None:
        """Report what happened, to a person only: not in a pipe, unless -v asks."""
        if self._talks:
            self._say(message)

    def clear(self) -> None:
        """Take the bar off the line, so that stdout may write to the same terminal."""
        if self._bar is not None and self._bar.live.is_started:
            self._bar.console.file.write("\r\x1b[2K")
            self._bar.console.file.flush()

    def progress(
        self, phase: str, name: str, done: float, total: float | None, source: str
    ) -> None:
        """Show how far one thing has come: `done` of `total` (None: unknown), bytes or seconds."""
        key = f"{phase} {name}"
        if key != self._key:
            self.finish()
            self._key, self._first = key, done
            self._started, self._printed = time.monotonic(), 0.0
        if self._mode is ProgressMode.auto:
            self._draw(phase, name, done, total)
        elif self._mode in (ProgressMode.json, ProgressMode.plain):
            self._line(phase, name, done, total, source)

    def finish(self) -> None:
        """End the bar that is shown, if any, and leave the line clean."""
        if self._bar is not None:
            self._bar.stop()
        self._bar, self._key = None, ""

    def _say(self, text: str, style: str = "") -> None:
        self.clear()
        if style and _is_terminal(sys.stderr):
            from rich.console import Console as Terminal
            from rich.text import Text

            word, _, rest = text.partition(":")
            Terminal(stderr=True, soft_wrap=True).print(Text(word, style), Text(rest), sep=":")
        elif sys.stderr is not None:
            sys.stderr.write(text.encode("utf-8", "replace").decode() + "\n")
            sys.stderr.flush()
        if self._bar is not None:
            self._bar.refresh()

    def _draw(self, phase: str, name: str, done: float, total: float | None) -> None:
        if self._bar is None:
            self._bar = _bar(phase)
            self._bar.add_task(_shorten(name), total=total, phase=phase)
            self._bar.start()
        self._bar.update(self._bar.task_ids[0], total=total, completed=done, phase=phase)
        self._bar.refresh()

    def _line(self, phase: str, name: str, done: float, total: float | None, source: str) -> None:
        now = time.monotonic()
        every = JSON_EVERY if self._mode is ProgressMode.json else PLAIN_EVERY
        last = total is not None and done >= total
        if not last and now - self._printed < every:
            return
        self._printed = now
        speed = (done - self._first) / max(now - self._started, 1e-3)
        eta = (total - done) / speed if total is not None and speed > 0 else None
        if self._mode is ProgressMode.json:
            event = {"type": "progress", "phase": phase, "source": source, "file": name}
            amounts = {"done": done, "total": total, "speed": speed, "eta": eta}
            rounded = {k: v if v is None else round(v, 3) for k, v in amounts.items()}
            self._say(json.dumps(event | rounded, ensure_ascii=False))
        else:
            share = f"{done / total:.0%}" if total else amount(phase, done)
            left = "" if eta is None else f", {_clock(eta)} left"
            self._say(f"{phase} {name}: {share}, {amount(phase, speed)}/s{left}")


class ShowLog(logging.Handler):
    """Bring the library rooms' log to a person: warnings always, the rest as `Console.info`."""

    def __init__(self, console: Console) -> None:
        super().__init__(logging.INFO)
        self._console = console

    def emit(self, record: logging.LogRecord) -> None:
        """Show one record."""
        show = self._console.warn if record.levelno >= logging.WARNING else self._console.info
        show(record.getMessage())


def _is_terminal(stream: TextIO | None) -> bool:
    """Say whether a stream is a terminal; one that the parent closed is None."""
    return stream is not None and stream.isatty()


def amount(phase: str, value: float) -> str:
    """Write seconds of audio or bytes for people: `1.5 MB`, `12.0 s`."""
    if UNITS.get(phase) == "s":
        return f"{value:.1f} s"
    return size(value)


def size(count: float) -> str:
    """Write a number of bytes for people, in powers of 1000 as the hub does."""
    for unit in ("B", "kB", "MB"):
        if count < 1000:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.2f} GB"


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def _shorten(name: str, width: int = 32) -> str:
    return name if len(name) <= width else "…" + name[1 - width :]


def _bar(phase: str) -> "Progress":
    """Make a one-line bar: name, bar, position, speed and time left."""
    from rich.console import Console as Terminal
    from rich.progress import BarColumn, Progress, ProgressColumn, Task, TextColumn
    from rich.text import Text

    class Position(ProgressColumn):
        def render(self, task: Task) -> Text:
            if UNITS.get(phase) == "s":
                total = "?" if task.total is None else _clock(task.total)
                return Text(f"{_clock(task.completed)}/{total}")
            return Text(f"{size(task.completed)}/{size(task.total or 0)}")

    class Speed(ProgressColumn):
        def render(self, task: Task) -> Text:
            speed = task.finished_speed or task.speed or 0.0
            return Text(f"{speed:.1f}x" if UNITS.get(phase) == "s" else f"{size(speed)}/s")

    class Left(ProgressColumn):
        def render(self, task: Task) -> Text:
            left = task.time_remaining
            return Text("" if left is None else f"{_clock(left)} left")

    name = TextColumn("{task.description} {task.fields[phase]}", markup=False)
    columns: list[Any] = [name, BarColumn(24), Position(), Speed(), Left()]
    # stdout stays untouched: with stderr a terminal and stdout a file, rich would empty the file.
    return Progress(
        *columns,
        console=Terminal(stderr=True),
        auto_refresh=False,
        transient=True,
        redirect_stdout=False,
        redirect_stderr=False,
    )
