"""One offer as seen from a run: where its redirects lead, which content it has, what it gave."""

import re
import time
from dataclasses import dataclass
from threading import Event, Lock

from whisper_cli.download.http import (
    PRIVATE,
    BrokenError,
    Client,
    Response,
    StatusError,
    same_origin,
)
from whisper_cli.download.retry import report_wait
from whisper_cli.download.types import RemoteFile
from whisper_cli.errors import DownloadError

_RESOLVE_SECONDS = 5.0  # seconds to wait for the thread that resolves, before doing it again
_SIGNATURE_EXPIRED = {400, 401, 403, 404, 410}


class ChangedError(DownloadError):
    """The source has another content than the one asked for."""


class ReplacedError(ChangedError):
    """The source has another content than a moment ago; either may be the one asked for."""


@dataclass(frozen=True, slots=True)
class Body:
    """The answer to a range: it holds the bytes from `start` to `end` of the file."""

    response: Response
    start: int
    end: int
    whole: bool


class MirrorConnection:
    """An offer, for all threads of a run; the address behind its redirects is found once."""

    def __init__(self, remote_file: RemoteFile, size: int) -> None:
        self.remote_file = remote_file
        self.downloaded = 0
        self.ready_at = 0.0
        self._size = size
        self.waited = remote_file.waited
        self._final = remote_file.final_url
        self._etag: str | None = None
        self._resolve_lock, self._known = Lock(), Event()

    @property
    def source(self) -> str:
        """Return the label of the source."""
        return self.remote_file.source

    def rest(self, seconds: float) -> None:
        """Ask nothing of this source for a while."""
        now = time.monotonic()
        if self.ready_at <= now:
            report_wait(self.source, seconds)
        self.ready_at = max(self.ready_at, now + seconds)

    def direct(self) -> tuple[str, dict[str, str]]:
        """Return the address that redirects led to, and the headers that may go there."""
        url = self._final or self.remote_file.url
        return url, self._headers(url)

    def open(self, client: Client, start: int, end: int) -> Body:
        """Ask for the bytes from `start` to `end`. Raises as Client.get, and ChangedError."""
        if self._final is None and not self._resolve_lock.acquire(blocking=False):
            self._known.wait(_RESOLVE_SECONDS)
        elif self._final is None:
            try:
                return self._ask(client, self.remote_file.url, start, end)
            finally:
                self._known.set()
                self._resolve_lock.release()
        return self._ask_final(client, self._final or self.remote_file.url, start, end)

    def _ask_final(self, client: Client, url: str, start: int, end: int) -> Body:
        try:
            return self._ask(client, url, start, end)
        except StatusError as error:
            if error.status not in _SIGNATURE_EXPIRED or url == self.remote_file.url:
                raise
        if self._final == url:
            self._final = self._etag = None  # another edge of the CDN may name it otherwise
            self._known.clear()
        return self.open(client, start, end)

    def _ask(self, client: Client, url: str, start: int, end: int) -> Body:
        headers = self._headers(url)
        headers["Range"] = f"bytes={start}-{end - 1}"
        if self._etag:
            headers["If-Range"] = self._etag
        try:
            response = client.get(url, headers, self._redirected)
        except StatusError as error:
            if error.status == 416:
                raise ChangedError(f"{self.source} has no bytes from {start} on") from error
            raise
        try:
            body = self._checked(response, start, end)
        except DownloadError:
            client.release(response)
            raise
        self._final = response.url
        return body

    def _redirected(self, url: str) -> None:
        """Let the other threads go where a redirect leads while that is still being asked."""
        if self._final is None and not same_origin(url, self.remote_file.url):
            self._final = url
            self._known.set()

    def _headers(self, url: str) -> dict[str, str]:
        owned = same_origin(url, self.remote_file.url)
        return {k: v for k, v in self.remote_file.headers if owned or k.lower() not in PRIVATE}

    def _checked(self, response: Response, start: int, end: int) -> Body:
        self._check_etag(response.headers.get("ETag"))
        if response.status == 200:
            self._check_size(response.length)
            return Body(response, 0, self._size, whole=True)
        found = re.fullmatch(
            r"bytes ([0-9]{1,19})-([0-9]{1,19})/([0-9]{1,19}|\*)",
            response.headers.get("Content-Range", ""),
        )
        if not found:
            raise BrokenError(f"{self.source} sends a part without saying which")
        first, last = int(found[1]), int(found[2]) + 1
        self._check_size(int(found[3]) if found[3] != "*" else None)
        if first != start or not start < last <= end:
            raise BrokenError(f"{self.source} sends bytes {first}-{last}, asked for {start}-{end}")
        if response.length not in {None, last - first}:
            raise BrokenError(f"{self.source} sends {response.length} bytes as {last - first}")
        return Body(response, first, last, whole=False)

    def _check_size(self, size: int | None) -> None:
        if size not in {None, self._size}:
            raise ChangedError(f"{self.source} has {size} bytes, expected {self._size}")

    def _check_etag(self, etag: str | None) -> None:
        if not etag or etag.startswith("W/"):
            return
        if self._etag not in {None, etag}:
            raise ReplacedError(f"{self.source} changed the file while it was fetched")
        self._etag = etag
