"""A pull under way: several files at once, and their sum."""

import time

from whisper_cli.console.file import File, details
from whisper_cli.console.meter import Clock, Meter
from whisper_cli.console.moving import Record, Row
from whisper_cli.console.quantities import duration, percent, position, share, size
from whisper_cli.download.progress import Phase, Progress


class Pull:
    """All files of a pull, in the order in which they started."""

    def __init__(self, name: str, clock: Clock = time.monotonic) -> None:
        self._name, self._clock, self._began = name, clock, clock()
        self._files: dict[str, File] = {}
        self._newest: File | None = None
        self._sources: dict[str, None] = {}
        self._meter = Meter(clock=clock)

    def add(self, event: Progress) -> None:
        """Note how one file stands now."""
        file = self._files.get(event.file)
        if file is None:
            file = File(event, self._clock)
        else:
            file.add(event)
        self._newest = file
        if event.phase is not Phase.publish:  # that one names the model
            self._files[event.file] = file
        if event.phase is Phase.download:
            self._sources |= dict.fromkeys(event.source.split(" + "))
            self._meter.add(self._received)

    def rows(self) -> list[Row]:
        """Return a line a file and, of several, their sum; see Moving."""
        rows = [file.row() for file in self._files.values()]
        return [*rows, self._sum()] if len(rows) > 1 else rows

    def line(self) -> str:
        """Say how the sum stands, see Moving."""
        now = self._total()
        parts = [percent(now.done, now.total), position(now.phase, now.done, now.total)]
        parts += details(now) if now.phase == Phase.download else [now.phase]
        return f"pull {self._name}: {', '.join(filter(None, map(str.strip, parts)))}"

    def record(self) -> Record:
        """Return how the file stands that moved last, see Moving."""
        return self._newest.record() if self._newest else self._total()

    def summary(self) -> str:
        """Say what came, how fast, and from where."""
        now, received, took = self._total(), self._received, self._clock() - self._began
        if not received:
            return f"{self._name}: nothing had to come"
        what = f"{size(received)} in {duration(took)}, {size(received / max(took, 1e-3))}/s"
        resumed = f", resumed {percent(now.resumed, now.total)}" if now.resumed else ""
        return f"{self._name}: {what}, from {now.source}{resumed}"

    @property
    def _received(self) -> int:
        return sum(file.received for file in self._files.values())

    def _sum(self) -> Row:
        now = self._total()
        says = details(now) if now.phase == Phase.download else ()
        where = position(now.phase, now.done, now.total)
        return Row(f"{self._name} total", share(now.done, now.total), where, says)

    def _total(self) -> Record:
        files = [file for file in self._files.values() if file.downloaded]
        coming = [file for file in files if file.coming]
        sizes, rests = [file.event.total for file in files], [file.rest for file in files]
        return Record(
            Phase.download if coming else Phase.verify,
            " + ".join(self._sources),
            self._name,
            sum(file.brought for file in files),
            _sum_of_known(sizes),
            self._meter.speed,
            self._meter.left(_sum_of_known(rests)),
            sum(file.event.connections for file in coming),
            sum(file.resumed for file in files),
        )


def _sum_of_known(sizes: list[int | None]) -> int | None:
    known = [size for size in sizes if size is not None]
    return sum(known) if len(known) == len(sizes) else None
