"""The routes that say how the server is."""

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from whisper_cli.proof import answer_headers
from whisper_cli.serve.job_manager import JobManager
from whisper_cli.serve.metrics import MEDIA_TYPE, Metrics


async def health(request: Request) -> Response:  # noqa: ARG001 - as Starlette calls it
    """Answer `GET /health`: the process is alive."""
    return JSONResponse({"status": "ok"})


async def ready(request: Request) -> Response:
    """Answer `GET /ready`: the served models were loaded and are warm, and nothing is closing."""
    job_manager: JobManager = request.app.state.job_manager
    is_so = request.app.state.warm and not job_manager.draining
    headers = {}
    if request.app.state.secret is not None:
        headers = answer_headers(request.headers, request.app.state.secret, request.scope["server"])
    return JSONResponse({"ready": is_so}, 200 if is_so else 503, headers)


async def metrics(request: Request) -> Response:
    """Answer `GET /metrics`."""
    job_manager: JobManager = request.app.state.job_manager
    counted: Metrics = request.app.state.metrics
    loaded = job_manager.model_pool.loaded
    gauges = {
        "jobs": float(len(job_manager.jobs)),
        "models_loaded": float(sum(item.ready for item in loaded)),
        "memory_bytes": float(sum(item.model_worker.memory for item in loaded)),
        "pace": job_manager.jobs.speed,
    }
    return Response(counted.text(gauges), media_type=MEDIA_TYPE)
