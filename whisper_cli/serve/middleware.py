"""The gate: who may come in, what every answer carries, and a line of log for each request."""

import asyncio
import ipaddress
import logging
import re
import secrets
import socket
import time
from collections.abc import Awaitable, Callable, MutableMapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from whisper_cli.errors import WhisperError
from whisper_cli.serve.errors import ApiError, api_error
from whisper_cli.serve.metrics import Metrics
from whisper_cli.serve.settings import ServerSettings

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

OPEN = frozenset(("/", "/health", "/ready", "/docs", "/openapi.json"))  # and the page's own files
PAGES = frozenset(("/", "/docs"))  # what a link on another site may lead to
_ID = re.compile(r"[\w.-]{1,64}", re.ASCII)
_MAX_DRAINED, _LONGEST_DRAIN = 8 << 20, 2.0  # bytes and seconds of a body that nobody wants
_logger = logging.getLogger("whisper_cli")


@dataclass(slots=True)
class Trace:
    """What is known of a request for the log: no sound, no text, no key."""

    id: str
    started_at: float = field(default_factory=time.monotonic)
    status: int = 0
    audio: float | None = None
    queue_seconds: float | None = None


class Middleware:
    """ASGI middleware around everything; `log` takes one record for each request."""

    def __init__(
        self,
        app: App,
        server_settings: ServerSettings,
        metrics: Metrics,
        log: Callable[[dict[str, Any]], None],
    ) -> None:
        self._app, self._server_settings, self._metrics, self._log = (
            app,
            server_settings,
            metrics,
            log,
        )
        self._hosts = _own_names(server_settings)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request in, or answer why not."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        headers = _headers(scope)
        trace = Trace(_request_id(headers))
        scope.setdefault("state", {})["trace"] = trace
        exchange = _Exchange(scope, receive, send, trace, self._cors(headers))
        try:
            await self._pass(scope, headers, exchange)
        except asyncio.CancelledError:
            raise
        except Exception as error:  # the border: what isn't ours is a bug
            if not isinstance(error, WhisperError):
                _logger.exception("request %s failed", trace.id)
                error = ApiError(500, "a bug in the server", code="internal_error")
            await exchange.reject(api_error(error))
        finally:
            self._note(scope, trace)

    async def _pass(self, scope: Scope, headers: dict[str, str], exchange: "_Exchange") -> None:
        self._check_host(headers)
        self._check_site(scope, headers)
        if scope["type"] == "http" and scope["method"] == "OPTIONS":
            await exchange.preflight()
            return
        self._check_key(scope, headers)
        await self._app(scope, exchange.receive, exchange.send)

    def _check_host(self, headers: dict[str, str]) -> None:
        """Refuse names that are not ours: a page of theirs may have been made to point here."""
        host = _name_in(headers.get("host", ""))
        if not (_is_address(host) or host in self._hosts or host.endswith(".localhost")):
            raise ApiError(403, "this host name is not served here", code="host_not_allowed")

    def _check_site(self, scope: Scope, headers: dict[str, str]) -> None:
        """Refuse what another web site makes a browser send."""
        origin = headers.get("origin")
        if origin in self._server_settings.allow_origin:
            return
        foreign = headers.get("sec-fetch-site") in ("cross-site", "same-site")
        if origin is not None and not foreign:
            foreign = origin.partition("://")[2] != headers.get("host", "")
        visit = scope.get("method") == "GET" and scope["path"] in PAGES
        if foreign and not (visit and origin is None):
            raise ApiError(403, "requests from other sites are refused", code="cross_site")

    def _check_key(self, scope: Scope, headers: dict[str, str]) -> None:
        expected = self._server_settings.api_key
        if expected is None or scope["path"] in OPEN or scope["path"].startswith("/page/"):
            return
        kind, _, given = headers.get("authorization", "").partition(" ")
        if scope["type"] == "websocket" and not given:
            given = _from_protocols(headers)
            kind = "bearer"
        same = secrets.compare_digest(given.strip().encode("latin-1"), expected.encode())
        if kind.lower() != "bearer" or not same:
            raise ApiError(401, "the API key is missing or wrong", code="invalid_api_key")

    def _cors(self, headers: dict[str, str]) -> dict[str, str]:
        origin = headers.get("origin")
        if origin is None or origin not in self._server_settings.allow_origin:
            return {}
        return {"access-control-allow-origin": origin, "vary": "Origin"}

    def _note(self, scope: Scope, trace: Trace) -> None:
        seconds = time.monotonic() - trace.started_at
        method = scope.get("method", "WS")
        self._metrics.request(scope["path"], trace.status, seconds)
        record: dict[str, Any] = {
            "id": trace.id,
            "method": method,
            "path": quote(scope["path"]),  # a %0A in it would make a line of its own
            "status": trace.status,
            "seconds": round(seconds, 3),
        }
        if trace.audio is not None:
            record["audio_seconds"] = round(trace.audio, 2)
            record["queue_seconds"] = round(trace.queue_seconds or 0.0, 3)
            record["rtfx"] = round(trace.audio / max(seconds, 1e-3), 1)
        self._log(record)


class _Exchange:
    """One request on its way through: what it has read, and what its answer carries."""

    def __init__(
        self, scope: Scope, receive: Receive, send: Send, trace: Trace, cors: dict[str, str]
    ) -> None:
        self._scope, self._receive, self._send = scope, receive, send
        self._trace, self._cors = trace, cors
        self._read = False
        self._started = False

    async def receive(self) -> Message:
        message = await self._receive()
        if message["type"] == "http.disconnect" or not message.get("more_body"):
            self._read = True
        return message

    async def send(self, message: Message) -> None:
        if message["type"] == "websocket.accept":
            self._note_status(101)
        elif message["type"] == "websocket.close" and not self._started:
            self._note_status(403)  # what uvicorn makes of it
        elif message["type"] == "http.response.start":
            self._note_status(message["status"])
            more = {"x-request-id": self._trace.id, "x-content-type-options": "nosniff"}
            message["headers"] = [
                *message.get("headers", []),
                *((name.encode(), value.encode()) for name, value in (more | self._cors).items()),
            ]
        last = message["type"] == "http.response.body" and not message.get("more_body")
        if last and not self._read and self._trace.status >= 400:
            await self._send({**message, "more_body": True})
            await self._drain()
            message = {"type": "http.response.body", "body": b""}
        await self._send(message)

    def _note_status(self, status: int) -> None:
        self._started = True
        self._trace.status = status

    async def reject(self, error: ApiError) -> None:
        """Answer with an error, where nothing was answered yet; a session is closed."""
        from starlette.responses import JSONResponse

        if self._started:
            if self._trace.status == 101:
                close = {"type": "websocket.close", "code": 1011, "reason": error.code or ""}
                with suppress(RuntimeError, OSError):  # it is closed already
                    await self._send(close)
            return
        self._trace.status = error.status
        response = JSONResponse({"error": error.body}, error.status, headers=error.headers)
        await response(dict(self._scope), self.receive, self.send)

    async def preflight(self) -> None:
        """Answer what browsers ask before they send something to another origin."""
        from starlette.responses import Response

        allowed = {
            "access-control-allow-methods": "GET, POST, DELETE",
            "access-control-allow-headers": "authorization, content-type, x-request-id",
            "access-control-max-age": "600",
            "allow": "GET, HEAD, POST, DELETE, OPTIONS",
        }
        headers = allowed if self._cors else {"allow": allowed["allow"]}
        await Response(status_code=204, headers=headers)(dict(self._scope), self.receive, self.send)

    async def _drain(self) -> None:
        """Take in a little of a body that nobody wants, so that the client hears the answer."""
        taken = 0
        with suppress(TimeoutError):
            async with asyncio.timeout(_LONGEST_DRAIN):
                while not self._read and taken < _MAX_DRAINED:
                    taken += len((await self.receive()).get("body", b""))


def _headers(scope: Scope) -> dict[str, str]:
    return {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}


def _request_id(headers: dict[str, str]) -> str:
    given = headers.get("x-request-id", "")
    return given if _ID.fullmatch(given) else f"req_{secrets.token_hex(8)}"


def _own_names(server_settings: ServerSettings) -> frozenset[str]:
    names = {"localhost", socket.gethostname().lower(), server_settings.host.lower()}
    return frozenset(names | {name.lower() for name in server_settings.allow_host})


def _name_in(host: str) -> str:
    """Take the port off a Host header."""
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0].rstrip(".").lower()


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _from_protocols(headers: dict[str, str]) -> str:
    """Find the key where browsers can put one for a WebSocket: among its protocols."""
    given = headers.get("sec-websocket-protocol", "").split(",")
    prefix = "openai-insecure-api-key."
    keys = (item.strip().removeprefix(prefix) for item in given if prefix in item)
    return next(keys, "")
