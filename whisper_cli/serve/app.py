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
from whisper_cli.serve.errors import ApiError, bug, draining
from whisper_cli.serve.job_manager import JobManager
from whisper_cli.serve.metrics import Metrics
from whisper_cli.serve.middleware import App, Middleware, Receive, Scope, Send
from whisper_cli.serve.multipart import UploadLimits
from whisper_cli.serve.routes import health, models, native, openapi, realtime, transcriptions, ui
from whisper_cli.serve.settings import ServerSettings

logger = logging.getLogger("whisper_cli")

ROUTES = (
    Route("/v1/audio/transcriptions", transcriptions.transcriptions, methods=["POST"]),
    Route("/v1/audio/translations", transcriptions.translations, methods=["POST"]),
    Route("/v1/models", models.models, methods=["GET"]),
    Route("/v1/models/{id:path}", models.model, methods=["GET", "DELETE"]),
    Route("/api/ps", models.loaded, methods=["GET"]),
    Route("/api/load", models.load, methods=["POST"]),
    Route("/api/unload", models.unload, methods=["POST"]),
    Route("/api/pull", models.pull, methods=["POST"]),
    Route("/api/transcribe", native.transcribe, methods=["POST"]),
    WebSocketRoute("/v1/realtime", realtime.realtime),
    Route("/health", health.health, methods=["GET"]),
    Route("/ready", health.ready, methods=["GET"]),
    Route("/", ui.page, methods=["GET"]),
    Route("/page/{name}", ui.part, methods=["GET"]),
    Route("/docs", openapi.docs, methods=["GET"]),
    Route("/openapi.json", openapi.openapi, methods=["GET"]),
    Route("/metrics", health.metrics, methods=["GET"]),
)


def application(
    server_settings: ServerSettings,
    job_manager: JobManager,
    log: Callable[[dict[str, Any]], None],
    failed: Callable[[WhisperError], None],
    secret: str | None = None,
) -> App:
    """Make the application; `failed` hears of a served model that can't be loaded.

    With the `secret` it proves to be ours (see `proof`).
    """

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        warming = asyncio.create_task(_warm(app, job_manager, failed))
        try:
            yield
        finally:
            warming.cancel()
            await job_manager.close()

    app = Starlette(
        routes=list(ROUTES),
        lifespan=lifespan,
        exception_handlers={ApiError: _on_api_error, HTTPException: _no_route, Exception: _failed},
    )
    app.state.job_manager = job_manager
    app.state.metrics = Metrics()
    app.state.upload_limits = UploadLimits(server_settings.max_queue)
    app.state.warm = False
    app.state.secret = secret
    return Middleware(_ending(app, job_manager), server_settings, app.state.metrics, log)


def _ending(app: App, job_manager: JobManager) -> App:
    """Answer as long as the server lasts; from when it drains, let it be asked how it is alone."""

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await app(scope, receive, send)
            return
        if job_manager.draining and scope.get("method") not in ("GET", "HEAD"):
            raise draining()
        async with job_manager.answering():
            await app(scope, receive, send)

    return answer


async def _warm(
    app: Starlette, job_manager: JobManager, failed: Callable[[WhisperError], None]
) -> None:
    """Load what is served before anybody asks."""
    try:
        for entry in await asyncio.to_thread(job_manager.registry.models):
            await job_manager.model_pool.load(entry)
        app.state.warm = True
    except WhisperError as error:
        # Clients are told no path; who starts the server may know.
        failed(error.__cause__ if isinstance(error.__cause__, WhisperError) else error)


async def _on_api_error(request: Request, error: Exception) -> Response:  # noqa: ARG001
    assert isinstance(error, ApiError)  # noqa: S101 - the table says so
    return JSONResponse({"error": error.body}, error.status, headers=error.headers)


async def _failed(request: Request, error: Exception) -> Response:  # noqa: ARG001
    """Answer in the form of the API; the middleware logs what is raised again after this."""
    return await _on_api_error(request, bug())


async def _no_route(request: Request, error: Exception) -> Response:  # noqa: ARG001
    assert isinstance(error, HTTPException)  # noqa: S101 - the table says so
    messages = {404: "there is nothing here", 405: "this method does nothing here"}
    failure = ApiError(
        error.status_code,
        messages.get(error.status_code, error.detail),
        code={404: "not_found", 405: "method_not_allowed"}.get(error.status_code),
    )
    headers = {**failure.headers, **(error.headers or {})}
    return JSONResponse({"error": failure.body}, error.status_code, headers=headers)
