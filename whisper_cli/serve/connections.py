"""Connections of clients: how many there may be, and how long one may take to ask."""

import asyncio
import logging
import socket
import time
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

HEAD = 30.0  # seconds in which the head of a request has to be whole
SPARE = 64  # descriptors that connections leave to uploads, models and engines
_MOST = 1 << 16  # descriptors; some containers allow a billion, which nobody means
_SELDOM = 60.0  # seconds between two lines of the log about the same thing
_BUSY_BODY = (
    b'{"error": {"message": "too many connections: come again", "type": "server_error", '
    b'"param": null, "code": "too_many_connections"}}'
)
_BUSY = (
    b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 5\r\nx-should-retry: true\r\n"
    b"connection: close\r\ncontent-type: application/json\r\n"
    b"content-length: %d\r\n\r\n%s" % (len(_BUSY_BODY), _BUSY_BODY)
)
_LATE = b"HTTP/1.1 408 Request Timeout\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
_logger = logging.getLogger("whisper_cli")


class Listener(socket.socket):
    """A socket that accepts while descriptors are left, and answers 503 above.

    `silent` closes a connection without a word: over TLS one can't be said yet.
    """

    silent = False

    def __init__(self, family: int) -> None:
        super().__init__(family)
        limit = raise_limit()
        self._most = max(limit - SPARE, limit // 2)
        self._told = Seldom()

    def accept(self) -> tuple[socket.socket, Any]:
        """Accept a connection. Raises BlockingIOError where it was refused: asyncio comes again."""
        connection, address = super().accept()
        if connection.fileno() < self._most:  # the lowest number that is free, by POSIX
            return connection, address
        with connection:
            self._refuse(connection)
        raise BlockingIOError

    def _refuse(self, connection: socket.socket) -> None:
        if self._told.due():
            _logger.warning("more than %d connections and files are open: refused", self._most)
        if self.silent:
            return
        connection.settimeout(0)
        try:
            connection.send(_BUSY)
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
        self._clock = self.loop.call_later(HEAD, self._late)

    def _stop(self) -> None:
        if self._clock is not None:
            self._clock.cancel()

    def _late(self) -> None:
        """Close the connection, unless a request has come or it was upgraded meanwhile."""
        upgraded = self.transport.get_protocol() is not self
        busy = self.cycle is not None and not self.cycle.response_complete
        if upgraded or busy or self.transport.is_closing():
            return
        if self.conn.our_state is h11.IDLE and self.conn.trailing_data[0]:
            self.transport.write(_LATE)
        self.transport.close()


class Seldom:
    """Says when to tell of something that happens often: once in a minute."""

    def __init__(self) -> None:
        self._next = 0.0

    def due(self) -> bool:
        """Say whether to tell of something again."""
        now = time.monotonic()
        if now < self._next:
            return False
        self._next = now + _SELDOM
        return True


class _OutOfDescriptors(logging.Filter):
    """Lets asyncio say once a minute, in a line, that no connection can be accepted."""

    def __init__(self) -> None:
        super().__init__()
        self._told = Seldom()

    def filter(self, record: logging.LogRecord) -> bool:
        """Say whether to log the record: any other one always."""
        if "out of system resource" not in record.getMessage():
            return True
        record.msg, record.args = "no connection can be accepted: too many open files", None
        record.exc_info = None
        return self._told.due()


def quieten() -> None:
    """Keep asyncio, which tries thousands of times a second, from filling the log."""
    logging.getLogger("asyncio").addFilter(_OutOfDescriptors())


def raise_limit() -> int:
    """Raise the soft limit of open descriptors to the hard one, and return it."""
    try:
        import resource
    except ImportError:  # Windows has none
        return _MOST
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    unlimited = resource.RLIM_INFINITY
    wanted = _MOST if hard == unlimited else min(hard, _MOST)
    if soft != unlimited and soft < wanted:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
            soft = wanted
        except (OSError, ValueError):  # macOS allows less than it says
            pass
    return _MOST if soft == unlimited else soft
