"""Windows of several inputs that wait for a worker: the oldest first, its like beside it."""

from dataclasses import dataclass

from whisper_cli.engine.draft import FRAMES_PER_SECOND
from whisper_cli.engine.islands import Island
from whisper_cli.engine.track import Track

MOST_SECONDS = 600.0  # of sound that wait: 38 MB
MOST_WINDOWS = 256
USUAL_FRAMES = 800  # a batch holds fewer of longer windows, since memory grows with both


@dataclass(frozen=True, slots=True)
class Waiting:
    """The window `number` of a track; windows of one count of `frames` are decoded together."""

    track: Track
    number: int
    island: Island
    frames: int

    @property
    def ready(self) -> bool:
        """Say whether its language is known, or it is the window that tells it."""
        return self.track.language is not None or self.number == self.track.teller


class Pool:
    """A bounded pool; not for several threads at once.

    `readers` inputs are read at once; 0 is a few, by the workers.
    """

    readers = 0

    def __init__(self, batch: int, workers: int) -> None:
        self._batch, self._workers = batch, workers
        self._waiting: list[Waiting] = []
        self._seconds = 0.0

    def has_room(self, track: Track) -> bool:
        """Say whether the reader of an input may go on: of one, a batch a worker is enough.

        Up to the window that tells its language it may: nothing of it is decoded before.
        """
        if track.language is None and track.windows <= track.teller:
            return True
        if self._seconds >= MOST_SECONDS or len(self._waiting) >= MOST_WINDOWS:
            return False
        usual = USUAL_FRAMES / FRAMES_PER_SECOND * self._batch * self._workers
        return sum(each.island.length for each in self._waiting if each.track is track) < usual

    def add(self, window: Waiting) -> None:
        """Take a window in."""
        self._waiting.append(window)
        self._seconds += window.island.length

    def take(self, *, last: bool) -> list[Waiting]:
        """Give a batch of windows of one length; where they are the `last`, workers share them.

        The first is the oldest one of the first input, so that cues come soon and in order.
        """
        ready = [each for each in self._waiting if each.ready]
        if not ready:
            return []
        ready.sort(key=lambda each: (each.track.number, each.number))
        alike = [each for each in ready if each.frames == ready[0].frames]
        fair = -(-len(alike) // self._workers) if last else self._batch
        room = max(1, self._batch * USUAL_FRAMES // max(1, ready[0].frames))
        chosen = alike[: min(self._batch, room, fair)]
        self._remove(chosen)
        return chosen

    def worked(self, batch: list[Waiting], seconds: float) -> None:
        """Take note that a worker is done with a batch, after so many seconds."""

    def shrink(self, failed: int, *, out_of_memory: bool) -> None:
        """Give smaller batches from now on, where memory was too small for `failed` windows."""
        if out_of_memory:
            self._batch = max(1, min(self._batch, failed // 2))

    def forget(self, track: Track) -> None:
        """Leave out what waits of a broken input."""
        self._remove([each for each in self._waiting if each.track is track])

    def _remove(self, chosen: list[Waiting]) -> None:
        gone = {id(each) for each in chosen}
        self._waiting = [each for each in self._waiting if id(each) not in gone]
        self._seconds = sum(each.island.length for each in self._waiting)
