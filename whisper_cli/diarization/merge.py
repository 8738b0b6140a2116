"""The segments of several channels brought into one order of time, while they come."""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from whisper_cli.transcript import Segment

SLACK = 1.0  # seconds: what is further apart is not said at once

Clean = Callable[[int, Segment, Sequence[tuple[int, Segment]]], Segment | None]
"""Looks at a lane's segment beside those of the other lanes at that time; None drops it."""


@dataclass(slots=True)
class _ChannelState:
    waiting: deque[Segment] = field(default_factory=deque)
    said: deque[Segment] = field(default_factory=deque)
    reached: float = 0.0  # seconds before which nothing more begins


class SegmentMerge:
    """Gives segments by their start as soon as nothing earlier can come, on whatever lane.

    A segment waits until the other lanes are told up to its end, no longer. What two say at once
    stays two segments.
    """

    def __init__(self, lanes: int, clean: Clean) -> None:
        self._lanes = [_ChannelState() for _ in range(lanes)]
        self._clean = clean

    def add(self, lane: int, segment: Segment) -> Iterator[Segment]:
        """Take the next segment of a lane."""
        self._lanes[lane].waiting.append(segment)
        return self.passed(lane, segment.start)

    def passed(self, lane: int, seconds: float) -> Iterator[Segment]:
        """Take note that a lane is told up to there; infinity is its end."""
        self._lanes[lane].reached = max(self._lanes[lane].reached, seconds)
        while (first := self._first()) is not None:
            segment = self._lanes[first].waiting.popleft()
            self._lanes[first].said.append(segment)
            self._forget(segment.start - SLACK)
            cleaned = self._clean(first, segment, list(self._beside(first, segment)))
            if cleaned is not None:
                yield cleaned

    def _first(self) -> int | None:
        """Find the lane whose next segment is next of all, and sure to be."""
        heads = [
            (lane.waiting[0].start, number)
            for number, lane in enumerate(self._lanes)
            if lane.waiting
        ]
        if not heads:
            return None
        _, first = min(heads)
        end = self._lanes[first].waiting[0].end + SLACK
        others = (lane for number, lane in enumerate(self._lanes) if number != first)
        return first if all(lane.reached >= end for lane in others) else None

    def _beside(self, first: int, segment: Segment) -> Iterator[tuple[int, Segment]]:
        """Give what other lanes say at the time of a segment."""
        for number, lane in enumerate(self._lanes):
            if number != first:
                for each in (*lane.said, *lane.waiting):
                    if each.start < segment.end + SLACK and each.end > segment.start - SLACK:
                        yield number, each

    def _forget(self, before: float) -> None:
        for lane in self._lanes:
            while lane.said and lane.said[0].end < before:
                lane.said.popleft()
