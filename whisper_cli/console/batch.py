"""Many inputs under way: how far the whole has come, in seconds of sound."""

import time
from collections.abc import Sequence

from whisper_cli.console.meter import Clock, Meter
from whisper_cli.console.moving import Record, Row
from whisper_cli.console.quantities import left, percent, position, rate, share
from whisper_cli.console.single import Single

_PHASE, _WINDOW = "batch", 60.0


class Batch:
    """What became of many inputs, see Moving; `sizes` are their bytes, 0 where they have none.

    An input is told by its number, its place among the sizes: names may look the same.
    How long an input is, is known once it is open; until then it is taken to hold as many seconds
    a byte as those that are known.
    """

    def __init__(self, sizes: Sequence[int], clock: Clock = time.monotonic) -> None:
        self._unknown = dict(enumerate(sizes))  # bytes of the inputs whose length isn't known
        self._unknown_bytes, self._known_bytes = sum(sizes), 0
        self._known_seconds = self._heard_seconds = 0.0
        self._heard: dict[int, float] = {}  # of the inputs under way
        self._left, self._done, self._failed = len(sizes), 0, 0
        self._clock, self._meter = clock, Meter(_WINDOW, clock)
        self.part = Single("transcribe", "", "", clock)
        self._current: int | None = None

    def hear(self, number: int, source: str, seconds: float, total: float | None) -> None:
        """Note how far the input called `source` has come."""
        if number != self._current:
            self.part, self._current = Single("transcribe", source, source, self._clock), number
        self.part.add(seconds, total)
        if total is not None:
            self._know(number, total)
        self._heard_seconds += seconds - self._heard.get(number, 0.0)
        self._heard[number] = seconds
        self._meter.add(self._heard_seconds)

    def finish(self, number: int, source: str, seconds: float, *, skipped: bool = False) -> None:
        """Note that an input is done, or was done before."""
        if not skipped:
            self.hear(number, source, seconds, seconds)
        self._end(number)
        self._done += 1

    def fail(self, number: int) -> None:
        """Note that an input failed; what was heard of it counts."""
        self._know(number, self._heard.get(number, 0.0))
        self._end(number)
        self._failed += 1

    def rows(self) -> list[Row]:
        """Return the input in work and the whole, see Moving."""
        now = self.record()
        details = rate("transcribe", now.speed), left(now.eta)
        where = position("transcribe", now.done, now.total)
        whole = Row(self._counts(), share(now.done, now.total), where, details)
        return [*(self.part.rows() if self._heard else []), whole]

    def line(self) -> str:
        """Say how the whole stands, see Moving."""
        now = self.record()
        how_far = percent(now.done, now.total) or position("transcribe", now.done, None)
        parts = self._counts(), how_far, rate("transcribe", now.speed), left(now.eta)
        return ", ".join(filter(None, parts))

    def record(self) -> Record:
        """Return how the whole stands, see Moving."""
        total = self._total()
        rest = None if total is None else total - self._heard_seconds
        done, speed = self._heard_seconds, self._meter.speed
        return Record(_PHASE, "", "", done, total, speed, self._meter.left(rest))

    def _counts(self) -> str:
        failed = f", {self._failed} failed" if self._failed else ""
        return f"{self._done} done{failed}, {self._left} left"

    def _total(self) -> float | None:
        if not self._unknown:
            return self._known_seconds
        if not self._known_bytes:
            return None
        guessed = self._unknown_bytes * self._known_seconds / self._known_bytes
        return max(self._heard_seconds, self._known_seconds + guessed)

    def _know(self, number: int, seconds: float) -> None:
        """Learn how long an input is, the first time it is said."""
        size = self._unknown.pop(number, None)
        if size is not None:
            self._unknown_bytes -= size
            self._known_bytes += size if seconds else 0
            self._known_seconds += seconds

    def _end(self, number: int) -> None:
        self._know(number, 0.0)
        self._heard.pop(number, None)
        self._left -= 1
