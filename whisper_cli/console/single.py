"""One thing under way: an input that is transcribed, a file that is verified."""

import time

from whisper_cli.console.meter import Clock, Meter
from whisper_cli.console.moving import Record, Row
from whisper_cli.console.quantities import left, percent, position, rate, share

_WINDOW = 60.0  # sound is decoded in leaps, an island of speech at a time


class Single:
    """How far one thing has come, in the unit of its phase."""

    def __init__(self, phase: str, name: str, source: str, clock: Clock = time.monotonic) -> None:
        self._phase, self._name, self._source = phase, name, source
        self._done = 0.0
        self._total: float | None = None
        self._meter = Meter(_WINDOW, clock)

    def add(self, done: float, total: float | None) -> None:
        """Note how far it has come."""
        self._done, self._total = max(done, self._done), total
        self._meter.add(self._done)

    def rows(self) -> list[Row]:
        """Return its only row, see Moving."""
        now = self.record()
        details = rate(self._phase, now.speed), left(now.eta)
        where = position(self._phase, now.done, now.total)
        return [Row(f"{self._name} {self._phase}", share(now.done, now.total), where, details)]

    def line(self) -> str:
        """Say how it stands, see Moving."""
        now = self.record()
        how_far = percent(now.done, now.total) or position(self._phase, now.done, None)
        parts = how_far, rate(self._phase, now.speed), left(now.eta)
        return f"{self._phase} {self._name}: {', '.join(filter(None, parts))}"

    def record(self) -> Record:
        """Return how it stands, see Moving."""
        rest = None if self._total is None else self._total - self._done
        speed, eta = self._meter.speed, self._meter.left(rest)
        return Record(self._phase, self._source, self._name, self._done, self._total, speed, eta)
