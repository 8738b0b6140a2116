"""The table of routes, and the application around it."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route, WebSocketRoute

from whisper_cli.errors import WhisperError
from whisper_cli.serve import document, library, native, pages, realtime, speech, state
from whisper_cli.serve.failures import ApiError, bug, draining
from whisper_cli.serve.gate import App, Gate, Receive, Scope, Send
from whisper_cli.serve.metrics import Metrics
from whisper_cli.serve.serving import Serving
from whisper_cli.serve.studio import Studio
from whisper_cli.serve.upload import Senders

logger = logging.getLogger("whisper_cli")

ROUTES = (
    Route("/v1/audio/transcriptions", speech.transcriptions, methods=["POST"]),
    Route("/v1/audio/translations", speech.translations, methods=["POST"]),
    Route("/v1/models", library.models, methods=["GET"]),
    Route("/v1/models/{id:path}", library.model, methods=["GET", "DELETE"]),
    Route("/api/ps", library.loaded, methods=["GET"]),
    Route("/api/load", library.load, methods=["POST"]),
    Route("/api/unload", library.unload, methods=["POST"]),
    Route("/api/pull", library.pull, methods=["POST"]),
    Route("/api/transcribe", native.transcribe, methods=["POST"]),
    WebSocketRoute("/v1/realtime", realtime.realtime),
    Route("/health", state.health, methods=["GET"]),
    Route("/ready", state.ready, methods=["GET"]),
    Route("/", pages.page, methods=["GET"]),
    Route("/page/{name}", pages.part, methods=["GET"]),
    Route("/docs", document.docs, methods=["GET"]),
    Route("/openapi.json", document.openapi, methods=["GET"]),
    Route("/metrics", state.metrics, methods=["GET"]),
)


def application(
    serving: Serving,
    studio: Studio,
    log: Callable[[dict[str, Any]], None],
    failed: Callable[[WhisperError], None],
    secret: str | None = None,
) -> App:
    """Make the application; `failed` hears of a served model that can't be loaded.

    With the `secret` it proves to be ours (see `proof`).
    """

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        warming = asyncio.create_task(_warm(app, studio, failed))
        try:
            yield
        finally:
            warming.cancel()
            await studio.close()

    app = Starlette(
        routes=list(ROUTES),
        lifespan=lifespan,
        exception_handlers={ApiError: _refused, HTTPException: _no_route, Exception: _failed},
    )
    app.state.studio = studio
    app.state.metrics = Metrics()
    app.state.senders = Senders(serving.max_queue)
    app.state.warm = False
    app.state.secret = secret
    return Gate(_ending(app, studio), serving, app.state.metrics, log)


def _ending(app: App, studio: Studio) -> App:
    """Answer as long as the server lasts; from when it drains, let it be asked how it is alone."""

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await app(scope, receive, send)
            return
        if studio.draining and scope.get("method") not in ("GET", "HEAD"):
            raise draining()
        async with studio.answering():
            await app(scope, receive, send)

    return answer


async def _warm(app: Starlette, studio: Studio, failed: Callable[[WhisperError], None]) -> None:
    """Load what is served before anybody asks."""
    try:
        for entry in await asyncio.to_thread(studio.shelf.served):
            await studio.fleet.load(entry)
        app.state.warm = True
    except WhisperError as error:
        # Clients are told no path; who starts the server may know.
        failed(error.__cause__ if isinstance(error.__cause__, WhisperError) else error)


async def _refused(request: Request, error: Exception) -> Response:  # noqa: ARG001
    assert isinstance(error, ApiError)  # noqa: S101 - the table says so
    return JSONResponse({"error": error.body}, error.status, headers=error.headers)


async def _failed(request: Request, error: Exception) -> Response:  # noqa: ARG001
    """Answer in the form of the API; the gate logs what is raised again after this."""
    return await _refused(request, bug())


async def _no_route(request: Request, error: Exception) -> Response:  # noqa: ARG001
    assert isinstance(error, HTTPException)  # noqa: S101 - the table says so
    told = {404: "there is nothing here", 405: "this method does nothing here"}
    refused = ApiError(
        error.status_code,
        told.get(error.status_code, error.detail),
        code={404: "not_found", 405: "method_not_allowed"}.get(error.status_code),
    )
    headers = {**refused.headers, **(error.headers or {})}
    return JSONResponse({"error": refused.body}, error.status_code, headers=headers)
