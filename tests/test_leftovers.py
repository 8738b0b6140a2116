"""The check of what tests leave behind, by tests that do."""

import socket
import subprocess
import sys
import tempfile
import threading

import pytest

from tests import leftovers


@pytest.mark.parametrize("kind", ["descriptors", "threads", "children", "folders"])
def test_what_is_left_is_named(kind, monkeypatch):
    monkeypatch.setattr(leftovers, "PATIENCE", 0.1)
    end = threading.Event()
    undo = []

    def leave():
        if kind == "descriptors":
            undo.append(socket.socket().close)
        elif kind == "threads":
            threading.Thread(target=end.wait, args=(60,)).start()
        elif kind == "children":
            child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
            undo.append(lambda: child.communicate(b"\n"))
        else:
            tempfile.mkdtemp(prefix="serve-")

    with pytest.raises(pytest.fail.Exception, match=kind), leftovers.nothing_left(monkeypatch):
        leave()
    end.set()
    for item in undo:
        item()


def test_memory_that_is_left_is_told(monkeypatch):
    monkeypatch.setattr(leftovers, "GROWTH", 20 << 20)
    kept = []
    with (
        pytest.raises(pytest.fail.Exception, match="MiB of memory"),
        leftovers.nothing_left(monkeypatch),
    ):
        kept.append(b"x" * (50 << 20))


def test_what_ends_in_time_is_nothing_left(monkeypatch):
    with leftovers.nothing_left(monkeypatch):
        threading.Timer(0.3, lambda: None).start()
