"""The segments of several channels brought into one order of time, while they come."""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from whisper_cli.transcript import Segment

TOLERANCE = 1.0  # seconds: what is further apart is not said at once

Clean = Callable[[int, Segment, Sequence[tuple[int, Segment]]], Segment | None]
"""Looks at a lane's segment beside those of the other lanes at that time; None drops it."""


@dataclass(slots=True)
class _ChannelState:
    pending: deque[Segment] = field(default_factory=deque)
    written: deque[Segment] = field(default_factory=deque)
    reached: float = 0.0  # seconds before which nothing more begins


class SegmentMerge:
    """Gives segments by their start as soon as nothing earlier can come, on whatever lane.

    A segment waits until the other lanes are told up to its end, no longer. What two say at once
    stays two segments.
    """

    def __init__(self, channel_states: int, clean: Clean) -> None:
        self._channel_states = [_ChannelState() for _ in range(channel_states)]
        self._clean = clean

    def add(self, channel_state: int, segment: Segment) -> Iterator[Segment]:
        """Take the next segment of a lane."""
        self._channel_states[channel_state].pending.append(segment)
        return self.passed(channel_state, segment.start)

    def passed(self, channel_state: int, seconds: float) -> Iterator[Segment]:
        """Take note that a lane is told up to there; infinity is its end."""
        self._channel_states[channel_state].reached = max(
            self._channel_states[channel_state].reached, seconds
        )
        while (first := self._first()) is not None:
            segment = self._channel_states[first].pending.popleft()
            self._channel_states[first].written.append(segment)
            self._discard(segment.start - TOLERANCE)
            cleaned = self._clean(first, segment, list(self._overlapping(first, segment)))
            if cleaned is not None:
                yield cleaned

    def _first(self) -> int | None:
        """Find the lane whose next segment is next of all, and sure to be."""
        heads = [
            (channel_state.pending[0].start, number)
            for number, channel_state in enumerate(self._channel_states)
            if channel_state.pending
        ]
        if not heads:
            return None
        _, first = min(heads)
        end = self._channel_states[first].pending[0].end + TOLERANCE
        rest = (
            channel_state
            for number, channel_state in enumerate(self._channel_states)
            if number != first
        )
        return first if all(channel_state.reached >= end for channel_state in rest) else None

    def _overlapping(self, first: int, segment: Segment) -> Iterator[tuple[int, Segment]]:
        """Give what other lanes say at the time of a segment."""
        for number, channel_state in enumerate(self._channel_states):
            if number != first:
                for item in (*channel_state.written, *channel_state.pending):
                    if (
                        item.start < segment.end + TOLERANCE
                        and item.end > segment.start - TOLERANCE
                    ):
                        yield number, item

    def _discard(self, before: float) -> None:
        for channel_state in self._channel_states:
            while channel_state.written and channel_state.written[0].end < before:
                channel_state.written.popleft()
