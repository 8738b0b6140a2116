"""Speed as it is now, and how often it is shown."""

import time
from collections import deque
from collections.abc import Callable

Clock = Callable[[], float]

_STEP = 0.1  # seconds between two samples that are kept
_MINIMUM = 0.5  # over less than this a speed is noise


class SpeedEstimate:
    """The speed of an amount that grows, over its last `window` seconds."""

    def __init__(self, window: float = 5.0, clock: Clock = time.monotonic) -> None:
        self._window, self._clock = window, clock
        self._samples: deque[tuple[float, float]] = deque()

    def add(self, amount: float) -> None:
        """Note the amount now; one that fell starts the measurement anew."""
        now, samples = self._clock(), self._samples
        if samples and amount < samples[-1][1]:
            samples.clear()
        if len(samples) > 1 and now - samples[-2][0] < _STEP:
            samples.pop()
        samples.append((now, amount))
        while len(samples) > 2 and now - samples[1][0] >= self._window:
            samples.popleft()

    @property
    def speed(self) -> float | None:
        """The growth per second; None until there is enough to tell."""
        if not self._samples:
            return None
        (started_at, first), (now, last) = self._samples[0], self._samples[-1]
        return (last - first) / (now - started_at) if now - started_at >= _MINIMUM else None

    def left(self, rest: float | None) -> float | None:
        """Return the seconds that `rest` more will take; None while nothing moves."""
        speed = self.speed
        return max(rest, 0) / speed if speed and rest is not None else None


class Interval:
    """Say whether it is time again, for each key by itself."""

    def __init__(self, every: float, clock: Clock = time.monotonic) -> None:
        self._every, self._clock = every, clock
        self._last: dict[str, float] = {}

    def expired(self, key: str = "") -> bool:
        """Tell whether `every` seconds have passed since this was last true; at first it is."""
        now = self._clock()
        if key in self._last and now - self._last[key] < self._every:
            return False
        self._last[key] = now
        return True
