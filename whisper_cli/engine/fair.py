"""A pool in which inputs take turns by the second of sound, and batches last about a second."""

from collections.abc import Iterator

from whisper_cli.engine.draft import FRAMES_PER_SECOND
from whisper_cli.engine.pool import Pool, Waiting
from whisper_cli.engine.track import Track
from whisper_cli.transcript import Options

BACKLOG = 60.0  # seconds of one input that may wait: its reader rests, others get their room
ALONE, SHARED = 1.5, 1.0  # seconds of work in a batch: who comes meanwhile waits that long


class FairPool(Pool):
    """Serves the input first that got least, counted from when it came (start-time fair queueing).

    A newcomer starts where the others stand by now: it is next, and can't hold up for good those
    that have waited.
    """

    readers = 32  # what was read waits without one

    def __init__(self, batch: int, workers: int) -> None:
        super().__init__(batch, workers)
        self._clock = 0.0
        self._busy = 0
        self._pace = 0.0  # seconds of windows a worker decodes in a second; 0: not measured yet

    def has_room(self, track: Track) -> bool:
        """Say whether the reader of an input may go on: each has room of its own."""
        mine = (each.island.length for each in self._waiting if each.track is track)
        return sum(mine) < BACKLOG

    def add(self, window: Waiting) -> None:
        """Take a window in."""
        if not any(each.track is window.track for each in self._waiting):
            window.track.served = max(window.track.served, self._clock)
        super().add(window)

    def take(self, *, last: bool) -> list[Waiting]:  # noqa: ARG002 - there may always be more
        """Give a batch of windows of one length and like options, for about a second of work."""
        ready = sorted(self._turns(), key=lambda turn: turn[0])
        if not ready:
            return []
        first = ready[0][1]
        alike = [each for _, each in ready if _kind(each) == _kind(first)]
        shares = -(-len(alike) // max(1, self._workers - self._busy))
        chosen = alike[: max(1, min(self._batch, shares, self._room(first)))]
        # The clock runs as fast as each input's own share, so that ever new ones starve nobody.
        active = len({each.track.number for each in self._waiting})
        given = sum(each.island.length for each in chosen)
        self._clock = max(self._clock, first.track.served) + given / active
        for each in chosen:
            each.track.served += each.island.length
        self._busy += 1
        self._remove(chosen)
        return chosen

    def worked(self, batch: list[Waiting], seconds: float) -> None:
        """Measure how fast workers are."""
        self._busy -= 1
        pace = sum(each.frames for each in batch) / FRAMES_PER_SECOND / max(seconds, 1e-3)
        self._pace = pace if not self._pace else 0.7 * self._pace + 0.3 * pace

    def _room(self, first: Waiting) -> int:
        """Say how many windows are the work of about a second."""
        others = any(each.track is not first.track for each in self._waiting)
        seconds = self._pace * (SHARED if others else ALONE)
        return int(seconds * FRAMES_PER_SECOND / max(1, first.frames))

    def _turns(self) -> Iterator[tuple[tuple[float, int, int], Waiting]]:
        """Tell what each input would have got when it is the window's turn."""
        ahead: dict[int, float] = {}
        for each in self._waiting:
            if each.ready:
                before = ahead.get(each.track.number, each.track.served)
                yield (before, -each.track.number, each.number), each
                ahead[each.track.number] = before + each.island.length


def _kind(window: Waiting) -> tuple[int, Options]:
    """Name what has to be the same in a batch: all but the language and how the sound was read."""
    return window.frames, window.track.kind
