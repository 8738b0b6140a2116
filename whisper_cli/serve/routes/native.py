"""The route behind `transcribe --server`: sound in blocks in, everything that is known out."""

import json
from collections.abc import Mapping
from dataclasses import asdict, fields
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from whisper_cli.choices import Mode
from whisper_cli.config import loader
from whisper_cli.errors import ConfigError
from whisper_cli.serve.errors import api_error, invalid
from whisper_cli.serve.fields import check_length
from whisper_cli.serve.job_queue import ServerJob
from whisper_cli.serve.middleware import Send
from whisper_cli.serve.multipart import Pairs
from whisper_cli.serve.requests import TranscriptionRequest
from whisper_cli.serve.routes.transcriptions import Transcription, body, take
from whisper_cli.serve.worker.messages import (
    JobDone,
    JobFailed,
    JobProgress,
    LanguageDetected,
    TextDecoded,
)
from whisper_cli.transcript import DecodingOptions

MEDIA_TYPE = "application/x-ndjson"
OPTIONS = tuple(
    item.name
    for item in fields(DecodingOptions)
    if item.name in loader.NAMES and item.name not in ("clip", "track", "channel")
)


async def transcribe(request: Request) -> Response:
    """Answer `POST /api/transcribe` with a line of JSON for each thing that happens."""
    return await take(request, read, Native)


def read(pairs: Pairs) -> TranscriptionRequest:
    """Read options as the command line writes them. Raises ApiError that names the field."""
    given = dict(pairs)
    found: dict[str, Any] = {}
    for name in ("model", "initial_prompt", "hotwords"):
        check_length(name, given.get(name, ""))
    for name in OPTIONS:
        if given.get(name):
            try:
                found[name] = loader.parse(name, given[name], name)
            except ConfigError as error:
                raise invalid(error.message, name) from error
    if found.get("mode") is Mode.exact:
        raise invalid("this server decodes in the fast mode only", "mode")
    if not given.get("model"):
        raise invalid("the model is missing", "model", "missing_required_parameter")
    raw = {name: (value,) for name, value in pairs}
    return TranscriptionRequest(given["model"], DecodingOptions(**found), stream=True, raw=raw)


class Native(Transcription):
    """An answer line by line, with every number as the engine gave it."""

    blocks = True

    async def _stream(self, job: ServerJob, send: Send) -> None:
        headers = [(b"content-type", MEDIA_TYPE.encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        async for event in job.follow():
            if line := _line(event):
                await send(body(json.dumps(line) + "\n", more=True))
        await send(body("", more=False))


def _line(event: object) -> Mapping[str, Any]:
    match event:
        case LanguageDetected(_, info):
            return {"language": info.language, "probability": info.language_probability}
        case TextDecoded(_, segment):
            return {"segment": asdict(segment)}
        case JobProgress(_, seconds):
            return {"seconds": seconds}
        case JobDone(_, info):
            return {
                "done": True,
                "dropped": [asdict(item) for item in info.dropped],
                "redecoded": [asdict(item) for item in info.redecoded],
                "warnings": info.warnings,
            }
        case JobFailed(_, error):
            return {"error": api_error(error).body}
    return {}
