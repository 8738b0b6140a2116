"""Requests as bytes, as no client library would write them."""

import json
import re
import socket
import time
from contextlib import suppress
from dataclasses import dataclass

CLOSE = b"Connection: close"


@dataclass(frozen=True)
class Answer:
    """What came back; status 0 where the connection was closed without a word."""

    status: int
    head: bytes
    body: bytes


def connected(url: str, patience: float = 10.0, source: str = "127.0.0.1") -> socket.socket:
    host, _, port = url.removeprefix("http://").partition(":")
    return socket.create_connection((host, int(port)), patience, (source, 0))


def send(url: str, data: bytes, patience: float = 10.0, source: str = "127.0.0.1") -> Answer:
    """Send bytes, and read until the other side closes, for so many seconds at most."""
    received = b""
    with connected(url, patience, source) as line, suppress(OSError):
        with suppress(OSError):  # refused before all of it was there
            line.sendall(data)
        while piece := line.recv(1 << 16):
            received += piece
            if received.startswith(b"HTTP/1.1 101") and b"\r\n\r\n" in received:
                break
    head, _, body = received.partition(b"\r\n\r\n")
    status = re.match(rb"HTTP/1\.[01] (\d{3})", head)
    return Answer(int(status[1]) if status else 0, head, body)


def request(
    method: str, path: str, *headers: bytes, body: bytes | None = None, host: str = "localhost"
) -> bytes:
    """Write a request after whose answer the connection is closed."""
    lines = [f"{method} {path} HTTP/1.1".encode(), b"Host: " + host.encode(), CLOSE, *headers]
    if body is not None:
        lines.append(b"Content-Length: %d" % len(body))
    return b"\r\n".join([*lines, b"", b""]) + (body or b"")


def posted(path: str, body: object, *headers: bytes) -> bytes:
    """Write a POST of JSON, given as bytes or as what is to be JSON."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return request("POST", path, b"Content-Type: application/json", *headers, body=data)


def part(disposition: str | bytes, content: bytes, *headers: bytes) -> bytes:
    """Write a part of a form, after its boundary."""
    said = disposition if isinstance(disposition, bytes) else disposition.encode()
    lines = [b"--b", b"Content-Disposition: form-data" + said, *headers, b"", content, b""]
    return b"\r\n".join(lines)


def field(name: str, value: str) -> bytes:
    return part(f'; name="{name}"', value.encode("utf-8", "surrogatepass"))


def file(content: bytes, name: str = "a.wav") -> bytes:
    return part(f'; name="file"; filename="{name}"'.encode("utf-8", "surrogatepass"), content)


def upload(
    *parts: bytes,
    path: str = "/v1/audio/transcriptions",
    kind: bytes = b"multipart/form-data; boundary=b",
    headers: tuple[bytes, ...] = (),
    end: bytes = b"--b--\r\n",
) -> bytes:
    """Write a form that is sent."""
    return request("POST", path, b"Content-Type: " + kind, *headers, body=b"".join(parts) + end)


def dripped(line: socket.socket) -> int:
    """Send a byte now and then, for 20 seconds at most; tell how many were taken."""
    for count in range(400):
        try:
            line.sendall(b"x")
        except OSError:
            return count
        time.sleep(0.05)
    return 400
