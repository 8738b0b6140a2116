"""The tally of each test, and which form of it is run."""

from collections.abc import Callable, Generator, Iterator
from pathlib import Path

import pytest

from tests.serve.conftest import model, server
from tests.soak.tally import Tally

__all__ = ["model", "server"]
HERE = Path(__file__).parent


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave the long forms out where nobody asked for them by their marker."""
    if "soak" in (config.option.markexpr or ""):
        return
    long = [item for item in items if HERE in item.path.parents and item.get_closest_marker("soak")]
    if long:
        items[:] = [item for item in items if item not in long]
        config.hook.pytest_deselected(items=long)


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> Generator[None, object, object]:
    """Fail a test in which a trial broke."""
    done = yield
    if isinstance(found := pyfuncitem.funcargs.get("tally"), Tally):
        found.check()
    return done


@pytest.fixture
def tally(record_property: Callable[[str, object], None]) -> Iterator[Tally]:
    """What this test tries; told to whoever prints the table."""
    found = Tally()
    yield found
    for name in ("tried", "broke", "notes"):
        record_property(name, getattr(found, name))
