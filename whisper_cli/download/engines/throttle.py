"""A limit on bytes a second that all connections share."""

import time
from threading import Event, Lock


class Throttle:
    """Let `rate` bytes a second through; None is no limit."""

    def __init__(self) -> None:
        self.rate: int | None = None
        self._free_at = 0.0
        self._lock = Lock()

    def take(self, count: int, stop: Event) -> None:
        """Account for bytes that came, and wait as long as they should have taken."""
        if not self.rate:
            return
        with self._lock:
            now = time.monotonic()
            self._free_at = max(self._free_at, now - 0.05) + count / self.rate
            wait = self._free_at - now
        if wait > 0:
            stop.wait(wait)
