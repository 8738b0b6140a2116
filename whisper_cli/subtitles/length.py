"""Cues that begin and end at one moment get time: players refuse them, or show nothing."""

from collections.abc import Iterable, Iterator
from dataclasses import replace

from whisper_cli.timestamps import to_units
from whisper_cli.transcript import Segment

SHORTEST = 0.5  # seconds that such a cue is shown for, where the next one leaves room


class MinimumLength:
    """Gives what has no length, counted in `ticks` a second, time up to the next cue.

    At most SHORTEST and at least a tick, even where the next cue begins at the same moment.
    """

    def __init__(self, ticks: int = 1000) -> None:
        self._ticks = ticks
        self._waiting: Segment | None = None

    def add(self, segment: Segment) -> Iterable[Segment]:
        """Take the next cue; one without length waits for the one after it."""
        if not segment.text.strip():
            return (segment,)
        found = [*self._released(segment.start)]
        if self._is_empty(segment):
            self._waiting = segment
        else:
            found.append(segment)
        return found

    def end(self, duration: float | None = None) -> Iterable[Segment]:  # noqa: ARG002
        """Give what waits; players don't mind that it ends after the sound."""
        return [*self._released(None)]

    def _is_empty(self, cue: Segment) -> bool:
        return to_units(cue.end, self._ticks) <= to_units(cue.start, self._ticks)

    def _released(self, following: float | None) -> Iterator[Segment]:
        if self._waiting is None:
            return
        cue, self._waiting = self._waiting, None
        start = to_units(cue.start, self._ticks)
        end = start + round(SHORTEST * self._ticks)
        if following is not None:
            end = min(end, max(start + 1, to_units(following, self._ticks)))
        yield replace(cue, start=start / self._ticks, end=end / self._ticks)


def with_length(segments: Iterable[Segment], ticks: int = 1000) -> Iterator[Segment]:
    """Give segments, each of them with a length."""
    stage = MinimumLength(ticks)
    for segment in segments:
        yield from stage.add(segment)
    yield from stage.end()
