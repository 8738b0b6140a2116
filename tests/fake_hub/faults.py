"""Faults on demand: functions that make an answer worse, and the list of those waiting to strike.

A fault given `after` counts the bytes of one answer's body; given `at`, it means a position in the
file and strikes the answer that covers it. It returns None for an answer that it can't change.
"""

import gzip
import math
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path

from tests.fake_hub.content import Content, blob
from tests.fake_hub.messages import Answer, Body, Halt, Request, text
from tests.fake_hub.ranges import serve

Fault = Callable[[Request, Answer], Answer | None]


@dataclass(slots=True)
class Armed:
    """A fault in wait: it lets `skip` answers pass, then strikes `times` (None: always)."""

    where: str
    fault: Fault
    times: int | None = None
    skip: int = 0
    fired: int = 0

    def strike(self, request: Request, answer: Answer) -> Answer:
        spent = self.times is not None and self.fired >= self.times
        if spent or not fnmatchcase(request.where, self.where):
            return answer
        if (worse := self.fault(request, answer)) is None:
            return answer
        if self.skip:
            self.skip -= 1
            return answer
        self.fired += 1
        return worse


class Faults:
    """The faults that wait for a hub's answers; those added first strike first."""

    def __init__(self) -> None:
        self._armed: list[Armed] = []
        self._lock = threading.Lock()

    def add(self, where: str, fault: Fault, *, times: int | None = None, skip: int = 0) -> Armed:
        """Arm a fault for every request whose `where` matches a pattern such as `cdn/*.bin`."""
        armed = Armed(where, fault, times, skip)
        with self._lock:
            self._armed.append(armed)
        return armed

    def clear(self) -> None:
        with self._lock:
            self._armed.clear()

    def apply(self, request: Request, answer: Answer) -> Answer:
        with self._lock:
            for armed in self._armed:
                answer = armed.strike(request, answer)
        return answer


def cut(*, after: int = 0, at: int | None = None, reset: bool = True) -> Fault:
    """Drop the connection in the middle of a body: by a reset, or by an orderly end."""
    return _halting(after, at, Halt(0, reset=reset))


def stall(*, after: int = 0, at: int | None = None, seconds: float = math.inf) -> Fault:
    """Send nothing more for a while, by default until the client leaves or the hub closes."""
    return _halting(after, at, Halt(0, seconds=seconds))


def _halting(after: int, at: int | None, halt: Halt) -> Fault:
    def fault(request: Request, answer: Answer) -> Answer | None:
        offset = after if at is None else at - answer.body.start
        if request.method == "HEAD" or not 0 <= offset < len(answer.body):
            return None
        return replace(answer, halts=(*answer.halts, replace(halt, after=offset)))

    return fault


def corrupt(at: int) -> Fault:
    """Send a wrong byte at this position of the file."""

    def fault(request: Request, answer: Answer) -> Answer | None:
        body = answer.body
        if request.method == "HEAD" or not body.start <= at < body.stop:
            return None
        return replace(answer, body=replace(body, flips=(*body.flips, at)))

    return fault


def short(by: int, *, reported: bool = False) -> Fault:
    """Send a 206 that lacks its last bytes; `reported` says if Content-Range admits it."""

    def fault(request: Request, answer: Answer) -> Answer | None:
        body = answer.body
        if answer.status != 206 or len(body) <= by:
            return None
        size = answer.headers["Content-Range"].rpartition("/")[2]
        admitted = {"Content-Range": f"bytes {body.start}-{body.stop - by - 1}/{size}"}
        headers = {**answer.headers, **(admitted if reported else {})}
        return replace(answer, headers=headers, body=replace(body, stop=body.stop - by))

    return fault


def no_ranges(*, admitted: bool = True) -> Fault:
    """Send the whole file as a 200 to any Range; unless `admitted`, Accept-Ranges still lies."""

    def fault(request: Request, answer: Answer) -> Answer | None:
        if answer.status not in {200, 206}:
            return None
        hidden = {"Content-Range"} | ({"Accept-Ranges"} if admitted else set())
        headers = {name: value for name, value in answer.headers.items() if name not in hidden}
        return replace(answer, status=200, headers=headers, body=_whole(answer.body))

    return fault


def _whole(body: Body) -> Body:
    content = body.content
    size = content.stat().st_size if isinstance(content, Path) else len(content)
    return replace(body, start=0, stop=size)


def gzipped(request: Request, answer: Answer) -> Answer | None:
    """Compress the whole file and forget the Range, for a client that doesn't insist on identity.

    That is what a CDN which compresses on the fly does: no length, and a weak ETag.
    """
    if answer.status not in {200, 206} or request.headers.get("accept-encoding") == "identity":
        return None
    whole = _whole(answer.body)
    data = gzip.compress(whole.read(whole.start, whole.stop), mtime=0)
    kept = {name: value for name, value in answer.headers.items() if name != "Content-Range"}
    etag = answer.headers.get("ETag", '""').removeprefix("W/")
    headers = {**kept, "Content-Encoding": "gzip", "Vary": "Accept-Encoding", "ETag": f"W/{etag}"}
    body = Body(data, 0, len(data))
    return replace(answer, status=200, headers=headers, body=body, chunked=True)


def chunked(request: Request, answer: Answer) -> Answer | None:
    """Send the body in chunks, without saying how long it will be."""
    return replace(answer, chunked=True)


def changed(content: Content) -> Fault:
    """Serve another content with another ETag, as if the file had been replaced."""
    new = blob(content, lfs=True)
    return lambda request, answer: serve(request, new) if answer.status in {200, 206} else None


def reject(status: int, *, retry_after: int | None = None, rate_limit: int | None = None) -> Fault:
    """Answer an error; both waits are in seconds, as `Retry-After` and in the hub's `RateLimit`."""
    headers: dict[str, str] = {}
    if retry_after is not None:
        headers["Retry-After"] = str(retry_after)
    if rate_limit is not None:
        headers["RateLimit"] = f'"resolvers";r=0;t={rate_limit}'
        headers["RateLimit-Policy"] = '"fixed window";"resolvers";q=3000;w=300'
    return lambda request, answer: text(status, f"refused: {status}", headers)


def slow(rate: float) -> Fault:
    """Send this answer at so many bytes a second."""
    return lambda request, answer: replace(answer, rate=rate)


def delay(seconds: float) -> Fault:
    """Let the client wait for the first byte of the answer."""
    return lambda request, answer: replace(answer, delay=seconds)


def loop(request: Request, answer: Answer) -> Answer | None:
    """Redirect the client to where it is."""
    return text(302, headers={"Location": request.target})


def with_headers(headers: Mapping[str, str]) -> Fault:
    """Add headers to the answer, such as `X-HF-Warning`."""
    return lambda request, answer: replace(answer, headers={**answer.headers, **headers})
