"""Sound from the web: public addresses only, gone on with where a connection ends.

Where the environment names a proxy, it is gone through, and it is the proxy that looks hosts up:
private ones are refused here only where the address itself shows that they are.
"""

import http.client
import io
import ipaddress
import logging
import re
import shutil
import socket
import ssl
import subprocess
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, quote, urljoin, urlsplit

from whisper_cli import __version__
from whisper_cli.audio.sources import Url, UrlLimits
from whisper_cli.errors import AudioError
from whisper_cli.proxies import proxy_credentials, proxy_for

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

logger = logging.getLogger("whisper_cli")

REDIRECTS, TRIES, QUIET = 5, 4, 30.0  # redirects followed, connections for one byte, seconds still
_KEPT = "/%:@!$&'()*+,;=~?[]{}|"  # what a path or query keeps as it is
_LONE_PERCENT = re.compile("%(?![0-9A-Fa-f]{2})")
_MOVED = (301, 302, 303, 307, 308)


def open_url(address: Url) -> io.BufferedIOBase:
    """Open an input on the web; a page goes to yt-dlp where that is installed.

    Raises AudioError where it isn't there, or may not be opened.
    """
    body = _Body(address)
    if body.kind != "text/html":
        return io.BufferedReader(body)
    body.close()
    program = shutil.which("yt-dlp")
    if program is None:
        raise AudioError(
            f"{address.url} is a web page, and no audio",
            hint="name the audio itself, or: pip install yt-dlp",
        )
    return io.BufferedReader(_Downloaded(program, address))


class _Body(io.RawIOBase):
    """The bytes at an address; a connection that ends early is made again from there."""

    def __init__(self, address: Url) -> None:
        self._address, self._limits = address, address.limits
        self._until = time.monotonic() + address.limits.max_seconds
        self._position = 0
        self._connection, self._response = _get(address.url, address.limits, 0, None)
        headers = self._response.headers
        self.kind = headers.get_content_type() if "content-type" in headers else ""
        self._tag = headers.get("etag") or headers.get("last-modified")
        self._size = _length(self._response)
        self._check(self._size or 0)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "WriteableBuffer") -> int:
        view = memoryview(buffer).cast("B")
        for attempt in range(1, TRIES + 1):
            failure = "the connection ended early"
            try:
                count = self._response.readinto(view)
            except (OSError, http.client.HTTPException) as error:
                count, failure = 0, str(error) or type(error).__name__
            else:
                self._position += count
                self._check(self._position)
                if count or self._size in (None, self._position):
                    return count
            logger.info("%s: %s at byte %d", self._address.url, failure, self._position)
            if self._size is None:
                break
            time.sleep(0.5 * attempt)
            self._again()
        raise AudioError(f"{self._address.url} was cut off at byte {self._position}: {failure}")

    def close(self) -> None:
        self._connection.close()
        super().close()

    def _again(self) -> None:
        """Go on with the same content; raises AudioError where it is another by now."""
        self._connection.close()
        try:
            found = _get(self._address.url, self._limits, self._position, self._tag)
        except AudioError as error:
            logger.info("%s", error.message)
            return
        self._connection, self._response = found
        if self._response.status != http.client.PARTIAL_CONTENT:
            at = f"{self._address.url} was cut off at byte {self._position}"
            raise AudioError(f"{at}, and can't be gone on with")

    def _check(self, size: int) -> None:
        if size > self._limits.max_bytes:
            raise AudioError(
                f"{self._address.url} is larger than {self._limits.max_bytes} bytes",
                hint="--max-url-size takes more",
            )
        if time.monotonic() > self._until:
            raise AudioError(
                f"{self._address.url} took longer than {self._limits.max_seconds:g} s",
                hint="--max-url-time takes more",
            )


class _Downloaded(io.RawIOBase):
    """What yt-dlp writes of a page's sound, within the same limits."""

    def __init__(self, program: str, address: Url) -> None:
        command = [program, "-q", "--no-playlist", "-f", "bestaudio/best", "-o", "-", "--"]
        self._address = address
        self._until = time.monotonic() + address.limits.max_seconds
        self._position = 0
        self._child = subprocess.Popen(
            [*command, address.url],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "WriteableBuffer") -> int:
        view = memoryview(buffer).cast("B")
        data = self._child.stdout.read1(len(view)) if self._child.stdout else b""  # type: ignore[attr-defined]
        self._position += len(data)
        if self._position > self._address.limits.max_bytes or time.monotonic() > self._until:
            raise AudioError(f"{self._address.url} gives more than its limits allow")
        if not data and self._child.wait():
            raw = self._child.stderr.read() if self._child.stderr else b""
            reason = raw.decode(errors="replace").strip().splitlines()
            raise AudioError(
                f"yt-dlp failed on {self._address.url}: {reason[-1] if reason else ''}"
            )
        view[: len(data)] = data
        return len(data)

    def close(self) -> None:
        self._child.kill()
        with self._child:
            pass
        super().close()


def _get(
    url: str, limits: UrlLimits, start: int, tag: str | None
) -> tuple[http.client.HTTPConnection, http.client.HTTPResponse]:
    """Ask for an address, through redirects, each of them checked. Raises AudioError."""
    headers = {"User-Agent": f"whisper-cli/{__version__}", "Accept-Encoding": "identity"}
    if start:
        headers |= {"Range": f"bytes={start}-"} | ({"If-Range": tag} if tag else {})
    for _ in range(REDIRECTS + 1):
        connected = _connected(url, limits)
        connection, target = connected.connection, connected.prefix + _target(url)
        try:
            connection.request("GET", target, headers=headers | connected.headers)
            response = connection.getresponse()
        except (OSError, http.client.HTTPException, ValueError) as error:
            connection.close()
            raise AudioError(f"can't read {url}: {_reason(error)}") from error
        if response.status in (http.client.OK, http.client.PARTIAL_CONTENT):
            return connection, response
        response.close()
        connection.close()
        if response.status not in _MOVED or not response.headers.get("location"):
            raise AudioError(f"can't read {url}: {response.status} {response.reason}")
        url = _redirected(url, _location(response.headers["location"]))
    raise AudioError(f"{url} is redirected too often")


@dataclass(frozen=True, slots=True)
class _Connected:
    """A connection; a plain proxy is told the origin too (`prefix`), and who we are."""

    connection: http.client.HTTPConnection
    prefix: str = ""
    headers: dict[str, str] = field(default_factory=dict, repr=False)


def _connected(url: str, limits: UrlLimits) -> _Connected:
    """Connect to an address that was looked up and checked, not looked up once more."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise AudioError(f"{url} is no address: {error}") from error
    if parts.scheme.lower() not in ("http", "https") or not host:
        raise AudioError(f"{url} is not of http or https")
    if parts.username or parts.password:
        raise AudioError(f"an address with a password in it is not opened ({host})")
    secure = parts.scheme.lower() == "https"
    port = port or (443 if secure else 80)
    try:
        proxy = proxy_for(parts.scheme.lower(), host, port)
    except ValueError as error:
        raise AudioError(f"can't connect to {host}: {error}") from error
    if proxy is not None:
        _check_literal(host, limits)
        return _through(proxy, host, port, secure=secure)
    try:
        plain = _first(_checked(host, port, limits), port)
        wire = (
            ssl.create_default_context().wrap_socket(plain, server_hostname=host)
            if secure
            else plain
        )
    except (OSError, ValueError) as error:  # a UnicodeError is one: of a host that is no name
        raise AudioError(f"can't connect to {host}: {_reason(error)}") from error
    kind = http.client.HTTPSConnection if secure else http.client.HTTPConnection
    connection = kind(host, port, timeout=QUIET)
    connection.sock = wire
    return _Connected(connection)


def _through(proxy: SplitResult, host: str, port: int, *, secure: bool) -> _Connected:
    """Connect by a proxy: through a tunnel, or by requests that name the origin."""
    kind = http.client.HTTPSConnection if secure else http.client.HTTPConnection
    try:
        name = f"[{host}]" if ":" in host else host.encode("idna").decode()
        connection = kind(proxy.hostname or "", proxy.port or 80, timeout=QUIET)
    except (http.client.HTTPException, ValueError) as error:
        raise AudioError(f"can't connect to {host} through a proxy: {_reason(error)}") from error
    place = f"{connection.host}:{connection.port}"
    logger.info("%s is opened through the proxy %s, which looks it up", host, place)
    try:
        if secure:
            connection.set_tunnel(name, port, proxy_credentials(proxy))
        connection.connect()
    except (OSError, http.client.HTTPException, ValueError) as error:
        connection.close()
        message = f"can't connect to {host} through the proxy {place}: {_reason(error)}"
        raise AudioError(message) from error
    if secure:
        return _Connected(connection)
    prefix = f"http://{name}" + (f":{port}" if port != 80 else "")
    return _Connected(connection, prefix, proxy_credentials(proxy))


def _target(url: str) -> str:
    """Write path and query as a request has them: what is no ASCII, or a space, by its bytes."""
    parts = urlsplit(url)
    path, query = (
        quote(_LONE_PERCENT.sub("%25", text), _KEPT, errors="surrogateescape")
        for text in (parts.path, parts.query)
    )
    return (path or "/") + (f"?{query}" if query else "")


def _location(header: str) -> str:
    """Read a Location that a server wrote in UTF-8 and `http.client` takes for Latin-1."""
    return header.encode("latin-1", "replace").decode("utf-8", "surrogateescape")


def _redirected(url: str, to: str) -> str:
    try:
        return urljoin(url, to)
    except ValueError as error:
        raise AudioError(f"{url} is redirected to {to}, which is no address: {error}") from error


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error) or type(error).__name__


def _first(hosts: Sequence[str], port: int) -> socket.socket:
    """Connect to the first address that answers. Raises the last one's OSError."""
    for address in hosts[:-1]:
        with suppress(OSError):
            return socket.create_connection((address, port), QUIET)
    return socket.create_connection((hosts[-1], port), QUIET)


def _checked(host: str, port: int, limits: UrlLimits) -> list[str]:
    """Look a host up, and give its addresses, all of which may be used. Raises AudioError."""
    entries = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    found = list(dict.fromkeys(str(entry[4][0]) for entry in entries))
    _require_public(host, found, limits)
    return found


def _check_literal(host: str, limits: UrlLimits) -> None:
    """Refuse what is private by its very name, in any spelling: 127.1 and 2130706433 too."""
    bare = host.rstrip(".")
    if bare == "localhost" or bare.endswith(".localhost"):
        _require_public(host, ["127.0.0.1"], limits)
    with suppress(OSError, ValueError):  # a name, which is the proxy's to look up
        entries = socket.getaddrinfo(
            bare, None, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST
        )
        _require_public(host, [str(entry[4][0]) for entry in entries], limits)


def _require_public(host: str, addresses: Sequence[str], limits: UrlLimits) -> None:
    for text in addresses:
        address = ipaddress.ip_address(text.partition("%")[0])
        address = getattr(address, "ipv4_mapped", None) or address
        if not limits.allow_private and (not address.is_global or address.is_multicast):
            raise AudioError(
                f"{host} is at {text}, which is no public address",
                hint="--allow-private-urls opens it all the same",
            )


def _length(response: http.client.HTTPResponse) -> int | None:
    raw = response.headers.get("content-length", "")
    # Other digits are some to `isdigit` and none to `int`, which takes 4,300 at most.
    return int(raw) if raw.isascii() and raw.isdigit() and len(raw) <= 4300 else None
