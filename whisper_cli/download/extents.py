"""Which bytes of a file are there: disjoint stretches in order."""

from bisect import bisect_left
from collections.abc import Iterable, Iterator


class Extents:
    """Half-open stretches of bytes, merged where they touch."""

    def __init__(self, spans: Iterable[tuple[int, int]] = ()) -> None:
        self._spans: list[tuple[int, int]] = []
        self.total = 0
        for start, end in spans:
            self.add(start, end)

    def __iter__(self) -> Iterator[tuple[int, int]]:
        return iter(self._spans)

    @property
    def front(self) -> int:
        """The end of what is there from byte 0 on without a gap."""
        return self._spans[0][1] if self._spans and self._spans[0][0] == 0 else 0

    def add(self, start: int, end: int) -> None:
        """Note that the bytes from `start` to `end` are there."""
        if start >= end:
            return
        first = last = bisect_left(self._spans, start, key=lambda span: span[1])
        while last < len(self._spans) and self._spans[last][0] <= end:
            start = min(start, self._spans[last][0])
            end = max(end, self._spans[last][1])
            last += 1
        self.total += end - start - sum(b - a for a, b in self._spans[first:last])
        self._spans[first:last] = [(start, end)]

    def gaps(self, size: int) -> Iterator[tuple[int, int]]:
        """Yield what is missing of the first `size` bytes, in order."""
        at = 0
        for start, end in self._spans:
            if start > at:
                yield at, min(start, size)
            at = max(at, end)
        if at < size:
            yield at, size

    def without(self, holes: Iterable[tuple[int, int]]) -> "Extents":
        """Return these extents less the stretches in `holes`."""
        size = self._spans[-1][1] if self._spans else 0
        missing = Extents([*self.gaps(size), *holes])
        return Extents(missing.gaps(size))


def cut(spans: Iterable[tuple[int, int]], size: int) -> Iterator[tuple[int, int]]:
    """Cut stretches at the multiples of `size`."""
    for start, end in spans:
        at = start
        while at < end:
            edge = min(end, (at // size + 1) * size)
            yield at, edge
            at = edge
