"""What the server gives, to whom it says no, and that no request reaches the file system."""

import http.client
import json
import os
import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from threading import Thread

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.models.fakes import COMMIT, fake_model
from tests.share.peer import BIG, MODEL, put
from tests.soak.wire import dripped
from whisper_cli.errors import ServeError
from whisper_cli.share.server import Server, requested
from whisper_cli.share.shared_files import SharedFiles

DATA = BIG["model.bin"]
SHA256 = next(file.sha256 or "" for file in MODEL.files if file.name == "model.bin")
BLOB = f"/blobs/{SHA256}"


@dataclass(frozen=True)
class Answer:
    status: int
    headers: http.client.HTTPMessage
    body: bytes


Ask = Callable[..., Answer]


@pytest.fixture
def snapshot(isolated: Path) -> Path:
    return put(isolated / "files")


@pytest.fixture
def server(snapshot: Path) -> Iterator[Server]:
    with Server(SharedFiles([MODEL]), "127.0.0.1", 0) as server:
        thread = Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def ask(server: Server) -> Iterator[Ask]:
    """Send requests over one connection that is kept."""
    connection = http.client.HTTPConnection(*server.address, timeout=5)

    def send(path: str, method: str = "GET", **headers: str) -> Answer:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, path, headers=named)
        response = connection.getresponse()
        return Answer(response.status, response.headers, response.read())

    yield send
    connection.close()


def test_a_file_comes_by_its_hash_and_says_which_it_is(ask: Ask):
    answer = ask(BLOB)
    assert (answer.status, answer.body) == (200, DATA)
    assert answer.headers["ETag"] == f'"{SHA256}"'
    assert answer.headers["Accept-Ranges"] == "bytes"
    assert answer.headers["Content-Length"] == str(len(DATA))


@pytest.mark.parametrize(
    ("asked", "first", "last"),
    [
        ("bytes=0-0", 0, 0),
        ("bytes=1000-1999", 1000, 1999),
        ("Bytes=5-", 5, len(DATA) - 1),
        ("bytes=-7", len(DATA) - 7, len(DATA) - 1),
        (f"bytes=-{10**12}", 0, len(DATA) - 1),
        (f"bytes=9-{10**12}", 9, len(DATA) - 1),
    ],
)
def test_a_range_comes_exactly(ask: Ask, asked: str, first: int, last: int):
    answer = ask(BLOB, Range=asked)
    assert (answer.status, answer.body) == (206, DATA[first : last + 1])
    assert answer.headers["Content-Range"] == f"bytes {first}-{last}/{len(DATA)}"


@pytest.mark.parametrize("asked", [f"bytes={len(DATA)}-", f"bytes={10**15}-{10**16}", "bytes=-0"])
def test_a_range_beyond_the_file_is_416_and_tells_the_size(ask: Ask, asked: str):
    answer = ask(BLOB, Range=asked)
    assert (answer.status, answer.body) == (416, b"")
    assert answer.headers["Content-Range"] == f"bytes */{len(DATA)}"
    assert ask(BLOB, Range="bytes=0-3").body == DATA[:4]  # the connection is still good


@pytest.mark.parametrize(
    "asked",
    ["bytes=0-1,4-5", "bytes=9-3", "bytes=-", "bytes=a-b", "lines=1-2", "bytes 0-3", "0-3",
     "bytes=" + "9" * 5000 + "-", "bytes=+1-2", "bytes=1-²"],
)  # fmt: skip
def test_what_is_not_one_range_is_ignored(ask: Ask, asked: str):
    assert (ask(BLOB, Range=asked).status, len(ask(BLOB, Range=asked).body)) == (200, len(DATA))


def test_a_range_of_another_content_gives_the_whole_file(ask: Ask):
    same = ask(BLOB, Range="bytes=0-3", If_Range=f'"{SHA256}"')
    assert (same.status, same.body) == (206, DATA[:4])
    for other in (f'"{"0" * 64}"', f'W/"{SHA256}"', "Wed, 21 Oct 2015 07:28:00 GMT"):
        assert ask(BLOB, Range="bytes=0-3", If_Range=other).status == 200


def test_head_tells_the_size_and_ignores_a_range(ask: Ask):
    for headers in ({}, {"Range": "bytes=0-3"}):
        answer = ask(BLOB, "HEAD", **headers)
        assert (answer.status, answer.body) == (200, b"")
        assert answer.headers["Content-Length"] == str(len(DATA))
        assert answer.headers["Content-Range"] is None
    assert ask(f"/blobs/{'0' * 64}", "HEAD").status == 404
    assert ask("/models", "HEAD").status == 200


@given(st.text("bytes=0123456789-, ", max_size=12).map("bytes={}".format), st.integers(0, 50))
def test_a_range_is_always_within_the_file(header: str, size: int):
    part = requested(header, size)
    assert part is None or (not part) or (0 <= part.start < part.stop <= size)


@given(st.integers(1, 50), st.data())
def test_a_range_is_what_slicing_gives(size: int, data: st.DataObject):
    first = data.draw(st.integers(0, size - 1))
    last = data.draw(st.integers(first, 60))
    content = list(range(size))
    assert list(requested(f"bytes={first}-{last}", size) or ()) == content[first : last + 1]
    assert list(requested(f"bytes=-{last + 1}", size) or ()) == content[-(last + 1) :]


@pytest.mark.parametrize(
    "path",
    ["/", "/blobs", "/blobs/", "/models/", "/blobs/../../etc/passwd", f"/blobs/%2e%2e/{SHA256}",
     "//etc/passwd", f"/blobs/{SHA256}/", f"/blobs/{SHA256.upper()}", f"/blobs/{SHA256[:-1]}",
     f"{BLOB}?x=1", f"/blobs/{'0' * 64}", f"/blobs/{COMMIT}", "/blobs/model.bin",
     "/models--acme--fake/blobs", "*"],
)  # fmt: skip
def test_any_other_path_is_404_and_lists_nothing(ask: Ask, path: str):
    answer = ask(path)
    assert (answer.status, answer.body) == (404, b"404 Not Found\n")


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"])
def test_nothing_can_be_written(ask: Ask, snapshot: Path, method: str):
    assert ask(BLOB, method).status == 501
    assert (snapshot / "model.bin").read_bytes() == DATA


def test_models_are_listed_with_the_hash_and_size_of_every_file(ask: Ask):
    answer = ask("/models")
    assert answer.headers["Content-Type"] == "application/json"
    files = [{"name": f.name, "sha256": f.sha256, "size": f.size} for f in MODEL.files]
    known = {"name": "fake", "repo": "acme/fake", "revision": COMMIT, "files": files}
    assert json.loads(answer.body) == [known]


def test_a_file_that_was_touched_is_no_longer_shared(ask: Ask, snapshot: Path):
    assert ask(BLOB).status == 200
    os.utime(snapshot / "model.bin", (1, 1))
    assert ask(BLOB).status == 404


def test_a_file_that_is_gone_is_no_longer_shared(ask: Ask, snapshot: Path):
    assert ask(BLOB).status == 200
    (snapshot / "model.bin").unlink()
    assert ask(BLOB).status == 404


def test_what_nobody_verified_is_not_shared(isolated: Path, snapshot: Path):
    (isolated / "state" / "models.json").unlink()
    registry = SharedFiles([MODEL])
    assert registry.models() == ()
    assert registry.open(SHA256) is None


def test_a_model_outside_the_catalogue_is_not_shared(snapshot: Path):
    for registry in (SharedFiles(), SharedFiles([fake_model(repo="acme/other")])):
        assert registry.models() == ()
        assert registry.open(SHA256) is None


def test_a_model_that_comes_while_serving_is_shared_then(isolated: Path):
    registry = SharedFiles([MODEL])
    assert registry.open(SHA256) is None
    put(isolated / "files")
    registry._last_scan -= 60  # a minute later
    file = registry.open(SHA256)
    assert file
    with file:
        assert file.read() == DATA


def test_a_neighbour_that_leaves_in_the_middle_is_no_error(
    ask: Ask, server: Server, caplog: pytest.LogCaptureFixture
):
    with socket.create_connection(server.address) as line:
        line.sendall(f"GET {BLOB} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        line.recv(10)
    assert ask(BLOB, Range="bytes=0-3").body == DATA[:4]
    assert [record for record in caplog.records if record.levelname != "INFO"] == []


def test_more_connections_than_threads_are_asked_to_come_again(server: Server, ask: Ask):
    assert ask("/models").status == 200
    taken = 0
    while server._free.acquire(blocking=False):
        taken += 1
    assert taken > 100
    with socket.create_connection(server.address) as line:
        line.settimeout(5)
        assert line.recv(1000).startswith(b"HTTP/1.1 503 ")
    assert ask("/models").status == 200
    server._free.release(taken)


@pytest.mark.parametrize(
    "sent", [b"", b"GET /models HTTP/1.1\r\nX: ", b"GET /models HTTP/1.1\r\n\r\n"]
)
def test_a_head_has_to_be_whole_in_time_however_it_drips(
    server: Server, monkeypatch: pytest.MonkeyPatch, sent: bytes
):
    monkeypatch.setattr("whisper_cli.share.server.Handler.timeout", 0.5)
    with socket.create_connection(server.address) as line:
        line.sendall(sent)
        assert dripped(line) < 400


def test_a_large_answer_may_take_longer_than_a_head(
    server: Server, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("whisper_cli.share.server.Handler.timeout", 1.0)
    with socket.socket() as line:
        line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 16)
        line.connect(server.address)
        line.sendall(f"GET {BLOB} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
        taken = b""
        while data := line.recv(1 << 16):
            taken += data
            time.sleep(0.02)
    assert taken.partition(b"\r\n\r\n")[2] == DATA


def test_one_address_has_a_share_of_the_connections(server: Server):
    lines = [socket.create_connection(server.address) for _ in range(17)]
    try:
        lines[-1].settimeout(5)
        assert lines[-1].recv(1000).startswith(b"HTTP/1.1 503 ")
        lines.pop(0).close()
        assert any(answers(server) for _ in range(200))
        assert server._requests["127.0.0.1"] <= 16
    finally:
        for line in lines:
            line.close()


def answers(server: Server) -> bool:
    """Ask once; where there is no room yet, wait a little."""
    with socket.create_connection(server.address, timeout=5) as line:
        line.sendall(b"GET /models HTTP/1.1\r\nHost: x\r\n\r\n")
        if line.recv(1000).startswith(b"HTTP/1.1 200 "):
            return True
    time.sleep(0.05)
    return False


def test_a_port_that_is_taken_and_an_address_of_nobody_are_said(server: Server):
    port = server.address[1]
    for host, at in (("127.0.0.1", port), ("192.0.2.77", 0), ("no.such.host.invalid", 0)):
        with pytest.raises(ServeError, match=rf"can't listen on {host}:{at}: .+") as caught:
            Server(SharedFiles([]), host, at)
        assert caught.value.exit_code == 6
        assert "--port" in str(caught.value.hint)
