"""Connections: how long one may take to ask, how many there may be, and what the log says."""

import contextlib
import resource
import socket
import threading
import time
from pathlib import Path

import httpx
import pytest
from websockets.sync.client import connect

from tests.serve.fakes import until
from tests.serve.processes import server_settings
from tests.soak.wire import dripped
from whisper_cli.serve import connections

HEALTH = b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n"
BODY = b"POST /health HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999\r\n\r\n"


@pytest.fixture
def hurried(server, monkeypatch):
    monkeypatch.setattr("whisper_cli.serve.connections.HEAD", 0.5)
    return server


def reached(server) -> socket.socket:
    line = socket.create_connection(server.url[7:].split(":"))
    line.settimeout(20)
    return line


def rest(line: socket.socket) -> bytes:
    """Read until the server closes the connection."""
    said = b""
    with contextlib.suppress(ConnectionResetError):
        while data := line.recv(4096):
            said += data
    return said


@pytest.mark.parametrize(
    ("sent", "reported"),
    [
        (b"", b""),
        (b"GET /hea", b"HTTP/1.1 408 "),
        (HEALTH[:-2], b"HTTP/1.1 408 "),
        (HEALTH, b"HTTP/1.1 200 "),
        (HEALTH + b"GET /hea", b"HTTP/1.1 200 "),
        (BODY, b"HTTP/1.1 405 "),
    ],
)
def test_a_connection_that_does_not_ask_in_time_is_closed(hurried, sent, reported):
    with reached(hurried) as line:
        line.sendall(sent)
        assert rest(line).startswith(reported)


@pytest.mark.parametrize("first", [b"", HEALTH, BODY])
def test_a_byte_now_and_then_keeps_no_connection(hurried, first):
    with reached(hurried) as line:
        line.sendall(first)
        assert dripped(line) < 400


def test_work_may_take_longer_than_asking(hurried):
    assert hurried.post("one\n!wait 1.5\ntwo").json()["text"] == "one two"
    with connect(hurried.url.replace("http", "ws") + "/v1/realtime") as session:
        session.recv()
        time.sleep(1.5)
        session.send('{"type": "input_audio_buffer.clear"}')
        assert "cleared" in session.recv()


def test_the_limit_of_descriptors_is_raised_to_the_hard_one(monkeypatch):
    limits = [100, 5000]
    monkeypatch.setattr(resource, "getrlimit", lambda _: tuple(limits))
    monkeypatch.setattr(resource, "setrlimit", lambda _, needed: limits.__setitem__(0, needed[0]))
    assert connections.raise_limit() == 5000 == limits[0]
    limits[1] = 1 << 30  # as containers have it
    assert connections.raise_limit() == 1 << 16 == limits[0]
    monkeypatch.setattr(resource, "setrlimit", reject)
    limits[0] = 256
    assert connections.raise_limit() == 256


def reject(*_):
    raise ValueError


def status(served) -> int:
    with contextlib.suppress(httpx.TransportError):
        return httpx.get(served.url + "/health", timeout=10).status_code
    return 0


@pytest.mark.slow
def test_more_connections_than_descriptors_hear_503_and_do_no_harm(tiny_en):
    with server_settings("--model", tiny_en, descriptors=(128, 256)) as served:
        assert "256" in open_files(served)
        before = len(served.log)
        lines = [reached(served) for _ in range(300)]
        until(lambda: status(served) == 503, 20)
        refused = rest(lines[-1])
        assert refused.startswith(b"HTTP/1.1 503 ")
        assert b"x-should-retry: true" in refused
        assert b"too_many_connections" in refused
        for line in lines:
            line.close()
        until(lambda: status(served) == 200, 20)
        assert sum("refused" in line for line in served.log) == 1
        assert len(served.log) - before < 100


def open_files(served) -> str:
    limits = Path(f"/proc/{served.process.pid}/limits").read_text()
    return next(line for line in limits.splitlines() if line.startswith("Max open files"))


@pytest.mark.slow
def test_the_log_tells_once_that_no_descriptors_are_left(tiny_en):
    with server_settings("--model", tiny_en, descriptors=(256, 256)) as served:
        pid, kind = served.process.pid, resource.RLIMIT_NOFILE
        before = len(served.log)
        resource.prlimit(pid, kind, (4, 256))
        with reached(served):
            until(lambda: any("too many open files" in line for line in served.log), 20)
            threading.Event().wait(2.5)  # asyncio tries again each second
        resource.prlimit(pid, kind, (256, 256))
        until(lambda: status(served) == 200, 20)
        assert sum("too many open files" in line for line in served.log) == 1
        assert len(served.log) - before < 20
