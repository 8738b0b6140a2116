"""Fixtures for the hub's own tests: a hub with one model in it."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.fake_hub import Hub, generate
from tests.fake_hub.client import locate

SIZE = 300_000
CONFIG = b'{"a": 1}\n' * 99


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    return generate(tmp_path / "weights", SIZE)


@pytest.fixture
def hub(weights: Path) -> Iterator[Hub]:
    with Hub() as hub:
        hub.add_repo("owner/tiny", files(weights))
        yield hub


@pytest.fixture
def url(hub: Hub) -> str:
    """A signed address of the model's weights on the CDN."""
    return locate(hub, "owner/tiny/resolve/main/model.bin")


def files(weights: Path) -> dict[str, bytes | Path]:
    return {"config.json": CONFIG, "data/words.txt": b"words\n", "model.bin": weights}


@pytest.fixture
def threads_before() -> Callable[[], bool]:
    """Say, when called, whether the threads are those that ran before the test."""
    before = set(threading.enumerate())
    return lambda: set(threading.enumerate()) <= before
