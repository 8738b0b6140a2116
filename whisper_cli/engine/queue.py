"""Chunks of several inputs that wait for a worker: the oldest first, or each input in turn."""

from collections.abc import Iterator
from dataclasses import dataclass

from whisper_cli.engine.chunking import Chunk
from whisper_cli.engine.input_state import InputState
from whisper_cli.engine.result import FRAMES_PER_SECOND
from whisper_cli.transcript import DecodingOptions

MAX_SECONDS = 600.0  # of sound that wait: 38 MB
MAX_WINDOWS = 256
BATCH_FRAMES = 800  # a batch holds fewer of longer windows, since memory grows with both


@dataclass(frozen=True, slots=True)
class PendingChunk:
    """The window `number` of a track; windows of one count of `frames` are decoded together."""

    track: InputState
    number: int
    chunk: Chunk
    frames: int

    @property
    def ready(self) -> bool:
        """Say whether its language is known, or it is the window that tells it."""
        return self.track.language is not None or self.number == self.track.detection_chunk


class ChunkQueue:
    """A bounded pool; not for several threads at once.

    `reader_count` inputs are read at once; 0 is a few, by the workers.
    """

    reader_count = 0

    def __init__(self, batch: int, workers: int) -> None:
        self._batch, self._workers = batch, workers
        self._pending: list[PendingChunk] = []
        self._seconds = 0.0

    def has_room(self, track: InputState) -> bool:
        """Say whether the reader of an input may go on: of one, a batch a worker is enough.

        Up to the window that tells its language it may: nothing of it is decoded before.
        """
        if track.language is None and track.windows <= track.detection_chunk:
            return True
        if self._seconds >= MAX_SECONDS or len(self._pending) >= MAX_WINDOWS:
            return False
        batch_seconds = BATCH_FRAMES / FRAMES_PER_SECOND * self._batch * self._workers
        return (
            sum(item.chunk.length for item in self._pending if item.track is track) < batch_seconds
        )

    def add(self, window: PendingChunk) -> None:
        """Take a window in."""
        self._pending.append(window)
        self._seconds += window.chunk.length

    def take(self, *, last: bool) -> list[PendingChunk]:
        """Give a batch of windows of one length; where they are the `last`, workers share them.

        The first is the oldest one of the first input, so that cues come soon and in order.
        """
        ready = [item for item in self._pending if item.ready]
        if not ready:
            return []
        ready.sort(key=lambda item: (item.track.number, item.number))
        group = [item for item in ready if item.frames == ready[0].frames]
        fair = -(-len(group) // self._workers) if last else self._batch
        room = max(1, self._batch * BATCH_FRAMES // max(1, ready[0].frames))
        chosen = group[: min(self._batch, room, fair)]
        self._remove(chosen)
        return chosen

    def record(self, batch: list[PendingChunk], seconds: float) -> None:
        """Take note that a worker is done with a batch, after so many seconds."""

    def reduce(self, failed: int, *, out_of_memory: bool) -> None:
        """Give smaller batches from now on, where memory was too small for `failed` windows."""
        if out_of_memory:
            self._batch = max(1, min(self._batch, failed // 2))

    def discard(self, track: InputState) -> None:
        """Leave out what waits of a broken input."""
        self._remove([item for item in self._pending if item.track is track])

    def _remove(self, chosen: list[PendingChunk]) -> None:
        gone = {id(item) for item in chosen}
        self._pending = [item for item in self._pending if id(item) not in gone]
        self._seconds = sum(item.chunk.length for item in self._pending)


BACKLOG = 60.0  # seconds of one input that may wait: its reader rests, others get their room
SINGLE, SHARED = 1.5, 1.0  # seconds of work in a batch: who comes meanwhile waits that long


class FairQueue(ChunkQueue):
    """Serves the input first that got least, counted from when it came (start-time fair queueing).

    A newcomer starts where the others stand by now: it is next, and can't hold up for good those
    that have waited.
    """

    reader_count = 32  # what was read waits without one

    def __init__(self, batch: int, workers: int) -> None:
        super().__init__(batch, workers)
        self._clock = 0.0
        self._active = 0
        self._speed = 0.0  # seconds of windows a worker decodes in a second; 0: not measured yet

    def has_room(self, track: InputState) -> bool:
        """Say whether the reader of an input may go on: each has room of its own."""
        lengths = (item.chunk.length for item in self._pending if item.track is track)
        return sum(lengths) < BACKLOG

    def add(self, window: PendingChunk) -> None:
        """Take a window in."""
        if not any(item.track is window.track for item in self._pending):
            window.track.decoded_seconds = max(window.track.decoded_seconds, self._clock)
        super().add(window)

    def take(self, *, last: bool) -> list[PendingChunk]:  # noqa: ARG002 - there may always be more
        """Give a batch of windows of one length and like options, for about a second of work."""
        ready = sorted(self._turns(), key=lambda turn: turn[0])
        if not ready:
            return []
        first = ready[0][1]
        group = [item for _, item in ready if _kind(item) == _kind(first)]
        shares = -(-len(group) // max(1, self._workers - self._active))
        chosen = group[: max(1, min(self._batch, shares, self._room(first)))]
        # The clock runs as fast as each input's own share, so that ever new ones starve nobody.
        active = len({item.track.number for item in self._pending})
        given = sum(item.chunk.length for item in chosen)
        self._clock = max(self._clock, first.track.decoded_seconds) + given / active
        for item in chosen:
            item.track.decoded_seconds += item.chunk.length
        self._active += 1
        self._remove(chosen)
        return chosen

    def record(self, batch: list[PendingChunk], seconds: float) -> None:
        """Measure how fast workers are."""
        self._active -= 1
        speed = sum(item.frames for item in batch) / FRAMES_PER_SECOND / max(seconds, 1e-3)
        self._speed = speed if not self._speed else 0.7 * self._speed + 0.3 * speed

    def _room(self, first: PendingChunk) -> int:
        """Say how many windows are the work of about a second."""
        rest = any(item.track is not first.track for item in self._pending)
        seconds = self._speed * (SHARED if rest else SINGLE)
        return int(seconds * FRAMES_PER_SECOND / max(1, first.frames))

    def _turns(self) -> Iterator[tuple[tuple[float, int, int], PendingChunk]]:
        """Tell what each input would have got when it is the window's turn."""
        scheduled: dict[int, float] = {}
        for item in self._pending:
            if item.ready:
                before = scheduled.get(item.track.number, item.track.decoded_seconds)
                yield (before, -item.track.number, item.number), item
                scheduled[item.track.number] = before + item.chunk.length


def _kind(window: PendingChunk) -> tuple[int, DecodingOptions]:
    """Name what has to be the same in a batch: all but the language and how the sound was read."""
    return window.frames, window.track.kind
