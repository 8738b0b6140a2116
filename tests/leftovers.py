"""What a test leaves behind: descriptors, threads, processes, temporary folders, memory."""

import contextlib
import ctypes
import gc
import os
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, fields
from multiprocessing import resource_tracker
from pathlib import Path

import pytest

GROWTH = 400 << 20  # bytes that a test may leave: a model, once loaded here, stays
PATIENCE = 20.0  # seconds in which what a test has begun may end


@dataclass(frozen=True)
class State:
    """What this process has."""

    descriptors: Counter[str]
    threads: Counter[str]
    children: Counter[str]
    folders: Counter[str]

    def beyond(self, before: "State") -> dict[str, list[str]]:
        """Name what is there and was not before."""
        more = {
            item.name: sorted((getattr(self, item.name) - getattr(before, item.name)).elements())
            for item in fields(self)
        }
        return {name: found for name, found in more.items() if found}


def state() -> State:
    folders = Path(tempfile.gettempdir()).glob("*")
    return State(
        Counter(_descriptors()),
        Counter(f"{item.name} {item.ident}" for item in threading.enumerate()),
        Counter(_children()),
        Counter(item.name for item in folders if item.name.startswith(("serve-", "pymp-"))),
    )


@contextlib.contextmanager
def nothing_left(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Fail where what runs within the block leaves something, after it had time to end.

    Temporary folders lie in one of its own, for other programs have theirs in the usual one.
    """
    with tempfile.TemporaryDirectory(
        prefix="t"
    ) as destination:  # short, for sockets are made in it
        monkeypatch.setenv("TMPDIR", destination)
        monkeypatch.setattr(tempfile, "tempdir", destination)
        with _compared():
            yield


@contextlib.contextmanager
def _compared() -> Iterator[None]:
    resource_tracker.ensure_running()  # one for all tests, and it stays
    return_range()
    before, memory = state(), resident()
    yield
    deadline = time.monotonic() + PATIENCE
    while (left := state().beyond(before)) and time.monotonic() < deadline:
        gc.collect()  # it costs a tenth of a second: only where something seems to be left
        time.sleep(0.02)
    if left:
        pytest.fail(f"the test left {left}")
    if resident() - memory > GROWTH:
        gc.collect()
        return_range()
    if (grown := resident() - memory) > GROWTH:
        pytest.fail(f"the test left {grown >> 20} MiB of memory")


def return_range() -> None:
    """Let go of what was freed and is kept for the next time: it is nothing that a test left."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)


def resident() -> int:
    """Bytes of this process."""
    with contextlib.suppress(OSError):
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")
    return 0


def _descriptors() -> list[str]:
    """Name the open descriptors by number and target, where Linux tells."""
    found = []
    with contextlib.suppress(OSError):
        for item in Path("/proc/self/fd").iterdir():
            with contextlib.suppress(OSError):  # the one of this listing is gone again
                found.append(f"{item.name} {item.readlink()}")
    return found


def _children() -> list[str]:
    found = []
    with contextlib.suppress(OSError):
        for task in Path("/proc/self/task").iterdir():
            for pid in (task / "children").read_text(encoding="ascii").split():
                with contextlib.suppress(OSError):
                    command = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ")
                    found.append(f"{pid} {command.decode(errors='replace')[:100]}")
    return found
