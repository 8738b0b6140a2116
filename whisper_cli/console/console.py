"""What people see: messages, bars and tables; the only user of rich.

Data goes to stdout, everything else to stderr.
"""

import errno
import json
import logging
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Protocol, TextIO

from whisper_cli.choices import ProgressMode
from whisper_cli.console.displays import Bars, JsonLines, PlainLines
from whisper_cli.console.progress import BatchProgress, ProgressView, PullProgress, SingleProgress
from whisper_cli.console.units import size
from whisper_cli.decisions import fields_of, leave, listen
from whisper_cli.download.types import Progress
from whisper_cli.errors import OutputError, WhisperError, traceback_of
from whisper_cli.signals import CLOSED_PIPE, Stopped

if TYPE_CHECKING:
    from rich.console import Console as Terminal

__all__ = ["BatchProgress", "Console", "ConsoleLogHandler", "size"]

_BATCH = "batch"
# A name or a stranger's answer may hold what would steer the terminal, or begin a line of its own.
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029]")


class Display(Protocol):
    """A way to show what moves."""

    def show(self, view: ProgressView) -> None:
        """Show how it stands, if that is due."""
        ...

    def clear(self) -> None:
        """Leave the line clean until the next `show`."""
        ...

    def finish(self, summary: str = "") -> None:
        """End; there is a summary where all went well."""
        ...


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
    """Data on stdout, messages and bars on stderr; on a terminal they never mix."""

    def __init__(self) -> None:
        self._terminal: Terminal | None = None
        self._display: Display | None = None
        self._single: SingleProgress | None = None
        self._key = ("", "")
        self._handler = ConsoleLogHandler(self)
        self.configure(ProgressMode.auto)

    def configure(
        self,
        mode: ProgressMode,
        *,
        quiet: bool = False,
        verbose: bool = False,
        log_json: bool = False,
    ) -> None:
        """Choose what is shown; until then errors and warnings are, and bars on a terminal.

        With `log_json` messages are lines of JSON, and bars are left out.
        """
        shown = _is_terminal(sys.stderr) and not quiet
        hidden = log_json or not shown
        self._mode = ProgressMode.none if mode is ProgressMode.auto and hidden else mode
        self._quiet = quiet
        self._is_verbose = verbose or shown
        self._log_json = log_json

    def listen(self, level: int) -> None:
        """Show the log from a level on, until `leave`."""
        listen(self._handler, level)

    def leave(self) -> None:
        """Show no more of the log."""
        leave(self._handler)

    def write(self, data: str) -> None:
        """Write data to stdout at once, above the bars where both are one terminal."""
        if _is_terminal(sys.stdout):
            self.clear()
        write(data)

    def colorful(self) -> bool:
        """Tell whether stdout shows colours: a terminal, or FORCE_COLOR, and no NO_COLOR."""
        from rich.console import Console as Terminal

        stdout = Terminal()
        return stdout.color_system is not None and not stdout.no_color

    def write_json(self, value: object) -> None:
        """Print a value as JSON, for programs and for people."""
        self.write(json.dumps(value, ensure_ascii=False, indent=2) + "\n")

    def table(self, headings: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
        """Print a table on a terminal, tab-separated columns without headings in a pipe."""
        if not _is_terminal(sys.stdout):
            plain = (
                [cell.replace("\n", "\\n").replace("\t", "\\t") for cell in row] for row in rows
            )
            self.write("".join("\t".join(row) + "\n" for row in plain))
            return
        from rich.console import Console as Terminal
        from rich.table import Table

        view = Table(*headings, box=None, pad_edge=False, header_style="bold")
        for row in rows:
            view.add_row(*row)
        Terminal().print(view, soft_wrap=True)

    def error(self, error: WhisperError, about: str = "") -> None:
        """Report a failure: what, of which input, and what to do next."""
        if self._log_json:
            known = {"input": about, "hint": error.hint}
            self._record(
                "error", error.message, {name: item for name, item in known.items() if item}
            )
            return
        prefix = f"error: {about}: " if about else "error: "
        self._print(prefix + error.message, style="red")
        if error.hint:
            self._print(f"hint: {error.hint}")

    def failure(self, error: WhisperError, of: str) -> None:
        """Report what failed of several things, by its name where the message leaves it out."""
        self.error(error, "" if of in error.message else of)

    def warn(self, message: str) -> None:
        """Report something that a person should know and that stops nothing."""
        if not self._quiet and self._log_json:
            self._record("warning", message)
        elif not self._quiet:
            self._print(f"warning: {message}", style="yellow")

    def info(self, message: str) -> None:
        """Report what happened, to a person only: not in a pipe, unless -v asks."""
        if self._is_verbose and self._log_json:
            self._record("info", message)
        elif self._is_verbose:
            self._print(message)

    def log(self, line: str) -> None:
        """Write a line of a server's log, whoever reads it; -q leaves it out."""
        if not self._quiet:
            self._print(line)

    def record(self, record: logging.LogRecord) -> None:
        """Show a record of the log: warnings always, others to a person and where -v asks."""
        is_warning = record.levelno >= logging.WARNING
        if self._quiet if is_warning else not self._is_verbose:
            return
        trace = traceback_of(record)
        if self._log_json:
            fields = {**fields_of(record), **({"traceback": trace} if trace else {})}
            self._record(record.levelname.lower(), record.getMessage(), fields)
            return
        show = self.warn if is_warning else self.info
        show(record.getMessage())
        for line in trace.splitlines():
            self.log(f"  {line}")

    def clear(self) -> None:
        """Take the bars off, so that stdout may write to the same terminal."""
        if self._display is not None:
            self._display.clear()

    def progress(
        self, phase: str, name: str, done: float, total: float | None, source: str
    ) -> None:
        """Show how far one thing has come: `done` of `total` (None: unknown), bytes or seconds."""
        if self._single is None or self._key != (phase, name):
            self._begin()
            self._single, self._key = SingleProgress(phase, name, source), (phase, name)
        self._single.add(done, total)
        self._show(self._single)

    def batch(self, batch: BatchProgress) -> None:
        """Show how far many inputs have come; for programs, the one in work too."""
        if self._key != (_BATCH, ""):
            self._begin()
            self._key = (_BATCH, "")
        if self._mode is ProgressMode.json:
            self._show(batch.part)
        self._show(batch)

    def pull(self, name: str, events: Iterable[Progress]) -> None:
        """Show a pull until its events end, then say what came; an error passes through."""
        self._begin()
        if self._mode is ProgressMode.plain:
            self._print(f"pull {name}: started")
        pull, summary = PullProgress(name), ""
        try:
            for event in events:
                pull.add(event)
                self._show(pull)
            summary = pull.summary()
        finally:
            self.finish(summary)
        if self._mode in (ProgressMode.auto, ProgressMode.none):
            self.info(summary)

    def finish(self, summary: str = "") -> None:
        """End what is shown, if anything, and leave the line clean."""
        if self._display is not None:
            self._display.finish(summary)
        self._display = self._single = None
        self._key = ("", "")

    def _begin(self) -> None:
        self.finish()
        if self._mode is ProgressMode.auto:
            self._display = Bars(self._stderr())
        elif self._mode is ProgressMode.plain:
            self._display = PlainLines(self._print)
        elif self._mode is ProgressMode.json:
            self._display = JsonLines(self._print)

    def _show(self, view: ProgressView) -> None:
        if self._display is not None:
            self._display.show(view)

    def _record(self, level: str, message: str, fields: Mapping[str, object] | None = None) -> None:
        """Write a message and what belongs to it as a line of JSON."""
        reported = {"level": level, "message": message, **(fields or {})}
        self._print(json.dumps(reported, default=str))

    def _print(self, text: str, style: str = "") -> None:
        """Write a line to stderr, its first word in `style`; above the bars, if there are any."""
        if sys.stderr is None:
            return
        text = _CONTROL.sub("\N{REPLACEMENT CHARACTER}", text.replace("\n", "\\n"))
        if _is_terminal(sys.stderr) and (style or isinstance(self._display, Bars)):
            from rich.text import Text

            line = Text(text)
            line.stylize(style, 0, len(text.partition(":")[0]))
            self._stderr().print(line, soft_wrap=True)
        else:
            with suppress(OSError):  # a reader of the log that left stops nothing
                sys.stderr.write(text.encode("utf-8", "replace").decode() + "\n")
                sys.stderr.flush()

    def _stderr(self) -> "Terminal":
        """Return the one view of stderr, which keeps messages and bars apart."""
        if self._terminal is None:
            from rich.console import Console as Terminal

            self._terminal = Terminal(stderr=True)
        return self._terminal


class ConsoleLogHandler(logging.Handler):
    """Bring the log to a person or a program; what is logged at all is the logger's to say."""

    def __init__(self, console: Console) -> None:
        super().__init__()
        self._console = console

    def emit(self, record: logging.LogRecord) -> None:
        """Show one record."""
        self._console.record(record)


def _is_terminal(stream: TextIO | None) -> bool:
    """Say whether a stream is a terminal; one that the parent closed is None."""
    return stream is not None and stream.isatty()
