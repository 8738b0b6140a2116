"""Clients that leave, at any byte or while a model loads, are slow, or say nothing."""

import contextlib
import random
import resource
import socket
import time
from pathlib import Path

import pytest

from tests.serve.fakes import in_background, until
from tests.serve.processes import server_settings
from tests.serve.test_real import _is_engine
from tests.soak.tally import forms
from tests.soak.wire import connected, field, file, posted, request, send, upload


@forms(40, 160)
def test_clients_that_vanish_at_a_random_byte(server, tally, count):
    """Their uploads and jobs go with them."""
    chance = random.Random(2)
    handles = lambda: len(list(Path("/proc/self/fd").iterdir()))  # noqa: E731 - two words of a loop
    before = handles()
    for number in range(count):
        parts = [field("model", "fake"), field("stream", chance.choice(["true", "false"]))]
        data = upload(*parts, file(b"one\n" * chance.randrange(1, 9999) + b"!wait 0.1"))
        at = len(data) if number % 3 == 2 else chance.randrange(len(data))
        with tally.trial(f"{number} at {at}"), connected(server.url) as line:
            line.sendall(data[:at])
            if at == len(data):
                line.recv(chance.randrange(1, 200))
            if number % 2:  # a reset instead of an end
                line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    with tally.trial("what is left"):
        until(lambda: not server.job_manager.jobs.queue, 20)
        until(lambda: not list(server.job_manager.folder.iterdir()), 20)
        until(lambda: handles() <= before + 3, 20)
        assert server.post("hello").json()["text"] == "hello"
        assert [item["status"] for item in server.log if item["status"] >= 500] == []


def engines(served):
    """List the processes that hold a model."""
    found = []
    for pid in served.family[1:]:
        with contextlib.suppress(OSError):
            found += [pid] if _is_engine(pid) else []
    return found


@pytest.mark.slow
@forms(4, 50)
def test_clients_that_leave_while_a_model_loads(tally, count, tiny_en, jfk):
    """The processes are those that `/api/ps` names."""
    chance = random.Random(4)
    sent = upload(field("model", tiny_en), file(jfk.read_bytes()))
    with server_settings("--model", tiny_en, "--keep-alive", "0") as served:
        for number in range(count):
            with tally.trial(number):
                with connected(served.url) as line:
                    line.sendall(sent)
                    time.sleep(chance.uniform(0, 0.4))
                if number % 3 == 1:
                    send(served.url, posted("/api/unload", {"model": tiny_en}))
        with tally.trial("what is left"):
            until(lambda: not served.get("/api/ps")["models"], 60)
            until(lambda: not engines(served), 60)
            assert [line for line in served.log if "Traceback" in line or "Error" in line] == []


@contextlib.contextmanager
def descriptors(count):
    """Let what is started meanwhile begin with so few descriptors."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (count, hard))
    try:
        yield lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.slow
@forms(160, 300)
def test_silent_connections_shut_nobody_out(tally, count, tiny_en):
    """A server that begins with few descriptors answers beside more connections than those."""
    with contextlib.ExitStack() as stack:
        restore = stack.enter_context(descriptors(count * 4 // 5))
        served = stack.enter_context(server_settings("--model", tiny_en, ready=False))
        restore()
        for number in range(count):
            line = stack.enter_context(connected(served.url))
            line.sendall((b"", b"GET /health HTTP/1.1\r\nX: ", b"GET ")[number % 3])
        for number in range(3):
            with tally.trial(f"health {number}"):
                assert send(served.url, request("GET", "/health"), patience=8).status == 200
        with tally.trial("the log"):
            assert sum(map(len, served.log)) < 20_000


@forms(None, 300)
def test_silent_connections_are_let_go(tally, count, tiny_en):
    """A head that isn't whole after half a minute is waited for no longer."""
    with contextlib.ExitStack() as stack:
        served = stack.enter_context(server_settings("--model", tiny_en, ready=False))
        lines = [stack.enter_context(connected(served.url)) for _ in range(count)]
        for line in lines:
            line.sendall(b"GET /health HTTP/1.1\r\nX: ")
        until(lambda: len(list(Path(f"/proc/{served.process.pid}/fd").iterdir())) < count // 2, 90)
        for line in lines:
            with tally.trial(line.fileno()):
                line.settimeout(10)
                with contextlib.suppress(ConnectionError):
                    while line.recv(1000):
                        pass


@forms(None, 8)
def test_slow_uploads_give_their_places_back(tally, count, tiny_en, jfk):
    """As many as the queue holds, a byte a second each: an honest client is served in the end."""
    with server_settings("--model", tiny_en, "--max-queue", str(count)) as served:
        end = time.monotonic() + 150
        for _ in range(count):
            in_background(lambda: _drip(served.url, end))
        time.sleep(2)
        with tally.trial("an honest client"):
            until(lambda: served.post(jfk).status_code == 200, 120)


def _drip(url, end):
    with contextlib.suppress(OSError), connected(url) as line:
        line.sendall(upload(field("model", "whisper-1"), file(b"x" * 10_000))[:-9000])
        while time.monotonic() < end:
            line.sendall(b"x")
            time.sleep(1)
