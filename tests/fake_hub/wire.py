"""One connection: requests are read and recorded, answers sent at the speed of the link."""

import select
import socket
import ssl
import struct
import time
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING

from tests.fake_hub.messages import Answer, Body, Halt, Request
from tests.fake_hub.throttle import Pace

if TYPE_CHECKING:
    from tests.fake_hub.server import Server

MEMORY_SLICE = 1 << 20


class HangupError(ConnectionError):
    """The connection ends here, on purpose."""


class Handler(BaseHTTPRequestHandler):
    """Speaks HTTP/1.1 with one client until it leaves or the server closes."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: "Server"

    def setup(self) -> None:
        super().setup()
        self.speed = self.server.conditions.link.connect()

    def do_GET(self) -> None:
        """Answer any method: what the answer is, the server's site and the faults decide."""
        conditions = self.server.conditions
        request = self.read_request()
        conditions.requests.append(request)
        answer = conditions.faults.apply(request, self.server.site.answer(request))
        self.wait(conditions.link.latency)
        self.pause(answer.delay)
        self.send_head(request, answer)
        if request.method != "HEAD":
            self.send_body(request, answer)

    do_HEAD = do_POST = do_GET  # noqa: N815

    def read_request(self) -> Request:
        names = {name.lower() for name in self.headers}
        headers = {name: ", ".join(self.headers.get_all(name, [])) for name in names}
        body = self.rfile.read(int(headers.get("content-length", 0)))
        port, client = self.server.server_address[1], self.client_address[1]
        request = Request(self.command, self.path, headers, body, port, client)
        request.where = self.server.site.where(request)
        return request

    def send_head(self, request: Request, answer: Answer) -> None:
        request.status = answer.status
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        if answer.chunked:
            self.send_header("Transfer-Encoding", "chunked")
        else:
            self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()

    def send_body(self, request: Request, answer: Answer) -> None:
        speed, sent = self.speed.limited(answer.rate), 0
        span = range(answer.body.start, answer.body.stop)
        for halt in sorted(answer.halts, key=lambda halt: halt.after):
            self.send_span(request, answer, span[sent : halt.after], speed)
            self.halt(halt)
            sent = halt.after
        self.send_span(request, answer, span[sent:], speed)
        if answer.chunked:
            self.connection.sendall(b"0\r\n\r\n")

    def send_span(self, request: Request, answer: Answer, span: range, speed: Pace) -> None:
        """Send a span of positions in the content, piece by piece.

        Bytes are counted before they leave, so that a client that has them all finds them counted.
        """
        for first in span[:: speed.slice_size]:
            size = min(speed.slice_size, span.stop - first)
            self.wait(speed.take(size))
            request.sent += size
            if answer.chunked:
                self.connection.sendall(b"%x\r\n" % size)
            push(self.connection, answer.body, first, first + size)
            if answer.chunked:
                self.connection.sendall(b"\r\n")

    def halt(self, halt: Halt) -> None:
        if halt.seconds is not None:
            self.pause(halt.seconds)
            return
        if halt.reset:
            linger = struct.pack("ii", 1, 0)
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        raise HangupError

    def wait(self, seconds: float) -> None:
        """Sleep, unless the server closes."""
        if seconds > 0 and self.server.conditions.closing.wait(seconds):
            raise HangupError

    def pause(self, seconds: float) -> None:
        """Sleep, unless the server closes or the client leaves."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            self.wait(min(left, 0.02))
            if select.select([self.connection], [], [], 0)[0]:
                raise HangupError

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Stay quiet: the requests are recorded."""


def push(connection: socket.socket, body: Body, start: int, stop: int) -> None:
    """Send a stretch of a content: by sendfile, unless it is encrypted, spoilt or in memory."""
    encrypted = isinstance(connection, ssl.SSLSocket)
    if encrypted or body.flips or isinstance(body.content, bytes):
        for first in range(start, stop, MEMORY_SLICE):
            connection.sendall(body.read(first, min(first + MEMORY_SLICE, stop)))
        return
    with body.content.open("rb") as file:
        connection.sendfile(file, start, stop - start)
