"""When things are heard: what containers say about time, and what follows what."""

from whisper_cli.audio.blocks import Chunk


class Clock:
    """Says when a frame starts: at the end of the one before, unless the container names a gap.

    `origin` is the container's time at which the input's own begins. Jumps of more than ten
    minutes, or back, are taken for mistakes: what follows is counted from there.
    """

    def __init__(self, origin: float) -> None:
        self._origin = origin
        self.end = 0.0

    def start(self, named: float | None) -> float:
        """Place a frame by the time that the container names for it, in seconds."""
        if named is None:
            return self.end
        gap = named - self._origin - self.end
        if 0.2 <= gap <= 600:
            return self.end + gap
        if abs(gap) >= 0.2:
            self._origin += gap
        return self.end


class Run:
    """A key for groupby: the same while chunks of one shape follow each other, for some seconds."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._shape = (0, 0)
        self._start = self._end = 0.0

    def __call__(self, chunk: Chunk) -> float:
        """Give the start of the run that a chunk belongs to."""
        shape = (chunk.rate, chunk.channels)
        within = chunk.end - self._start <= self._seconds
        if shape != self._shape or not within or not chunk.follows(self._end):
            self._shape, self._start = shape, chunk.start
        self._end = chunk.end
        return self._start
