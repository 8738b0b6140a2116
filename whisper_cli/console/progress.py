"""What is under way, as the displays see it: inputs, files, pulls and batches."""

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from whisper_cli.console.meter import Clock, SpeedEstimate
from whisper_cli.console.units import duration, left, percent, position, rate, share, size
from whisper_cli.download.types import Phase, Progress


@dataclass(frozen=True, slots=True)
class ProgressRow:
    """One line on a terminal; `share` is 0 to 1, None where the total isn't known.

    Of the details as many are shown as fit, from the first on.
    """

    name: str
    share: float | None
    position: str
    details: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ProgressRecord:
    """How one thing stands: a line of `--progress json`, by writers/schema/progress-1.json."""

    phase: str
    source: str
    file: str
    done: float
    total: float | None
    speed: float | None
    eta: float | None
    connections: int = 0
    resumed: int = 0

    @property
    def finished(self) -> bool:
        """Tell whether this phase is over."""
        return self.total is not None and self.done >= self.total


class ProgressView(Protocol):
    """Something under way."""

    def rows(self) -> Sequence[ProgressRow]:
        """Return the lines of a terminal, those that matter most last."""
        ...

    def line(self) -> str:
        """Say in one line how the whole stands."""
        ...

    def record(self) -> ProgressRecord:
        """Return how the part stands that moved last."""
        ...


_SINGLE_WINDOW = 60.0  # sound is decoded in leaps, a chunk of speech at a time


class SingleProgress:
    """How far one thing has come, in the unit of its phase."""

    def __init__(self, phase: str, name: str, source: str, clock: Clock = time.monotonic) -> None:
        self._phase, self._name, self._source = phase, name, source
        self._done = 0.0
        self._total: float | None = None
        self._speed_estimate = SpeedEstimate(_SINGLE_WINDOW, clock)

    def add(self, done: float, total: float | None) -> None:
        """Note how far it has come."""
        self._done, self._total = max(done, self._done), total
        self._speed_estimate.add(self._done)

    def rows(self) -> list[ProgressRow]:
        """Return its only row, see Moving."""
        now = self.record()
        details = rate(self._phase, now.speed), left(now.eta)
        where = position(self._phase, now.done, now.total)
        return [
            ProgressRow(f"{self._name} {self._phase}", share(now.done, now.total), where, details)
        ]

    def line(self) -> str:
        """Say how it stands, see Moving."""
        now = self.record()
        how_far = percent(now.done, now.total) or position(self._phase, now.done, None)
        parts = how_far, rate(self._phase, now.speed), left(now.eta)
        return f"{self._phase} {self._name}: {', '.join(filter(None, parts))}"

    def record(self) -> ProgressRecord:
        """Return how it stands, see Moving."""
        rest = None if self._total is None else self._total - self._done
        speed, eta = self._speed_estimate.speed, self._speed_estimate.left(rest)
        return ProgressRecord(
            self._phase, self._source, self._name, self._done, self._total, speed, eta
        )


class FileProgress:
    """What is known of a file; what is shown of it never falls, even where bytes come twice."""

    def __init__(self, first: Progress, clock: Clock) -> None:
        self.event = first
        self.largest = 0  # the most that was ever here
        self.fetched = 0  # what came over the wire
        self._at = math.inf  # where the download stood; one that fell starts from what it resumes
        self._done = 0
        self._speed_estimate = SpeedEstimate(clock=clock)
        self.add(first)

    def add(self, event: Progress) -> None:
        """Note how it stands now."""
        same = event.phase is self.event.phase
        self._done = max(self._done, event.done) if same else event.done
        self.event = event
        if event.phase is Phase.download:
            start = self._at if event.done >= self._at else event.resumed
            self.fetched += max(event.done - int(start), 0)
            self.largest = max(self.largest, event.done)
            self._at = event.done
            self._speed_estimate.add(self.fetched)

    @property
    def downloaded(self) -> bool:
        """Tell whether it came by itself; what is unpacked from another file is only verified."""
        return self._at < math.inf

    @property
    def active(self) -> bool:
        """Tell whether bytes of it are still to come."""
        rest = self.rest
        return rest is None or rest > 0

    @property
    def rest(self) -> int | None:
        """Return how many bytes are to come; None where that isn't known."""
        if self.event.phase is not Phase.download:
            return 0
        return None if self.event.total is None else max(self.event.total - self.event.done, 0)

    @property
    def resumed(self) -> int:
        """Return how many bytes were here before."""
        return max(self.largest - self.fetched, 0)

    def record(self) -> ProgressRecord:
        """Return how its phase stands, for programs."""
        now = self.event
        return ProgressRecord(
            now.phase.value,
            now.source,
            now.file,
            self._done,
            now.total,
            self._speed_estimate.speed if self.active else None,
            self._speed_estimate.left(self.rest) if self.active else None,
            now.connections,
            self.resumed,
        )

    def row(self) -> ProgressRow:
        """Return its line on a terminal; the bar stays full while the file is verified."""
        now = self.event
        done = self.largest if self.downloaded else self._done
        where = position(now.phase, done, now.total)
        return ProgressRow(now.file, share(done, now.total), where, self._details())

    def _details(self) -> tuple[str, ...]:
        if self.active:
            return details(self.record())
        if self.event.phase is not Phase.verify:
            return ()
        finished = self.record().finished
        return ("verified" if finished else f"verifying {percent(self._done, self.event.total)}",)


def details(now: ProgressRecord) -> tuple[str, ...]:
    """Say how a download goes, each part as wide as it mostly is, so that lines stay in line."""
    return (
        f"{rate(now.phase, now.speed):>9}",
        f"{left(now.eta):>9}",
        f"{now.connections} conn.".rjust(8) if now.connections else "",
        f"resumed {percent(now.resumed, now.total)}".strip() if now.resumed else "",
        now.source,
    )


_PHASE, _WINDOW = "batch", 60.0


class BatchProgress:
    """What became of many inputs, see Moving; `sizes` are their bytes, 0 where they have none.

    An input is told by its number, its place among the sizes: names may look the same.
    How long an input is, is known once it is open; until then it is taken to hold as many seconds
    a byte as those that are known.
    """

    def __init__(self, sizes: Sequence[int], clock: Clock = time.monotonic) -> None:
        self._unknown = dict(enumerate(sizes))  # bytes of the inputs whose length isn't known
        self._unknown_bytes, self._known_bytes = sum(sizes), 0
        self._known_seconds = self._processed_seconds = 0.0
        self._processed: dict[int, float] = {}  # of the inputs under way
        self._left, self._done, self._failed = len(sizes), 0, 0
        self._clock, self._speed_estimate = clock, SpeedEstimate(_WINDOW, clock)
        self.part = SingleProgress("transcribe", "", "", clock)
        self._current: int | None = None

    def update(self, number: int, source: str, seconds: float, total: float | None) -> None:
        """Note how far the input called `source` has come."""
        if number != self._current:
            self.part, self._current = (
                SingleProgress("transcribe", source, source, self._clock),
                number,
            )
        self.part.add(seconds, total)
        if total is not None:
            self._add_known(number, total)
        self._processed_seconds += seconds - self._processed.get(number, 0.0)
        self._processed[number] = seconds
        self._speed_estimate.add(self._processed_seconds)

    def finish(self, number: int, source: str, seconds: float, *, skipped: bool = False) -> None:
        """Note that an input is done, or was done before."""
        if not skipped:
            self.update(number, source, seconds, seconds)
        self._end(number)
        self._done += 1

    def fail(self, number: int) -> None:
        """Note that an input failed; what was heard of it counts."""
        self._add_known(number, self._processed.get(number, 0.0))
        self._end(number)
        self._failed += 1

    def rows(self) -> list[ProgressRow]:
        """Return the input in work and the whole, see Moving."""
        now = self.record()
        details = rate("transcribe", now.speed), left(now.eta)
        where = position("transcribe", now.done, now.total)
        whole = ProgressRow(self._counts(), share(now.done, now.total), where, details)
        return [*(self.part.rows() if self._processed else []), whole]

    def line(self) -> str:
        """Say how the whole stands, see Moving."""
        now = self.record()
        how_far = percent(now.done, now.total) or position("transcribe", now.done, None)
        parts = self._counts(), how_far, rate("transcribe", now.speed), left(now.eta)
        return ", ".join(filter(None, parts))

    def record(self) -> ProgressRecord:
        """Return how the whole stands, see Moving."""
        total = self._total()
        rest = None if total is None else total - self._processed_seconds
        done, speed = self._processed_seconds, self._speed_estimate.speed
        return ProgressRecord(_PHASE, "", "", done, total, speed, self._speed_estimate.left(rest))

    def _counts(self) -> str:
        failed = f", {self._failed} failed" if self._failed else ""
        return f"{self._done} done{failed}, {self._left} left"

    def _total(self) -> float | None:
        if not self._unknown:
            return self._known_seconds
        if not self._known_bytes:
            return None
        guessed = self._unknown_bytes * self._known_seconds / self._known_bytes
        return max(self._processed_seconds, self._known_seconds + guessed)

    def _add_known(self, number: int, seconds: float) -> None:
        """Learn how long an input is, the first time it is said."""
        size = self._unknown.pop(number, None)
        if size is not None:
            self._unknown_bytes -= size
            self._known_bytes += size if seconds else 0
            self._known_seconds += seconds

    def _end(self, number: int) -> None:
        self._add_known(number, 0.0)
        self._processed.pop(number, None)
        self._left -= 1


class PullProgress:
    """All files of a pull, in the order in which they started."""

    def __init__(self, name: str, clock: Clock = time.monotonic) -> None:
        self._name, self._clock, self._started_at = name, clock, clock()
        self._files: dict[str, FileProgress] = {}
        self._newest: FileProgress | None = None
        self._sources: dict[str, None] = {}
        self._speed_estimate = SpeedEstimate(clock=clock)

    def add(self, event: Progress) -> None:
        """Note how one file stands now."""
        file = self._files.get(event.file)
        if file is None:
            file = FileProgress(event, self._clock)
        else:
            file.add(event)
        self._newest = file
        if event.phase is not Phase.publish:  # that one names the model
            self._files[event.file] = file
        if event.phase is Phase.download:
            self._sources |= dict.fromkeys(event.source.split(" + "))
            self._speed_estimate.add(self._fetched)

    def rows(self) -> list[ProgressRow]:
        """Return a line a file and, of several, their sum; see Moving."""
        rows = [file.row() for file in self._files.values()]
        return [*rows, self._sum()] if len(rows) > 1 else rows

    def line(self) -> str:
        """Say how the sum stands, see Moving."""
        now = self._total()
        parts = [percent(now.done, now.total), position(now.phase, now.done, now.total)]
        parts += details(now) if now.phase == Phase.download else [now.phase]
        return f"pull {self._name}: {', '.join(filter(None, map(str.strip, parts)))}"

    def record(self) -> ProgressRecord:
        """Return how the file stands that moved last, see Moving."""
        return self._newest.record() if self._newest else self._total()

    def summary(self) -> str:
        """Say what came, how fast, and from where."""
        now, fetched, took = self._total(), self._fetched, self._clock() - self._started_at
        if not fetched:
            return f"{self._name}: nothing had to come"
        what = f"{size(fetched)} in {duration(took)}, {size(fetched / max(took, 1e-3))}/s"
        resumed = f", resumed {percent(now.resumed, now.total)}" if now.resumed else ""
        return f"{self._name}: {what}, from {now.source}{resumed}"

    @property
    def _fetched(self) -> int:
        return sum(file.fetched for file in self._files.values())

    def _sum(self) -> ProgressRow:
        now = self._total()
        says = details(now) if now.phase == Phase.download else ()
        where = position(now.phase, now.done, now.total)
        return ProgressRow(f"{self._name} total", share(now.done, now.total), where, says)

    def _total(self) -> ProgressRecord:
        files = [file for file in self._files.values() if file.downloaded]
        active = [file for file in files if file.active]
        sizes, rests = [file.event.total for file in files], [file.rest for file in files]
        return ProgressRecord(
            Phase.download if active else Phase.verify,
            " + ".join(self._sources),
            self._name,
            sum(file.largest for file in files),
            _sum_of_known(sizes),
            self._speed_estimate.speed,
            self._speed_estimate.left(_sum_of_known(rests)),
            sum(file.event.connections for file in active),
            sum(file.resumed for file in files),
        )


def _sum_of_known(sizes: list[int | None]) -> int | None:
    known = [size for size in sizes if size is not None]
    return sum(known) if len(known) == len(sizes) else None
