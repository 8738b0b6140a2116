"""HTTP as a downloader needs it: one client a thread, connections kept alive, answers streamed."""

import http.client
import json
import re
import socket
import ssl
import time
from collections.abc import Callable, Mapping
from threading import Event
from typing import Any
from urllib.parse import SplitResult, urljoin, urlsplit

from whisper_cli import __version__
from whisper_cli.download.connection import HttpConnection, Origin, connect, origin
from whisper_cli.download.retry import PATIENCE, pause, report_wait, retry_after
from whisper_cli.download.stopping import current_stop
from whisper_cli.errors import DownloadError, SourceUnavailable

_REDIRECTS = {301, 302, 303, 307, 308}
_TEMPORARY = {408, 425, 429, 500, 502, 503, 504}
PRIVATE = {"authorization", "cookie"}
_FOREIGN = (OSError, http.client.HTTPException, ValueError)
_LONGEST_JSON = 64 << 20  # bytes; a hub says about 250 of a file


class ConnectFailed(SourceUnavailable):
    """No connection: name not found, refused, timed out, certificate or proxy not accepted."""


class BrokenError(DownloadError):
    """The connection broke, stalled or spoke nonsense; the rest can be asked for again."""


class InvalidResponse(BrokenError):
    """An answer that leads nowhere; asking again changes nothing."""

    temporary = False


class Response(http.client.HTTPResponse):
    """An answer whose body is read as it comes.

    `url` is the one that redirects led to, `waited` the seconds from the request to the answer.
    """

    url = ""
    waited = 0.0

    def readinto(self, buffer: Any) -> int:
        """Read what one receive gives: the base class waits until the whole buffer is full."""
        if self.chunked or self.fp is None:
            return super().readinto(buffer)
        view = memoryview(buffer)
        if self.length is not None:
            view = view[: self.length]
        count: int = self.fp.readinto1(view)
        if self.length is not None:
            self.length -= count
        if not count or not self.length:
            super().readinto(view[:0])  # the base class notes the end and frees the connection
        return count


class StatusError(DownloadError):
    """An answer that is neither content nor a redirect.

    `wait` is in seconds, where the server asked for it; `code` and `server_message` are the hub's
    `X-Error-Code` and `X-Error-Message`; `temporary` tells that the same request may succeed later.
    """

    def __init__(self, message: str, response: Response, *, redirected: bool = False) -> None:
        self.status = response.status
        self.wait = retry_after(response.headers)
        super().__init__(message + (f" (wait {self.wait:.0f} s)" if self.wait else ""))
        self.code = response.headers.get("X-Error-Code", "")
        self.server_message = response.headers.get("X-Error-Message", "")
        # A signature that was refused may be good when it is made anew.
        self.temporary = self.status in _TEMPORARY or (redirected and self.status == 403)


class Client:
    """Connections kept alive by origin. For one thread; only `cut` may come from another."""

    def __init__(self, *, connect_timeout: float = 5.0, read_timeout: float = 15.0) -> None:
        self._timeouts = connect_timeout, read_timeout
        self._lines: dict[Origin, HttpConnection] = {}
        self._cuts = 0
        self._stop = current_stop()
        self._stop.add(self)

    def get(
        self,
        url: str,
        headers: Mapping[str, str],
        redirected_to: Callable[[str], object] = lambda _: None,
    ) -> Response:
        """Send a GET, follow redirects, and return the answer with its body unread.

        `redirected_to` hears of each new address before it is asked. Authorization and cookies stay
        with the origin (scheme, host, port) of `url`.
        Raises Unreachable, BrokenError or RefusedError.
        """
        sent = self._common(headers)
        for hop in range(10):
            response = self._send(urlsplit(url), sent)
            response.url = url
            target = response.headers.get("Location")
            if response.status not in _REDIRECTS or not target:
                return self._content(response, redirected=hop > 0)
            self.release(response)
            before, url = url, following(url, target)
            if not same_origin(before, url):
                sent = {name: sent[name] for name in sent if name.lower() not in PRIVATE}
            redirected_to(url)
        raise BrokenError(f"{public(url)}: redirects without end")

    def head(self, url: str, headers: Mapping[str, str]) -> Response:
        """Send a HEAD, and return the answer, be it content or a redirect. Raises as `get`."""
        response = self._send(urlsplit(url), self._common(headers), "HEAD")
        response.url = url
        if response.status in _REDIRECTS:
            self.release(response)
            return response
        return self._content(response, redirected=False)

    def read(self, response: Response, buffer: memoryview, seconds: float = 0.1) -> int:
        """Fill `buffer` until the body ends or `seconds` have passed; 0 at the end.

        Raises BrokenError, never before the bytes that came are handed over.
        """
        count, until = 0, time.monotonic() + seconds
        while count < len(buffer) and (not count or time.monotonic() < until):
            try:
                more = response.readinto(buffer[count:])
            except _FOREIGN as error:
                if count:
                    break  # it comes again with the next call
                raise BrokenError(f"{public(response.url)}: {_reason(error)}") from error
            count += more
            if not more:
                break
        return count

    def release(self, response: Response) -> None:
        """Be done with an answer; its connection is kept if the rest of the body is short."""
        try:
            if response.length is not None and response.length <= 1 << 14:
                response.read()
        except _FOREIGN:
            pass
        if not response.isclosed():
            response.close()
            self.close()

    def cut(self) -> None:
        """Wake the thread that waits for an answer: it gets BrokenError or the end of the body."""
        self._cuts += 1
        for line in tuple(self._lines.values()):
            line.close_connection()

    def close(self) -> None:
        """Close all connections; the client may be used again."""
        for line in self._lines.values():
            line.connection.close()
        self._lines.clear()

    def _common(self, headers: Mapping[str, str]) -> dict[str, str]:
        return {
            "Accept-Encoding": "identity",
            "User-Agent": f"whisper-cli/{__version__}",
            **headers,
        }

    def _send(self, url: SplitResult, headers: Mapping[str, str], method: str = "GET") -> Response:
        cuts = self._cuts
        try:
            kept = origin(url) in self._lines
            return self._exchange(url, headers, method)
        except ValueError as error:
            raise BrokenError(str(error)) from error
        except BrokenError:
            self.close()
            if not kept or cuts != self._cuts:
                raise
        return self._exchange(url, headers, method)  # a kept connection may have ended meanwhile

    def _exchange(self, url: SplitResult, headers: Mapping[str, str], method: str) -> Response:
        line = self._line(url)
        if self._stop.is_set():
            raise BrokenError(f"{public(url.geturl())}: stopped")
        path = url._replace(scheme="", netloc="", fragment="", path=url.path or "/")
        target = url._replace(fragment="") if line.absolute else path
        started_at = time.monotonic()
        try:
            line.connection.request(method, target.geturl(), headers={**line.headers, **headers})
            response = line.connection.getresponse()
        except _FOREIGN as error:
            self.close()
            raise BrokenError(f"{public(url.geturl())}: {_reason(error)}") from error
        if response.will_close:
            self._lines.pop(origin(url))
            self._lines["closing", "", 0] = line  # still to be cut
        assert isinstance(response, Response)  # noqa: S101 - that is what a Line makes
        response.waited = time.monotonic() - started_at
        return response

    def _line(self, url: SplitResult) -> HttpConnection:
        key = origin(url)
        if key not in self._lines:
            try:
                self._lines[key] = connect(url, Response, *self._timeouts)
            except _FOREIGN as error:
                raise ConnectFailed(
                    f"no connection to {url.hostname}:{key[2]}: {_reason(error)}", hint=_hint(error)
                ) from error
        return self._lines[key]

    def _content(self, response: Response, *, redirected: bool) -> Response:
        if response.status not in {200, 206}:
            server_message = response.headers.get("X-Error-Message") or response.reason
            self.release(response)
            message = f"{public(response.url)}: {response.status} {server_message}"
            raise StatusError(message, response, redirected=redirected)
        if response.headers.get("Content-Encoding", "identity") != "identity":
            self.release(response)
            raise BrokenError(
                f"{public(response.url)}: sends compressed what was asked for as it is"
            )
        return response


def get_json(
    client: Client, url: str, headers: Mapping[str, str], *, tries: int, stop: Event
) -> tuple[Any, str | None]:
    """Return a decoded answer and the address of its next page; try again where that helps.

    A server that asks to wait is obeyed, up to `PATIENCE`.
    """
    for number in range(tries + 1):
        try:
            response = client.get(url, headers)
            link = re.search(r'<([^>]+)>;\s*rel="next"', response.headers.get("Link", ""))
            return _json(response), link and urljoin(url, link[1])
        except (*_FOREIGN, RecursionError, BrokenError, StatusError) as error:
            client.close()
            requested_wait = getattr(error, "wait", None)
            temporary = getattr(error, "temporary", True) and (requested_wait or 0) <= PATIENCE
            if number == tries or not temporary or stop.is_set():
                if isinstance(error, DownloadError):
                    raise
                invalid = isinstance(error, ValueError | RecursionError)
                reason = "no JSON" if invalid else _reason(error)
                raise BrokenError(f"{public(url)}: {reason}") from error
            report_wait(urlsplit(url).hostname or url, requested_wait or 0)
            stop.wait(pause(number, requested_wait))
    raise AssertionError("unreachable")


def _json(response: Response) -> Any:
    data = response.read(_LONGEST_JSON + 1)
    if len(data) > _LONGEST_JSON:
        raise InvalidResponse(f"{public(response.url)}: more JSON than a hub sends")
    if response.length:
        raise http.client.IncompleteRead(data, response.length)
    return json.loads(data)


def following(url: str, target: str) -> str:
    """Return where a redirect leads. Raises MisledError where that is no http address."""
    try:
        found = urljoin(url, target)
        origin(urlsplit(found))
    except ValueError as error:
        raise InvalidResponse(
            f"{public(url)} redirects to no http address: {target[:80]}"
        ) from error
    return found


def same_origin(one: str, other: str) -> bool:
    """Tell whether two URLs share scheme, host and port."""
    return origin(urlsplit(one)) == origin(urlsplit(other))


def public(url: str) -> str:
    """Return a URL as it may be shown: without the credentials in it and the signed query."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def _reason(error: BaseException) -> str:
    if isinstance(error, TimeoutError):
        return "no answer in time"
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted: {error.verify_message}"
    return (getattr(error, "strerror", None) or str(error) or type(error).__name__).lower()


def _hint(error: BaseException) -> str | None:
    if isinstance(error, ssl.SSLCertVerificationError):
        return "name your company's certificates in SSL_CERT_FILE"
    if isinstance(error, socket.gaierror):
        return "check the name, your network and HTTPS_PROXY"
    return None
