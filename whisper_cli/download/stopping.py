"""How a thread that waits for a server is stopped by another one."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Protocol
from weakref import WeakSet


class Cut(Protocol):
    """What can be woken while it waits."""

    def cut(self) -> None:
        """End what it waits for."""
        ...


class Stop(threading.Event):
    """Set, it also cuts what the thread that heeds it waits for, now and from then on."""

    def __init__(self) -> None:
        super().__init__()
        self._cuts: WeakSet[Cut] = WeakSet()
        self._lock = threading.Lock()

    @contextmanager
    def use_stop(self) -> Iterator[None]:
        """Let what this thread makes within the block heed it."""
        before = _current.set(self)
        try:
            yield
        finally:
            _current.reset(before)

    def add(self, pending: Cut) -> None:
        """Cut something too, when it is set."""
        with self._lock:
            self._cuts.add(pending)

    def set(self) -> None:
        """Stop."""
        super().set()
        with self._lock:
            cuts = list(self._cuts)
        for item in cuts:
            item.cut()


_current: ContextVar[Stop | None] = ContextVar("heeded", default=None)


def current_stop() -> Stop:
    """Return what this thread has to heed, or one that nobody sets."""
    return _current.get() or Stop()
