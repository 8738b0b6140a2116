"""How many connections: more as long as more of them bring more."""

import time

_FIRST, _MOST, _WINDOW, _GAIN = 4, 16, 0.6, 1.1


class Ramp:
    """Four, and four more while throughput rises by a tenth, up to sixteen; or a fixed number."""

    def __init__(self, fixed: int | None) -> None:
        self.wanted = fixed or _FIRST
        self.most = fixed or _MOST
        self._best = 0.0
        self._idle = 0
        self._seen: tuple[float, int] | None = None

    def tick(self, done: int) -> None:
        """Look at the clock and at the bytes that are there; the first call starts the clock."""
        now = time.monotonic()
        since, before = self._seen or (now, done)
        if self._seen and now - since < _WINDOW:
            return
        self._seen = (now, done)
        if now == since or self.wanted >= self.most or self._idle >= 2:
            return
        rate = (done - before) / (now - since)
        rose = rate > self._best * _GAIN
        self._idle = 0 if rose else self._idle + 1
        self._best = max(self._best, rate)
        self.wanted = min(self.most, self.wanted + 4) if rose else self.wanted
