"""An iterator run in a thread of its own, so that signals and progress never wait for it."""

import queue
import threading
from collections.abc import Callable, Generator, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import TypeVar

T = TypeVar("T")
POLL_SECONDS = 0.1  # seconds between two looks at the clock: ten progress updates a second
MAX_PENDING = 1024  # items decoded before the reader must take some


@dataclass(frozen=True, slots=True)
class _End:
    error: BaseException | None = None


def in_background(make: Callable[[], Iterator[T]]) -> Generator[T | None]:
    """Yield what `make()` yields, run in a daemon thread, and None at every tick without an item.

    The caller's thread stays free for signals: CTranslate2 decodes a window in one call, and
    Python would deliver Ctrl-C only after it. An exception in the thread is raised here.
    """
    items: queue.Queue[T | _End] = queue.Queue(MAX_PENDING)
    abandoned = threading.Event()

    def remote_file(item: T | _End) -> None:
        while not abandoned.is_set():
            with suppress(queue.Full):
                items.put(item, timeout=POLL_SECONDS)
                break

    def run() -> None:
        try:
            for item in make():
                remote_file(item)
                if abandoned.is_set():
                    return
        except BaseException as error:  # noqa: BLE001 - it is raised in the caller's thread
            remote_file(_End(error))
        else:
            remote_file(_End())

    threading.Thread(target=run, name="decoding", daemon=True).start()
    try:
        yield from _taken(items)
    finally:
        abandoned.set()


def _taken(items: "queue.Queue[T | _End]") -> Iterator[T | None]:
    while True:
        try:
            item = items.get(timeout=POLL_SECONDS)
        except queue.Empty:
            yield None
            continue
        if isinstance(item, _End):
            if item.error is not None:
                raise item.error
            return
        yield item
