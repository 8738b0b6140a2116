"""The page for people: its files, and what a browser may do with them."""

from functools import cache
from pathlib import Path

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from whisper_cli.formats.registry import Format
from whisper_cli.languages import LANGUAGES
from whisper_cli.serve.errors import ApiError

_FOLDER = Path(__file__).parents[1] / "page"
_KINDS = {
    "index.html": "text/html",
    "page.css": "text/css",
    "page.js": "text/javascript",
    "formats.js": "text/javascript",
    "live.js": "text/javascript",
    "microphone.js": "text/javascript",
}
_HEADERS = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
        "img-src data:; media-src blob:; form-action 'none'; base-uri 'none'; "
        "frame-ancestors 'none'"
    ),
    "referrer-policy": "no-referrer",
    "cache-control": "no-cache",
}


async def page(request: Request) -> Response:  # noqa: ARG001 - as Starlette calls it
    """Answer `GET /`."""
    return _file("index.html")


async def part(request: Request) -> Response:
    """Answer `GET /page/{name}`: only the files of the table."""
    name = request.path_params["name"]
    if name == "languages.json":
        return JSONResponse(dict(sorted(LANGUAGES.items(), key=lambda item: item[1])))
    if name == "formats.json":
        return JSONResponse(_offered())
    if name not in _KINDS:
        raise ApiError(404, "there is nothing here", code="not_found")
    return _file(name)


def _offered() -> list[dict[str, str]]:
    """List the formats that the page writes a transcript in."""
    return [
        {"name": kind, "label": kind.spec.page_label, "suffix": kind.suffix}
        for kind in Format
        if kind.spec.page_label
    ]


def _file(name: str) -> Response:
    return Response(_content(name), media_type=_KINDS[name], headers=_HEADERS)


@cache
def _content(name: str) -> bytes:
    return (_FOLDER / name).read_bytes()
