"""One file of a pull."""

import math

from whisper_cli.console.meter import Clock, Meter
from whisper_cli.console.moving import Record, Row
from whisper_cli.console.quantities import left, percent, position, rate, share
from whisper_cli.download.progress import Phase, Progress


class File:
    """What is known of a file; what is shown of it never falls, even where bytes come twice."""

    def __init__(self, first: Progress, clock: Clock) -> None:
        self.event = first
        self.brought = 0  # the most that was ever here
        self.received = 0  # what came over the wire
        self._at = math.inf  # where the download stood; one that fell starts from what it resumes
        self._done = 0
        self._meter = Meter(clock=clock)
        self.add(first)

    def add(self, event: Progress) -> None:
        """Note how it stands now."""
        same = event.phase is self.event.phase
        self._done = max(self._done, event.done) if same else event.done
        self.event = event
        if event.phase is Phase.download:
            start = self._at if event.done >= self._at else event.resumed
            self.received += max(event.done - int(start), 0)
            self.brought = max(self.brought, event.done)
            self._at = event.done
            self._meter.add(self.received)

    @property
    def downloaded(self) -> bool:
        """Tell whether it came by itself; what is unpacked from another file is only verified."""
        return self._at < math.inf

    @property
    def coming(self) -> bool:
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
        return max(self.brought - self.received, 0)

    def record(self) -> Record:
        """Return how its phase stands, for programs."""
        now = self.event
        return Record(
            now.phase.value,
            now.source,
            now.file,
            self._done,
            now.total,
            self._meter.speed if self.coming else None,
            self._meter.left(self.rest) if self.coming else None,
            now.connections,
            self.resumed,
        )

    def row(self) -> Row:
        """Return its line on a terminal; the bar stays full while the file is verified."""
        now = self.event
        done = self.brought if self.downloaded else self._done
        where = position(now.phase, done, now.total)
        return Row(now.file, share(done, now.total), where, self._details())

    def _details(self) -> tuple[str, ...]:
        if self.coming:
            return details(self.record())
        if self.event.phase is not Phase.verify:
            return ()
        ended = self.record().ended
        return ("verified" if ended else f"verifying {percent(self._done, self.event.total)}",)


def details(now: Record) -> tuple[str, ...]:
    """Say how a download goes, each part as wide as it mostly is, so that lines stay in line."""
    return (
        f"{rate(now.phase, now.speed):>9}",
        f"{left(now.eta):>9}",
        f"{now.connections} conn.".rjust(8) if now.connections else "",
        f"resumed {percent(now.resumed, now.total)}".strip() if now.resumed else "",
        now.source,
    )
