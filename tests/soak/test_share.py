"""Neighbours that no machine of ours would be: nothing but shared files is given, to everybody."""

import contextlib
import itertools
import re
import time
from threading import Thread

import pytest

from tests.share.peer import MODEL, put
from tests.share.test_server import BLOB, DATA, SHA256
from tests.soak.attacks import FORGED, METHODS, RAW
from tests.soak.tally import forms, sampled
from tests.soak.wire import connected, request, send
from whisper_cli.share.server import Server
from whisper_cli.share.shared_files import SharedFiles

PATHS = (
    "/", "*", "/blobs", "/blobs/", "/models/", "/models?x", "/models/..", "/MODELS",
    "/blobs/../../etc/passwd", f"/blobs/%2e%2e/{SHA256}", f"{BLOB}/", f"{BLOB}?x", f"{BLOB}%00",
    f"/blobs/{SHA256.upper()}", f"/blobs/{SHA256[:-1]}", f"/blobs/{'0' * 64}", "/blobs/" + "g" * 64,
    "/blobs/model.bin", "/etc/passwd", "http://evil.example/models", f"/blobs//{SHA256}",
    "/%6dodels",
)  # fmt: skip
RANGES = (
    "bytes=0-1,4-5", "bytes=9-3", "bytes=-", "bytes=a-b", "lines=1-2", "bytes 0-3", "0-3",
    "bytes=-0",
    "bytes=" + "9" * 5000 + "-", "bytes=+1-2", "bytes=1-\xb2", "bytes=0x1-2", "bytes=-1-2",
    "bytes=1--2",
    "bytes= 1-2", "bytes=1 - 2", f"bytes={len(DATA)}-", "bytes=0-" + "9" * 18, "bytes=0-0",
    "bytes=-1",
    "bytes=1-1;x", "bytes=1.5-2", "bytes=1e1-2e1", "", "bytes=", "bytes", "bytes=0-\t1",
    "BYTES=3-4",
)  # fmt: skip
HONEST = "127.0.0.2"  # the address of a neighbour that isn't those who attack


@pytest.fixture
def shared(isolated):
    put(isolated / "files")
    with Server(SharedFiles([MODEL]), "127.0.0.1", 0) as server:
        thread = Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def check_honest(server, source=HONEST):
    """Check that a neighbour gets a file."""
    answer = send(server.url, request("GET", BLOB), source=source)
    assert (answer.status, answer.body) == (200, DATA)


@forms(71, 1000)
def test_paths_methods_ranges_and_raw_bytes_of_share(shared, tally, count, caplog):
    odd = [("GET", path) for path in (*PATHS, *FORGED)]
    odd += itertools.product({*METHODS} - {"GET", "HEAD"}, (BLOB, "/models", "/"))
    for method, path in sampled(odd, count):
        with tally.trial(f"{method} {path[:80]}"):
            answer = send(shared.url, request(method, path))
            assert 400 <= answer.status < 600
            assert len(answer.body) < 1000
    for asked in sampled(RANGES, count):
        with tally.trial(f"range {asked[:60]}"):
            answer = send(shared.url, request("GET", BLOB, b"Range: " + asked.encode("latin-1")))
            _check_range(answer)
    for data in sampled(RAW, count):
        with tally.trial(data[:80]):
            assert send(shared.url, data, patience=0.5).status in {0, *range(400, 506)}
    with tally.trial("what is left"):
        check_honest(shared)
        assert [item.message for item in caplog.records if item.levelname != "INFO"] == []
        assert all(item.message.isprintable() for item in caplog.records)


def _check_range(answer):
    """Check that what came is what it says that it is."""
    assert answer.status in (200, 206, 416)
    if answer.status == 206:
        first, last = map(int, re.findall(rb"bytes (\d+)-(\d+)/", answer.head)[0])
        assert answer.body == DATA[first : last + 1]
    else:
        assert answer.body == (DATA if answer.status == 200 else b"")


@forms(130, 328)
def test_neighbours_that_hold_connections(shared, tally, count):
    """Idle ones, ones that drip a head, ones that read nothing: another neighbour is served."""
    heads = (b"", f"GET {BLOB} HTTP/1.1\r\nX: ".encode(), request("GET", BLOB))
    with contextlib.ExitStack() as stack:
        lines = [stack.enter_context(connected(shared.url)) for _ in range(count)]
        for number, line in enumerate(lines):
            with contextlib.suppress(OSError):  # asked to come again
                line.sendall(heads[number % 3])
        for _ in range(3):
            with tally.trial("another neighbour"):
                _drip(lines[1::3])
                check_honest(shared)
    with tally.trial("when they have left"):
        check_later(shared)


@forms(None, 120)
def test_neighbours_that_drip_are_let_go(shared, tally, count):
    """A head that isn't there after half a minute has no right to a thread."""
    lines = [connected(shared.url) for _ in range(count)]
    end = time.monotonic() + 60
    for line in lines:
        line.setblocking(False)
    while time.monotonic() < end:
        _drip(lines)
        time.sleep(4)
    with tally.trial("after a minute"):
        check_later(shared)
        assert all(_is_closed(line) for line in lines)
    for line in lines:
        line.close()


def check_later(server):
    """Check that a neighbour is served within a few seconds."""
    for _ in range(40):
        with contextlib.suppress(AssertionError):
            return check_honest(server, "127.0.0.1")
        time.sleep(0.1)
    return check_honest(server, "127.0.0.1")


def _drip(lines):
    for line in lines:
        with contextlib.suppress(OSError):
            line.send(b"x")


def _is_closed(line):
    try:
        while line.recv(1000):
            pass
    except BlockingIOError:
        return False
    except OSError:
        return True
    return True
