"""Connections of clients: how many there may be, and how long one may take to ask."""

import asyncio
import logging
import socket
import time
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

HEAD = 30.0  # seconds in which the head of a request has to be whole
RESERVED = 64  # descriptors that connections leave to uploads, models and engines
_MAX_FILES = 1 << 16  # descriptors; some containers allow a billion, which nobody means
_LOG_EVERY = 60.0  # seconds between two lines of the log about the same thing
_UNAVAILABLE_BODY = (
    b'{"error": {"message": "too many connections: come again", "type": "server_error", '
    b'"param": null, "code": "too_many_connections"}}'
)
_UNAVAILABLE = (
    b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 5\r\nx-should-retry: true\r\n"
    b"connection: close\r\ncontent-type: application/json\r\n"
    b"content-length: %d\r\n\r\n%s" % (len(_UNAVAILABLE_BODY), _UNAVAILABLE_BODY)
)
_TIMEOUT_RESPONSE = (
    b"HTTP/1.1 408 Request Timeout\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
)
_logger = logging.getLogger("whisper_cli")


class ServerSocket(socket.socket):
    """A socket that accepts while descriptors are left, and answers 503 above.

    `silent` closes a connection without a word: over TLS one can't be said yet.
    """

    silent = False

    def __init__(self, family: int) -> None:
        super().__init__(family)
        limit = raise_limit()
        self._maximum = max(limit - RESERVED, limit // 2)
        self._log_limit = LogLimit()

    def accept(self) -> tuple[socket.socket, Any]:
        """Accept a connection. Raises BlockingIOError where it was refused: asyncio comes again."""
        connection, address = super().accept()
        if connection.fileno() < self._maximum:  # the lowest number that is free, by POSIX
            return connection, address
        with connection:
            self._reject(connection)
        raise BlockingIOError

    def _reject(self, connection: socket.socket) -> None:
        if self._log_limit.expired():
            _logger.warning("more than %d connections and files are open: refused", self._maximum)
        if self.silent:
            return
        connection.settimeout(0)
        try:
            connection.send(_UNAVAILABLE)
            connection.recv(1 << 16)  # what is left unread would take the answer away
        except OSError:
            return


class Protocol(H11Protocol):
    """One connection, closed where a request's head isn't whole in `HEAD` seconds."""

    _clock: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for the first request."""
        super().connection_made(transport)
        self._wait()

    def on_response_complete(self) -> None:
        """Begin to wait for the next request."""
        super().on_response_complete()
        self._wait()

    def send_400_response(self, msg: str) -> None:
        """Answer a body that breaks the protocol; the request under way has lost its client."""
        super().send_400_response(msg)
        if self.cycle is not None:
            self.cycle.disconnected = True
            self.cycle.message_event.set()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no longer."""
        super().connection_lost(exc)
        self._stop()

    def _wait(self) -> None:
        self._stop()
        self._clock = self.loop.call_later(HEAD, self._timed_out)

    def _stop(self) -> None:
        if self._clock is not None:
            self._clock.cancel()

    def _timed_out(self) -> None:
        """Close the connection, unless a request has come or it was upgraded meanwhile."""
        upgraded = self.transport.get_protocol() is not self
        active = self.cycle is not None and not self.cycle.response_complete
        if upgraded or active or self.transport.is_closing():
            return
        if self.conn.our_state is h11.IDLE and self.conn.trailing_data[0]:
            self.transport.write(_TIMEOUT_RESPONSE)
        self.transport.close()


class LogLimit:
    """Says when to tell of something that happens often: once in a minute."""

    def __init__(self) -> None:
        self._next = 0.0

    def expired(self) -> bool:
        """Say whether to tell of something again."""
        now = time.monotonic()
        if now < self._next:
            return False
        self._next = now + _LOG_EVERY
        return True


class _OutOfDescriptors(logging.Filter):
    """Lets asyncio say once a minute, in a line, that no connection can be accepted."""

    def __init__(self) -> None:
        super().__init__()
        self._log_limit = LogLimit()

    def filter(self, record: logging.LogRecord) -> bool:
        """Say whether to log the record: any other one always."""
        if "out of system resource" not in record.getMessage():
            return True
        record.msg, record.args = "no connection can be accepted: too many open files", None
        record.exc_info = None
        return self._log_limit.expired()


def quieten() -> None:
    """Keep asyncio, which tries thousands of times a second, from filling the log."""
    logging.getLogger("asyncio").addFilter(_OutOfDescriptors())


def raise_limit() -> int:
    """Raise the soft limit of open descriptors to the hard one, and return it."""
    try:
        import resource
    except ImportError:  # Windows has none
        return _MAX_FILES
    soft, maximum = resource.getrlimit(resource.RLIMIT_NOFILE)
    no_limit = resource.RLIM_INFINITY
    limit = _MAX_FILES if maximum == no_limit else min(maximum, _MAX_FILES)
    if soft != no_limit and soft < limit:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (limit, maximum))
            soft = limit
        except (OSError, ValueError):  # macOS allows less than it says
            pass
    return _MAX_FILES if soft == no_limit else soft
