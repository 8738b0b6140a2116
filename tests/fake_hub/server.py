"""A threaded server on one port, that knows its connections and leaves nothing behind."""

import socket
import socketserver
import ssl
import sys
import threading
from dataclasses import dataclass, field
from typing import Any, Protocol

from tests.fake_hub.faults import Faults
from tests.fake_hub.messages import Answer, Request
from tests.fake_hub.throttle import Link
from tests.fake_hub.wire import Handler


class Site(Protocol):
    """What a server serves."""

    def where(self, request: Request) -> str:
        """Name the thing asked for, for faults to aim at."""
        ...

    def answer(self, request: Request) -> Answer: ...


@dataclass(slots=True)
class Conditions:
    """What the hub and its CDN share: the network, the faults, the record of requests."""

    link: Link = field(default_factory=Link)
    faults: Faults = field(default_factory=Faults)
    requests: list[Request] = field(default_factory=list)
    closing: threading.Event = field(default_factory=threading.Event)


class ServerSocket(socketserver.ThreadingTCPServer):
    """Accepts connections, one thread each, until `close` ends them all.

    A failure that isn't the network's is kept and raised by `close`.
    """

    allow_reuse_address = True
    request_queue_size = 128

    def __init__(
        self, host: str, port: int, handler: type[socketserver.BaseRequestHandler]
    ) -> None:
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._open: set[Any] = set()
        self._failures: list[BaseException] = []
        super().__init__((host, port), handler)
        self.thread = threading.Thread(target=self.serve_forever, args=(0.02,))
        self.thread.start()

    def process_request(self, request: Any, client_address: Any) -> None:
        self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        # No shutdown() before the close: it would send an orderly end where a reset is wanted.
        self._open.discard(request)
        self.close_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        error = sys.exc_info()[1]
        if error and not isinstance(error, OSError):
            self._failures.append(error)

    def close(self) -> None:
        """End every connection and wait for its thread."""
        self.shutdown()
        self.thread.join()
        for connection in list(self._open):
            close_connection(connection)
        self.server_close()
        if self._failures:
            raise RuntimeError("the loopback server failed") from self._failures[0]


def close_connection(connection: socket.socket) -> None:
    try:
        # By the plain socket: an SSLSocket would drop its session under the thread that uses it.
        socket.socket.shutdown(connection, socket.SHUT_RDWR)
    except OSError:
        return  # the client was quicker


class Server(ServerSocket):
    """Serves one site under conditions, with TLS if there is a context."""

    def __init__(
        self,
        site: Site,
        conditions: Conditions,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        context: ssl.SSLContext | None = None,
    ) -> None:
        self.site = site
        self.conditions = conditions
        self.context = context
        super().__init__(host, port, Handler)

    @property
    def url(self) -> str:
        host, port = str(self.server_address[0]), self.server_address[1]
        scheme = "https" if self.context else "http"
        return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"

    def get_request(self) -> tuple[Any, Any]:
        connection, address = super().get_request()
        if self.context:
            # The handshake waits for the connection's own thread: it may take long, or never end.
            connection = self.context.wrap_socket(
                connection, server_side=True, do_handshake_on_connect=False
            )
        return connection, address
