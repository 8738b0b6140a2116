"""An HTTP proxy on loopback: tunnels for https (CONNECT), forwarding for http, and a record."""

import base64
import select
import socket
from http.server import BaseHTTPRequestHandler
from typing import Self
from urllib.parse import urlsplit

from tests.fake_hub.messages import Request
from tests.fake_hub.server import ServerSocket

HOP_BY_HOP = {"connection", "proxy-connection", "proxy-authorization"}


class Proxy(ServerSocket):
    """Forwards to anywhere; with `credentials` ("user:password") only for those who know them."""

    def __init__(self, credentials: str | None = None) -> None:
        self.requests: list[Request] = []
        self.expected = credentials and f"Basic {base64.b64encode(credentials.encode()).decode()}"
        super().__init__("127.0.0.1", 0, Relay)
        self.url = f"http://127.0.0.1:{self.server_address[1]}"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Relay(BaseHTTPRequestHandler):
    """One client of the proxy; each connection carries one tunnel or one request."""

    server: Proxy

    def do_CONNECT(self) -> None:
        if upstream := self.connect(self.path):
            with upstream:
                self.send_response(200, "Connection established")
                self.end_headers()
                pump(self.connection, upstream)

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        if upstream := self.connect(parts.netloc):
            with upstream:
                target = parts._replace(scheme="", netloc="").geturl() or "/"
                kept = [f"{k}: {v}" for k, v in self.headers.items() if k.lower() not in HOP_BY_HOP]
                head = [f"{self.command} {target} HTTP/1.1", *kept, "Connection: close", "", ""]
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                upstream.sendall("\r\n".join(head).encode("latin-1") + body)
                pump(self.connection, upstream)

    do_HEAD = do_POST = do_GET  # noqa: N815

    def connect(self, destination: str) -> socket.socket | None:
        """Record the request and connect to `host:port`; None if the client has had its answer."""
        self.close_connection = True
        headers = {name.lower(): value for name, value in self.headers.items()}
        ports = self.server.server_address[1], self.client_address[1]
        request = Request(
            self.command, self.path, headers, b"", *ports, where=f"proxy/{destination}"
        )
        self.server.requests.append(request)
        host, _, port = (
            destination.rpartition(":") if ":" in destination else (destination, "", "80")
        )
        if self.server.expected not in {None, headers.get("proxy-authorization")}:
            self.reject(request, 407)
            return None
        try:
            upstream = socket.create_connection((host.strip("[]"), int(port)), timeout=5)
        except OSError:
            self.reject(request, 502)
            return None
        upstream.settimeout(None)
        request.status = 200
        return upstream

    def reject(self, request: Request, status: int) -> None:
        request.status = status
        self.send_response(status)
        if status == 407:
            self.send_header("Proxy-Authenticate", 'Basic realm="loopback"')
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Stay quiet: the requests are recorded."""


def pump(client: socket.socket, upstream: socket.socket) -> None:
    """Carry bytes both ways until one side ends."""
    other = {client: upstream, upstream: client}
    while True:
        for ready in select.select(list(other), [], [])[0]:
            data = ready.recv(1 << 16)
            if not data:
                return
            other[ready].sendall(data)
