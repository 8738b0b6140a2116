"""The OpenAPI document: right about what is answered, and nothing it allows breaks the server."""

import contextlib
from pathlib import Path

import pytest
import schemathesis
from _pytest.outcomes import Skipped
from hypothesis import HealthCheck, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode, checks

from tests.serve.fakes import FakeHands, running
from whisper_cli.serve.app import ROUTES
from whisper_cli.serve.routes.openapi import document

LEFT_OUT = {"/", "/docs", "/openapi.json", "/page/{name}", "/v1/realtime", "/api/transcribe"}


def test_every_route_is_described_and_none_that_is_not():
    described = {
        (path, method.upper())
        for path, operations in document()["paths"].items()
        for method in operations
        if method != "parameters"
    }
    routes = {
        (route.path.replace(":path", ""), method)
        for route in ROUTES
        for method in getattr(route, "methods", ())
        if method != "HEAD"
    }
    assert described == {item for item in routes if item[0] not in LEFT_OUT}


def test_the_guide_names_every_route():
    guide = (Path(__file__).parents[2] / "docs/guides/serve.md").read_text(encoding="utf-8")
    for route in ROUTES:
        last = route.path.partition("/{")[0].rpartition("/")[2]
        last = "" if route.path.startswith("/page") else last
        assert f"/{last}" in guide, route.path


CHECKS = [
    checks.not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_schema_conformance,
]


@pytest.mark.parametrize("mode", list(GenerationMode))
def test_nothing_that_the_document_allows_or_forbids_breaks_the_server(model, mode):
    """Schemathesis makes requests, right and wrong ones; answers are checked by the document."""
    with running(model, FakeHands(), max_queue=500) as server:
        schema = schemathesis.openapi.from_url(server.url + "/openapi.json")
        tried = set()
        for result in schema.get_all_operations():
            operation = result.ok()
            tried.add(operation.path)
            with contextlib.suppress(Unsatisfiable, Skipped):  # nothing can be wrong with it
                _attempt(operation, mode)
        assert tried == set(document()["paths"])
        assert server.post("hello").json()["text"] == "hello"


def _attempt(operation, mode):
    @settings(max_examples=25, suppress_health_check=list(HealthCheck))
    @given(operation.as_strategy(generation_mode=mode))
    def attempt(case):
        if isinstance(case.body, dict) and "model" in case.body and mode.value == "positive":
            case.body["model"] = "fake"
        case.call_and_validate(checks=CHECKS)

    attempt()


def test_the_page_of_the_document_needs_nothing_from_elsewhere(server):
    with server.client as client:
        page = client.get("/docs")
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert "<script" not in page.text
    assert all(path in page.text for path in document()["paths"])
