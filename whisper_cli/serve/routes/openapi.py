"""The OpenAPI document, made from the tables that requests are checked by, and a page of it."""

from html import escape
from typing import Any

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response

from whisper_cli import __version__
from whisper_cli.choices import Task
from whisper_cli.serve import fields

_POLICY = {"content-security-policy": "default-src 'none'; style-src 'unsafe-inline'"}
_NAMED: dict[str, object] = {
    "type": "object",
    "required": ["model"],
    "properties": {
        "model": {"type": "string", "minLength": 1},
        "keep_alive": {"type": "string", "pattern": "^(-1|[0-9]{1,6}(s|m|h)?)$"},
        "stream": {"type": "boolean"},
    },
}


async def openapi(request: Request) -> Response:  # noqa: ARG001 - as Starlette calls it
    """Answer `GET /openapi.json`."""
    return JSONResponse(document())


async def docs(request: Request) -> Response:  # noqa: ARG001 - as Starlette calls it
    """Answer `GET /docs`, without a script or anything from elsewhere."""
    return HTMLResponse(_page(document()), headers=_POLICY)


def document() -> dict[str, Any]:
    """Describe every route, what it takes, and every status it may answer with."""
    return {
        "openapi": "3.1.0",
        "info": {"title": "whisper-cli serve-lite", "version": __version__},
        "paths": _speech() | _models() | _management() | _state(),
        "security": [{}, {"key": []}],
        "components": {
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}},
            "schemas": _SCHEMAS,
        },
    }


def _speech() -> dict[str, Any]:
    paths = {}
    for task, name in ((Task.TRANSCRIBE, "transcriptions"), (Task.TRANSLATE, "translations")):
        body = {
            "required": True,
            "content": {"multipart/form-data": {"schema": fields.schema(task)}},
        }
        kinds: dict[str, object] = {
            "application/json": {"schema": _ref("Transcription")},
            "text/plain": {"schema": {"type": "string"}},
        }
        if task is Task.TRANSCRIBE:
            kinds["text/event-stream"] = {"schema": _object(data=_TEXT)}
        paths[f"/v1/audio/{name}"] = {
            "post": {
                "summary": "Speech to text"
                if task is Task.TRANSCRIBE
                else "Speech to English text",
                "operationId": name,
                "requestBody": body,
                "responses": {"200": {"description": "the text", "content": kinds}}
                | _errors(400, 401, 403, 404, 413, 429, 500, 502, 503, 507),
            }
        }
    return paths


def _models() -> dict[str, Any]:
    one = {"name": "id", "in": "path", "required": True, "schema": {"type": "string"}}
    return {
        "/v1/models": {"get": _get("The models that are here", "Models")},
        "/v1/models/{id}": {
            "parameters": [one],
            "get": _get("One model", "Model", 404),
            "delete": _get("Remove a model from the disk", "Deleted", 400, 404, 409, 500, 503),
        },
    }


def _management() -> dict[str, Any]:
    return {
        "/api/ps": {"get": _get("What is loaded, and the queue", "Loaded")},
        "/api/load": {"post": _post("Load a model", "Object")},
        "/api/unload": {"post": _post("Let a model go", "Object")},
        "/api/pull": {"post": _post("Fetch a model", "Object", "application/x-ndjson")},
    }


def _state() -> dict[str, Any]:
    metrics = _get("Counters for Prometheus", "Object")
    metrics["responses"]["200"]["content"] = {"text/plain": {"schema": {"type": "string"}}}
    ready = _get("Whether the served models are warm", "Object")
    ready["responses"]["503"] = ready["responses"]["200"]
    return {
        "/health": {"get": _get("Whether the process is alive", "Object")},
        "/ready": {"get": ready},
        "/metrics": {"get": metrics},
    }


def _get(summary: str, schema: str, *statuses: int) -> dict[str, Any]:
    content = {"application/json": {"schema": _ref(schema)}}
    return {
        "summary": summary,
        "responses": {"200": {"description": summary, "content": content}}
        | _errors(401, 403, *statuses),
    }


def _post(summary: str, schema: str, *kinds: str) -> dict[str, Any]:
    operation = _get(summary, schema, 400, 404, 409, 413, 429, 500, 502, 503)
    for kind in kinds:
        operation["responses"]["200"]["content"][kind] = {"schema": {"type": "string"}}
    content = {"application/json": {"schema": _NAMED}}
    return operation | {"requestBody": {"required": True, "content": content}}


def _errors(*statuses: int) -> dict[str, Any]:
    content = {"application/json": {"schema": _ref("Error")}}
    return {str(status): {"description": "an error", "content": content} for status in statuses}


def _ref(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}


def _object(**properties: object) -> dict[str, object]:
    return {"type": "object", "required": list(properties), "properties": properties}


_TEXT = {"type": "string"}
_MODEL = _object(id=_TEXT, object={"const": "model"}, created={"type": "integer"}, owned_by=_TEXT)
_OR_NULL = {"type": ["string", "null"]}
_SCHEMAS: dict[str, object] = {
    "Error": _object(error=_object(message=_TEXT, type=_TEXT, param=_OR_NULL, code=_OR_NULL)),
    "Transcription": {"type": "object", "required": ["text"], "properties": {"text": _TEXT}},
    "Model": _MODEL,
    "Models": _object(object={"const": "list"}, data={"type": "array", "items": _MODEL}),
    "Deleted": _object(id=_TEXT, object={"const": "model"}, deleted={"const": True}),
    "Loaded": _object(models={"type": "array"}, queue={"type": "array"}),
    "Object": {"type": "object"},
}


def _page(schema: dict[str, Any]) -> str:
    rows = "".join(
        f"<h2><code>{method.upper()} {escape(path)}</code></h2><p>{escape(operation['summary'])}"
        f"{_fields(operation)}"
        for path, operations in schema["paths"].items()
        for method, operation in operations.items()
        if method != "parameters"
    )
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width"><title>serve-lite: the API</title>'
        "<style>:root{color-scheme:light dark}body{font:1rem/1.5 system-ui;max-width:48rem;"
        "margin:2rem auto;padding:0 1rem}h2{font-size:1rem;margin:1.5rem 0 0}</style>"
        "<h1>whisper-cli serve-lite</h1><p>As the OpenAI API; the same for programs is at "
        f'<a href="/openapi.json">/openapi.json</a>.{rows}</html>'
    )


def _fields(operation: dict[str, Any]) -> str:
    content = operation.get("requestBody", {}).get("content", {})
    found = [
        f"<li><code>{escape(name)}</code> {escape(_about(schema))}"
        for body in content.values()
        for name, schema in body["schema"]["properties"].items()
    ]
    return f"<ul>{''.join(found)}</ul>" if found else ""


def _about(schema: dict[str, Any]) -> str:
    choices = schema.get("enum") or schema.get("items", {}).get("enum")
    return f"{schema['type']}{': ' + ', '.join(choices) if choices else ''}"
