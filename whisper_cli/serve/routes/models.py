"""The routes about models: listed, loaded, let go, fetched, removed."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from whisper_cli.download.types import Progress
from whisper_cli.errors import ConfigError, ModelError, WhisperError
from whisper_cli.models import store
from whisper_cli.models.catalog import Model, resolve
from whisper_cli.serve.downloads import Downloads, line
from whisper_cli.serve.errors import ApiError, api_error, invalid
from whisper_cli.serve.fields import json_object
from whisper_cli.serve.job_manager import JobManager
from whisper_cli.serve.middleware import Receive, Scope, Send
from whisper_cli.serve.model_pool import LoadedModel
from whisper_cli.serve.model_registry import ModelEntry
from whisper_cli.serve.multipart import with_minimum_rate
from whisper_cli.serve.routes.transcriptions import body as part
from whisper_cli.serve.routes.transcriptions import until_disconnect
from whisper_cli.serve.settings import NO_LIMIT, seconds

_LONGEST = 10_000  # bytes of a JSON body


async def models(request: Request) -> Response:
    """Answer `GET /v1/models`: the served ones first."""
    entries = await asyncio.to_thread(_job_manager(request).registry.entries)
    return JSONResponse({"object": "list", "data": [_to_json(entry) for entry in entries]})


async def model(request: Request) -> Response:
    """Answer `GET` and `DELETE /v1/models/{id}`, with slashes as they are or encoded."""
    job_manager = _job_manager(request)
    entry = await job_manager.registry.find(request.path_params["id"])
    if request.method != "DELETE":
        return JSONResponse(_to_json(entry))
    if entry.model.folder is not None:
        raise invalid(f'model "{entry.id}" is a folder, which is not ours to delete', "model")
    await job_manager.model_pool.unload(entry.id)
    await asyncio.to_thread(_remove, entry)
    return JSONResponse({"id": entry.id, "object": "model", "deleted": True})


async def loaded(request: Request) -> Response:
    """Answer `GET /api/ps`: what is loaded, and the queue."""
    job_manager = _job_manager(request)
    queue = [
        {
            "id": job.id,
            "model": job.model,
            "position": position,
            "duration": job.duration,
            "done": round(job.processed, 2),
        }
        for position, job in enumerate(job_manager.jobs.queue)
    ]
    return JSONResponse(
        {
            "models": [_state(item) for item in job_manager.model_pool.loaded],
            "pulling": job_manager.downloads.running,
            "queue": queue,
            "pace": round(job_manager.jobs.speed, 1),
            "wait": job_manager.jobs.wait if queue else 0,
        }
    )


async def load(request: Request) -> Response:
    """Answer `POST /api/load`."""
    body = await _json(request)
    job_manager = _job_manager(request)
    entry = await job_manager.registry.find(_name(body))
    await job_manager.model_pool.load(entry, _keep_alive(body))
    found = next(
        (item for item in job_manager.model_pool.loaded if item.entry.id == entry.id), None
    )
    return JSONResponse(_state(found) if found else {"model": entry.id, "loaded": False})


async def unload(request: Request) -> Response:
    """Answer `POST /api/unload`."""
    job_manager = _job_manager(request)
    entry = await job_manager.registry.find(_name(await _json(request)))
    was = await job_manager.model_pool.unload(entry.id)
    return JSONResponse({"model": entry.id, "unloaded": was})


async def pull(request: Request) -> Response:
    """Answer `POST /api/pull` with a line of JSON for each step; the last says how it ended."""
    body = await _json(request)
    try:
        model = resolve(_name(body), folders=False)
    except ModelError as error:
        hint = (error.hint or "").split("?")[0]
        message = f"{error.message}; {hint}?" if hint.startswith("did") else error.message
        raise ApiError(404, message, code="model_not_found", param="model") from error
    return _PullResponse(
        _job_manager(request).downloads, model, streamed=body.get("stream") is not False
    )


class _PullResponse(Response):
    """An answer for which a model is fetched while the client waits, and no longer than that."""

    def __init__(self, downloads: Downloads, model: Model, *, streamed: bool) -> None:
        self._downloads, self._model, self._streamed = downloads, model, streamed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        with self._downloads.following(self._model) as progress:
            if not await until_disconnect(receive, self._answer(progress, scope, receive, send)):
                scope["state"]["trace"].status = 499

    async def _stream(self, progress: AsyncIterator[Progress], send: Send) -> None:
        headers = [(b"content-type", b"application/x-ndjson")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        async for text in _lines(progress):
            await send(part(text, more=True))
        await send(part("", more=False))

    async def _answer(
        self, progress: AsyncIterator[Progress], scope: Scope, receive: Receive, send: Send
    ) -> None:
        if self._streamed:
            await self._stream(progress, send)
            return
        async for _ in progress:
            pass
        response = JSONResponse({"status": "success", "model": self._model.name})
        await response(scope, receive, send)


async def _lines(progress: AsyncIterator[Progress]) -> AsyncIterator[str]:
    try:
        async for item in progress:
            yield json.dumps(line(item)) + "\n"
        yield json.dumps({"status": "success"}) + "\n"
    except WhisperError as error:
        yield json.dumps({"status": "error", "error": api_error(error).body}) + "\n"


def _job_manager(request: Request) -> JobManager:
    job_manager: JobManager = request.app.state.job_manager
    return job_manager


def _to_json(entry: ModelEntry) -> dict[str, object]:
    return {
        "id": entry.id,
        "object": "model",
        "created": entry.created,
        "owned_by": entry.owner,
    }


def _state(item: LoadedModel) -> dict[str, object]:
    expires = None
    if item.expires != NO_LIMIT:
        expires = datetime.fromtimestamp(item.expires, UTC).isoformat()
    return {
        "model": item.entry.id,
        "loaded": item.ready,
        "busy": item.active,
        "memory": item.model_worker.memory,
        "expires_at": expires,
    }


def _remove(entry: ModelEntry) -> None:
    for item in store.installed():
        if item.path == entry.folder:
            try:
                store.remove(item)
            except ModelError as error:
                raise ApiError(500, "the model can't be removed", code="model_error") from error


async def _json(request: Request) -> dict[str, Any]:
    """Read a small JSON object."""
    data = b""
    async for chunk in with_minimum_rate(request.stream()):
        data += chunk
        if len(data) > _LONGEST:
            raise ApiError(413, "the body is too long", code="too_large")
    return json_object(data, "the body")


def _name(body: dict[str, Any]) -> str:
    name = body.get("model", body.get("name"))
    if not isinstance(name, str) or not name:
        raise invalid("the model is missing", "model", "missing_required_parameter")
    return name


def _keep_alive(body: dict[str, Any]) -> float | None:
    given = body.get("keep_alive")
    if given is None:
        return None
    if isinstance(given, bool) or not isinstance(given, int | float | str):
        raise invalid("keep_alive is a span of time", "keep_alive")
    try:
        return seconds(str(given))
    except ConfigError as error:
        raise invalid(error.message, "keep_alive") from error
