"""The route behind `transcribe --server`: sound in blocks in, everything that is known out."""

import json
from collections.abc import Mapping
from dataclasses import asdict, fields
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from whisper_cli import config
from whisper_cli.choices import Mode
from whisper_cli.errors import ConfigError
from whisper_cli.serve.asks import Ask
from whisper_cli.serve.failures import api_error, invalid
from whisper_cli.serve.fields import check_length
from whisper_cli.serve.gate import Send
from whisper_cli.serve.jobs import Job
from whisper_cli.serve.speech import Transcription, body, take
from whisper_cli.serve.upload import Pairs
from whisper_cli.serve.worker.messages import Done, Failed, Heard, Language, Text
from whisper_cli.transcript import Options

MEDIA_TYPE = "application/x-ndjson"
OPTIONS = tuple(
    each.name
    for each in fields(Options)
    if each.name in config.NAMES and each.name not in ("clip", "track", "channel")
)


async def transcribe(request: Request) -> Response:
    """Answer `POST /api/transcribe` with a line of JSON for each thing that happens."""
    return await take(request, read, Native)


def read(pairs: Pairs) -> Ask:
    """Read options as the command line writes them. Raises ApiError that names the field."""
    given = dict(pairs)
    found: dict[str, Any] = {}
    for name in ("model", "initial_prompt", "hotwords"):
        check_length(name, given.get(name, ""))
    for name in OPTIONS:
        if given.get(name):
            try:
                found[name] = config.parse(name, given[name], name)
            except ConfigError as error:
                raise invalid(error.message, name) from error
    if found.get("mode") is Mode.exact:
        raise invalid("this server decodes in the fast mode only", "mode")
    if not given.get("model"):
        raise invalid("the model is missing", "model", "missing_required_parameter")
    raw = {name: (value,) for name, value in pairs}
    return Ask(given["model"], Options(**found), stream=True, raw=raw)


class Native(Transcription):
    """An answer line by line, with every number as the engine gave it."""

    blocks = True

    async def _stream(self, job: Job, send: Send) -> None:
        headers = [(b"content-type", MEDIA_TYPE.encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        async for news in job.follow():
            if line := _line(news):
                await send(body(json.dumps(line) + "\n", more=True))
        await send(body("", more=False))


def _line(news: object) -> Mapping[str, Any]:
    match news:
        case Language(_, info):
            return {"language": info.language, "probability": info.language_probability}
        case Text(_, segment):
            return {"segment": asdict(segment)}
        case Heard(_, seconds):
            return {"seconds": seconds}
        case Done(_, info):
            dropped = [asdict(each) for each in info.dropped]
            return {"done": True, "dropped": dropped, "warnings": info.warnings}
        case Failed(_, error):
            return {"error": api_error(error).body}
    return {}
