"""How often something is shown."""

import time

from whisper_cli.console.meter import Clock


class Pace:
    """Say whether it is time again, for each key by itself."""

    def __init__(self, every: float, clock: Clock = time.monotonic) -> None:
        self._every, self._clock = every, clock
        self._last: dict[str, float] = {}

    def due(self, key: str = "") -> bool:
        """Tell whether `every` seconds have passed since this was last true; at first it is."""
        now = self._clock()
        if key in self._last and now - self._last[key] < self._every:
            return False
        self._last[key] = now
        return True
