"""A stretch of a file that one connection fetches now, and how fast it gets on."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

_GRACE = 1.0  # seconds before a piece without a byte counts as slow
_SOON = 0.3  # seconds before the first bytes tell a speed
_WORTH = 0.5  # seconds that taking over has to gain


@dataclass(slots=True, eq=False)
class Piece:
    """The bytes from `pos` to `end`: `pos` moves as they come, `end` when others take a share.

    `tries` counts the failures since `mark`, the bytes that the whole file had at the last one.
    """

    pos: int
    end: int
    tries: int = 0
    mark: int = -1
    waited: float = 0.0
    ready_at: float = 0.0
    claimed: float = 0.0
    answered: float = 0.0
    heard: float = 0.0
    received: int = 0
    hang_up: Callable[[], None] = field(default=lambda: None, repr=False)
    _seen: tuple[float, int] = (0.0, 0)

    @property
    def left(self) -> int:
        """Return how many bytes are still to come."""
        return max(0, self.end - self.pos)

    def claim(self, hang_up: Callable[[], None]) -> None:
        """Start the clocks for a connection that `hang_up` ends."""
        self.claimed = self.answered = self.heard = time.monotonic()
        self.received, self._seen = 0, (self.claimed, 0)
        self.hang_up = hang_up

    def move(self, count: int) -> None:
        """Note bytes that came and are written."""
        self.pos += count
        self.received += count
        self.heard = time.monotonic()

    def speed(self, expected: float) -> float:
        """Return bytes a second; `expected` while it is too early to tell."""
        age = time.monotonic() - self.answered
        return expected if age < (_SOON if self.received else _GRACE) else self.pace

    @property
    def pace(self) -> float:
        """Return bytes a second since the answer came."""
        return self.received / max(time.monotonic() - self.answered, 0.01)

    def recent(self, seconds: float) -> float | None:
        """Return bytes a second over the last `seconds` or more; None before they have passed."""
        since, before = self._seen
        age = time.monotonic() - since
        if age < seconds:
            return None
        self._seen = (since + age, self.received)
        return (self.received - before) / age


def share(piece: Piece, mine: float, setup: float) -> int:
    """Return how many of the last bytes of a piece a second connection should take over.

    `mine` is its speed in bytes a second, `setup` the seconds to its first byte. Both are to end
    together; 0 when that would gain less than a fifth of the time left or than half a second (what
    is on its way to the first one comes in vain), or under 64 KiB.
    """
    his = piece.speed(mine)
    alone = piece.left / his if his else float("inf")
    both = setup + max(0.0, piece.left - his * setup) / (mine + his) if mine + his else setup
    taken = piece.left if not his else min(piece.left, int(mine * (both - setup)))
    worth = both < 0.8 * alone and alone - both > _WORTH
    return taken if worth and taken >= min(1 << 16, piece.left) else 0
