"""A plain HTTP client for looking at single answers: no retries, no redirects, nothing hidden."""

import http.client
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from tests.fake_hub.hub import Hub


@dataclass(frozen=True, slots=True)
class Reply:
    """A whole answer."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes


def connect(
    url: str, *, timeout: float = 20, context: ssl.SSLContext | None = None
) -> http.client.HTTPConnection:
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port
    if parts.scheme == "https":
        return http.client.HTTPSConnection(host, port, timeout=timeout, context=context)
    return http.client.HTTPConnection(host, port, timeout=timeout)


def target(url: str) -> str:
    """Give the path and query of an address."""
    return urlsplit(url)._replace(scheme="", netloc="").geturl()


def ask(
    url: str,
    method: str = "GET",
    *,
    headers: Mapping[str, str] | None = None,
    body: str | None = None,
    context: ssl.SSLContext | None = None,
) -> Reply:
    """Make one request on a connection of its own; raises what http.client raises."""
    connection = connect(url, context=context)
    try:
        connection.request(method, target(url), body, headers or {})
        with connection.getresponse() as response:
            return Reply(response.status, response.headers, response.read())
    finally:
        connection.close()


def locate(hub: Hub, path: str) -> str:
    """Ask the hub where the CDN has a file: `owner/name/resolve/main/model.bin`."""
    return ask(f"{hub.endpoint}/{path}", "HEAD").headers["Location"]
