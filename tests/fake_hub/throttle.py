"""How fast the wire is: token buckets for one connection and for the whole link, and latency."""

import threading
import time
from dataclasses import dataclass, field

SLICE_SECONDS = 0.02
UNLIMITED_SLICE = 4 << 20


class Bucket:
    """Bytes a second, in long-term average: a late taker is given back what it overslept."""

    def __init__(self, rate: float) -> None:
        self.rate = rate
        self._free_at = time.monotonic()
        self._lock = threading.Lock()

    def take(self, count: int) -> float:
        """Reserve `count` bytes and say how many seconds to wait before sending them."""
        with self._lock:
            now = time.monotonic()
            self._free_at = max(self._free_at, now - SLICE_SECONDS) + count / self.rate
            return self._free_at - now


@dataclass(frozen=True, slots=True)
class Link:
    """The network in front of the hub and its CDN: bytes a second, and seconds for each request."""

    per_connection: float | None = None
    total: float | None = None
    latency: float = 0
    shared: Bucket | None = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "shared", Bucket(self.total) if self.total else None)

    def connect(self) -> "Pace":
        """Start the accounts of a new connection."""
        own = Bucket(self.per_connection) if self.per_connection else None
        return Pace(tuple(bucket for bucket in (own, self.shared) if bucket))


@dataclass(frozen=True, slots=True)
class Pace:
    """The buckets that one stream of bytes draws from."""

    buckets: tuple[Bucket, ...] = ()

    def limited(self, rate: float | None) -> "Pace":
        return Pace((*self.buckets, Bucket(rate))) if rate else self

    @property
    def slice_size(self) -> int:
        """How much to send at once: 20 ms worth of the slowest bucket."""
        slowest = min((bucket.rate for bucket in self.buckets), default=None)
        if slowest is None:
            return UNLIMITED_SLICE
        return max(1, min(256 << 10, int(slowest * SLICE_SECONDS)))

    def take(self, count: int) -> float:
        return max((bucket.take(count) for bucket in self.buckets), default=0)
