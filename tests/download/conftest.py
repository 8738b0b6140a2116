"""Fixtures of the download's tests: a hub with a model, and `pull` from it."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.conftest import Result
from tests.download.pulls import EXTRA, FROM_HUB, MODEL, REPO
from tests.fake_hub import Hub
from tests.models.fakes import cache

__all__ = ["cache"]

Pull = Callable[..., Result]


@pytest.fixture
def hub(cache: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """A hub that has a model; the environment points at it."""
    with Hub() as hub:
        hub.add_repo(REPO, {**MODEL, **EXTRA})
        monkeypatch.setenv("HF_ENDPOINT", hub.endpoint)
        monkeypatch.setenv("NO_PROXY", "*")
        yield hub


@pytest.fixture
def pull(run: Callable[..., Result]) -> Pull:
    """Pull the model by the program, in small chunks."""
    return lambda *options: run("pull", REPO, *FROM_HUB, *options)
