"""The HTTP server that gives files to the neighbours by the hash of their content."""

import json
import logging
import os
import re
import socket
import sys
import time
from collections import Counter
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from io import BufferedReader, RawIOBase
from socketserver import ThreadingTCPServer
from threading import BoundedSemaphore, Lock
from typing import TYPE_CHECKING, Any, BinaryIO

from whisper_cli import __version__
from whisper_cli.errors import ServeError
from whisper_cli.share.shared_files import Shared, SharedFiles

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

_CONNECTIONS = 128  # at once, a thread each; whoever comes then is asked to come again
_PER_ADDRESS = 16  # connections of one address
_UNAVAILABLE = (
    b"HTTP/1.1 503 Busy\r\nRetry-After: 1\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
)
_RANGE = re.compile(r"bytes=(?:([0-9]{1,18})-([0-9]{0,18})|-([0-9]{1,18}))", re.IGNORECASE)
_log = logging.getLogger("whisper_cli")


class Server(ThreadingTCPServer):
    """Listens from the start, serves by `serve_forever`; port 0 takes any that is free.

    It gives the shared files and nothing else: no request is ever made into a path. Raises
    ServeError where it can't listen.
    """

    allow_reuse_address = os.name == "posix"  # elsewhere two servers would share one port
    daemon_threads = True
    request_queue_size = _CONNECTIONS

    def __init__(self, registry: SharedFiles, host: str, port: int) -> None:
        self.registry = registry
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._free = BoundedSemaphore(_CONNECTIONS)
        self._requests: Counter[str] = Counter()
        self._count_lock = Lock()
        try:
            super().__init__((host, port), Handler)
        except (OSError, UnicodeError) as error:
            raise ServeError(
                f"can't listen on {host}:{port}: {getattr(error, 'strerror', None) or error}",
                hint="choose another --port, or the --host of a network of this machine",
            ) from error

    @property
    def address(self) -> tuple[str, int]:
        """Return the numeric address and the port."""
        return str(self.server_address[0]), int(self.server_address[1])

    @property
    def url(self) -> str:
        """Return the address as people type it."""
        host, port = self.address
        return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"

    def process_request(self, request: Any, client_address: Any) -> None:
        """Serve a connection in a thread of its own, if there is one left."""
        if not self._enter(client_address[0]):
            request.sendall(_UNAVAILABLE)
            self.shutdown_request(request)
            return
        try:
            super().process_request(request, client_address)
        except BaseException:  # no thread can be started
            self._leave(client_address[0])
            raise

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Serve a connection until it ends."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._leave(client_address[0])

    def _enter(self, address: str) -> bool:
        """Count a connection, unless there are as many of its address or of all as may be."""
        with self._count_lock:
            if self._requests[address] >= _PER_ADDRESS or not self._free.acquire(blocking=False):
                return False
            self._requests[address] += 1
            return True

    def _leave(self, address: str) -> None:
        with self._count_lock:
            self._requests[address] -= 1
            self._requests += Counter()  # forgets who has left
            self._free.release()

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002
        """Pass over a neighbour that left in the middle; anything else is a bug."""
        error = sys.exc_info()[1]
        if not isinstance(error, OSError):
            _log.warning("a request from %s failed: %r", client_address[0], error)


class _Head(RawIOBase):
    """Reads from a connection; raises TimeoutError from the moment `until` on."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self.until = 0.0

    def readable(self) -> bool:
        """Say yes."""
        return True

    def readinto(self, buffer: "WriteableBuffer") -> int:
        """Read what has come."""
        timeout = self._connection.gettimeout()
        left = self.until - time.monotonic()
        if left <= 0:
            raise TimeoutError("the head of the request takes too long")
        self._connection.settimeout(left)
        try:
            return self._connection.recv_into(buffer)
        finally:
            self._connection.settimeout(timeout)


class Handler(BaseHTTPRequestHandler):
    """Answers GET and HEAD of `/models` and `/blobs/SHA256`."""

    protocol_version = "HTTP/1.1"
    server_version, sys_version = f"whisper-cli/{__version__}", ""
    error_message_format, error_content_type = "%(code)d %(message)s\n", "text/plain"
    disable_nagle_algorithm = True
    timeout = 30.0  # seconds in which a head has to come, and without taking any of an answer
    server: Server

    def setup(self) -> None:
        """Read heads against the clock."""
        super().setup()
        self._head = _Head(self.connection)
        self.rfile = BufferedReader(self._head)

    def handle_one_request(self) -> None:
        """Answer one request; its head has to be whole in time, however it drips."""
        self._head.until = time.monotonic() + self.timeout
        super().handle_one_request()

    def do_GET(self) -> None:
        """Answer."""
        if self.path == "/models":
            self._send_models()
        elif found := re.fullmatch(r"/blobs/([0-9a-f]{64})", self.path):
            self._send_blob(found[1])
        else:
            self.send_error(HTTPStatus.NOT_FOUND)

    do_HEAD = do_GET  # noqa: N815 - as the base class calls it

    def _send_models(self) -> None:
        body = json.dumps([_to_json(item) for item in self.server.registry.models()]).encode()
        self._send_head(HTTPStatus.OK, len(body), {"Content-Type": "application/json"})
        if self.command == "GET":
            self.wfile.write(body)

    def _send_blob(self, sha256: str) -> None:
        file = self.server.registry.open(sha256)
        if file is None:
            self.send_error(HTTPStatus.NOT_FOUND)
            return
        with file:
            self._send_file(file, f'"{sha256}"')

    def _send_file(self, file: BinaryIO, etag: str) -> None:
        size = os.fstat(file.fileno()).st_size
        part = self._part(size, etag)
        headers = {"ETag": etag, "Accept-Ranges": "bytes"}
        if part is None:
            headers["Content-Type"] = "application/octet-stream"
            self._send_head(HTTPStatus.OK, size, headers)
            self._send_bytes(file, range(size))
        elif not part:
            headers["Content-Range"] = f"bytes */{size}"
            self._send_head(HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE, 0, headers)
        else:
            headers["Content-Type"] = "application/octet-stream"
            headers["Content-Range"] = f"bytes {part.start}-{part.stop - 1}/{size}"
            self._send_head(HTTPStatus.PARTIAL_CONTENT, len(part), headers)
            self._send_bytes(file, part)

    def _part(self, size: int, etag: str) -> range | None:
        """Read which part is asked for; None is the whole file, an empty one can't be had."""
        if self.command != "GET" or self.headers.get("If-Range", etag) != etag:
            return None
        return requested(self.headers.get("Range", ""), size)

    def _send_head(self, status: HTTPStatus, length: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(length)}.items():
            self.send_header(name, value)
        self.end_headers()

    def _send_bytes(self, file: BinaryIO, part: range) -> None:
        if self.command == "GET" and part:
            sent = self.connection.sendfile(file, part.start, len(part))
            self.close_connection = self.close_connection or sent < len(part)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Tell who asks for what, escaped: a terminal must not obey what they sent."""
        message = (format % args).encode("unicode_escape").decode()
        _log.info("%s: %s", self.client_address[0], message)


def requested(header: str, size: int) -> range | None:
    """Read a Range header (RFC 9110, 14.1.2) for a file of so many bytes.

    Give the positions, none of them where the range lies beyond the file; None where the header is
    to be ignored: it isn't one well-formed range.
    """
    found = _RANGE.fullmatch(header.strip())
    if not found:
        return None
    first, last, suffix = found.groups()
    if suffix:
        return range(max(0, size - int(suffix)), size)
    if last and int(last) < int(first):
        return None
    return range(int(first), min(int(last) + 1, size) if last else size)


def _to_json(shared: Shared) -> dict[str, object]:
    model = shared.model
    files = [
        {"name": copy.file.name, "sha256": copy.file.sha256, "size": copy.file.size}
        for copy in shared.copies
    ]
    return {
        "name": model.name,
        "repo": model.repo,
        "revision": model.revision,
        "files": files,
    }
