"""Progress as lines: a few for a log, many for a program."""

import json
import time
from collections.abc import Callable
from dataclasses import asdict

from whisper_cli.console.meter import Clock
from whisper_cli.console.moving import Moving, Record
from whisper_cli.console.pace import Pace

Write = Callable[[str], None]

_PLAIN_EVERY = 5.0
_JSON_EVERY = 0.2


class PlainLines:
    """A line every few seconds, and the last one."""

    def __init__(self, write: Write, clock: Clock = time.monotonic) -> None:
        self._write = write
        self._pace = Pace(_PLAIN_EVERY, clock)
        self._pace.due()
        self._held: Moving | None = None

    def show(self, moving: Moving) -> None:
        """Write how the whole stands, if it is time."""
        self._held = moving
        if self._pace.due():
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
        self._pace = Pace(_JSON_EVERY, clock)
        self._held: dict[str, Record] = {}
        self._ended: dict[str, str] = {}  # file -> the phase whose end was told

    def show(self, moving: Moving) -> None:
        """Write how the part stands that moved last, if it is time or its phase is over."""
        record = moving.record()
        if record.ended and self._ended.get(record.file) == record.phase:
            return
        self._held[record.file] = record
        if record.ended:
            self._ended[record.file] = record.phase
        if self._pace.due(record.file) or record.ended:
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
