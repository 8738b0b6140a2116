"""How a connection is made, through proxies, in bounded time."""

import functools
import http.client
import os
import socket
import ssl
import threading
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import SplitResult, urlsplit
from urllib.request import getproxies, proxy_bypass

from whisper_cli.errors import SourceUnavailable
from whisper_cli.proxies import proxy_credentials, proxy_for

Origin = tuple[str, str, int]


@dataclass(frozen=True, slots=True)
class HttpConnection:
    """An open connection; over a plain proxy each request carries `headers` and the whole URL."""

    connection: http.client.HTTPConnection
    socket: socket.socket
    absolute: bool = False
    headers: dict[str, str] = field(default_factory=dict, repr=False)

    def close_connection(self) -> None:
        """Wake a thread that waits for this line (SSLSocket.shutdown would race with it)."""
        try:
            socket.socket.shutdown(self.socket, socket.SHUT_RDWR)
        except OSError:
            return  # closed already


def origin(url: SplitResult) -> Origin:
    """Return scheme, host and port: what credentials must not leave."""
    if url.scheme not in {"http", "https"} or not url.hostname:
        raise ValueError(f"not an http address: {url.scheme}://{url.hostname or ''}")
    return url.scheme, url.hostname, url.port or (443 if url.scheme == "https" else 80)


def connect(
    url: SplitResult,
    response_class: type[http.client.HTTPResponse],
    connect_timeout: float,
    read_timeout: float,
) -> HttpConnection:
    """Connect to the origin of `url`, through a proxy if the environment names one.

    Raises OSError (no connection, no certificate), HTTPException and ValueError.
    """
    scheme, host, port = origin(url)
    proxy = proxy_for(scheme, host, port)
    via = proxy or url
    _, via_host, via_port = origin(via)
    connection = _connection(scheme, via_host, via_port, connect_timeout)
    connection.response_class = response_class
    credentials = proxy_credentials(proxy)
    if proxy and scheme == "https":
        connection.set_tunnel(host, port, credentials)
    connection.connect()
    connection.auto_open = 0
    connection.sock.settimeout(read_timeout)
    connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    absolute = proxy is not None and scheme == "http"
    return HttpConnection(connection, connection.sock, absolute, credentials if absolute else {})


def _connection(scheme: str, host: str, port: int, timeout: float) -> http.client.HTTPConnection:
    if scheme == "https":
        return http.client.HTTPSConnection(host, port, timeout=timeout, context=_context())
    return http.client.HTTPConnection(host, port, timeout=timeout)


def _context() -> ssl.SSLContext:
    names = ("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
    return _trusting(*(os.environ.get(name) for name in names))


@functools.cache
def _trusting(_file: str | None, _folder: str | None, *bundles: str | None) -> ssl.SSLContext:
    context = ssl.create_default_context()  # obeys SSL_CERT_FILE and SSL_CERT_DIR by itself
    context.set_alpn_protocols(["http/1.1"])
    if bundle := next(filter(None, bundles), None):
        kind = "capath" if Path(bundle).is_dir() else "cafile"
        context.load_verify_locations(**{kind: bundle})
    return context


def require_connection(url: str, *, within: float = 5.0) -> None:
    """Raise SourceUnavailable where no TCP connection comes about within so many seconds.

    Where the environment names a proxy for the URL, it is the proxy that must be there. Name
    resolution counts too, and knows no time limit of its own: hence the thread.
    """
    host, port = _next_hop(url)
    outcome: list[str] = []

    def connect() -> None:
        try:
            socket.create_connection((host, port), timeout=within).close()
            outcome.append("")
        except (OSError, UnicodeError) as error:  # UnicodeError: no name that DNS could know
            outcome.append(getattr(error, "strerror", None) or str(error))

    attempt = threading.Thread(target=connect, daemon=True)
    attempt.start()
    attempt.join(within)
    if not outcome:
        raise SourceUnavailable(f"no connection to {host} within {within:g} s")
    if outcome[0]:
        raise SourceUnavailable(f"no connection to {host}: {outcome[0]}")


def _next_hop(url: str) -> tuple[str, int]:
    parts = urlsplit(url)
    proxies = getproxies()
    proxy = proxies.get(parts.scheme) or proxies.get("all")
    if proxy and not proxy_bypass(parts.hostname or ""):
        parts = urlsplit(proxy if "://" in proxy else f"http://{proxy}")
    return parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
