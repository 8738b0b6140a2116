"""Answering a GET with a whole content or the range that was asked for (RFC 9110, section 14)."""

import re

from tests.fake_hub.content import Blob
from tests.fake_hub.messages import Answer, Body, Request, text

RANGE = re.compile(r"bytes=(?:(?P<first>\d+)-(?P<last>\d*)|-(?P<suffix>\d+))")


def serve(request: Request, blob: Blob) -> Answer:
    """Answer 200, 206 or 416; a range is ignored if it isn't one range, or `If-Range` is stale."""
    etag = f'"{blob.etag}"'
    headers = {"ETag": etag, "Accept-Ranges": "bytes", "Content-Type": "application/octet-stream"}
    asked = RANGE.fullmatch((request.range or "").strip())
    if not asked or request.headers.get("if-range", etag) != etag:
        return Answer(200, headers, Body(blob.content, 0, blob.size))
    start, stop = bounds(asked, blob.size)
    if start >= stop:
        return text(416, "range not satisfiable", {"Content-Range": f"bytes */{blob.size}"})
    headers["Content-Range"] = f"bytes {start}-{stop - 1}/{blob.size}"
    return Answer(206, headers, Body(blob.content, start, stop))


def bounds(asked: re.Match[str], size: int) -> tuple[int, int]:
    if asked["suffix"]:
        return max(0, size - int(asked["suffix"])), size
    last = int(asked["last"]) if asked["last"] else size
    return int(asked["first"]), min(last + 1, size)
