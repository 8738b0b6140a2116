"""What an area tried, and what of it broke a rule; how often it is done in short and at length."""

import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from traceback import extract_tb
from typing import TypeVar

import pytest

T = TypeVar("T")


@dataclass
class Tally:
    """Counts trials; one that raises is kept, so that a test tells of all of them at once."""

    tried: int = 0
    broke: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @contextmanager
    def trial(self, case: object) -> Iterator[None]:
        self.tried += 1
        try:
            yield
        except Exception as error:  # noqa: BLE001 - every failure is a finding
            said = " ".join(str(error).split())
            where = extract_tb(error.__traceback__)[-1]
            line = f"{Path(where.filename).name}:{where.lineno}"
            self.broke.append(f"{case!s:.120}: {line}: {type(error).__name__}: {said:.200}")

    def check(self) -> None:
        """Fail with what broke, the first twenty."""
        assert not self.broke, f"{len(self.broke)} of {self.tried}:\n" + "\n".join(self.broke[:20])


def forms(short: int | None, long: int) -> pytest.MarkDecorator:
    """Run a test with two values of `count`: a small one always, a large one as a soak test."""
    marks = [pytest.mark.soak, pytest.mark.slow, pytest.mark.timeout(3600)]
    both = [pytest.param(long, id="long", marks=marks)]
    if short is not None:
        both.insert(0, pytest.param(short, id="short"))
    return pytest.mark.parametrize("count", both)


def sampled(cases: Sequence[T], count: int) -> list[T]:
    """Choose so many of the cases, the same ones each time; all where there are no more."""
    return random.Random(1).sample(cases, min(count, len(cases)))
