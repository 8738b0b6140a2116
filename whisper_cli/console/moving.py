"""What moves, as the displays see it: rows of a terminal, a line of a log, a program's record."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Row:
    """One line on a terminal; `share` is 0 to 1, None where the total isn't known.

    Of the details as many are shown as fit, from the first on.
    """

    name: str
    share: float | None
    position: str
    details: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Record:
    """How one thing stands: a line of `--progress json`, by writers/schema/progress-1.json."""

    phase: str
    source: str
    file: str
    done: float
    total: float | None
    speed: float | None
    eta: float | None
    connections: int = 0
    resumed: int = 0

    @property
    def ended(self) -> bool:
        """Tell whether this phase is over."""
        return self.total is not None and self.done >= self.total


class Moving(Protocol):
    """Something under way."""

    def rows(self) -> Sequence[Row]:
        """Return the lines of a terminal, those that matter most last."""
        ...

    def line(self) -> str:
        """Say in one line how the whole stands."""
        ...

    def record(self) -> Record:
        """Return how the part stands that moved last."""
        ...
