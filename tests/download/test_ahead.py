import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.download.pulls import MODEL, REPO, WEIGHTS, weights_asked, weights_sent
from tests.fake_hub import Hub, Link, faults
from tests.fake_hub.messages import Answer, Request
from tests.models.fakes import OTHER, using
from whisper_cli.download.fetch import ensure
from whisper_cli.download.sources.hub import HubSource, RedirectLookup
from whisper_cli.models.catalog import resolve


@pytest.fixture
def hub(cache: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    with Hub() as hub:
        hub.add_repo(REPO, MODEL)
        monkeypatch.setenv("HF_ENDPOINT", hub.endpoint)
        monkeypatch.setenv("no_proxy", "*")
        yield hub


def fetch_model(**how) -> dict[str, bytes]:
    folder = ensure(resolve(REPO), using(HubSource(), **how))
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def gets(hub: Hub) -> list[str]:
    return sorted({request.where for request in hub.requests if request.method == "GET"})


def heads_only(fault: faults.Fault) -> faults.Fault:
    def strike(request: Request, answer: Answer) -> Answer | None:
        return fault(request, answer) if request.method == "HEAD" else None

    return strike


def test_redirects_are_followed_while_the_hub_is_asked_for_the_files(hub: Hub):
    assert fetch_model() == MODEL
    caches = [f"hub/resolve-cache/{name}" for name in MODEL if name != "model.bin"]
    assert gets(hub) == sorted(["cdn/model.bin", "hub/info", *caches])


@pytest.mark.parametrize("fault", [faults.reject(500), faults.reject(429), faults.reject(405)])
def test_what_is_refused_ahead_is_asked_in_its_turn(hub: Hub, fault):
    hub.faults.add("hub/resolve/*", heads_only(fault))
    assert fetch_model() == MODEL
    assert "hub/resolve/model.bin" in gets(hub)


def test_answers_that_stay_out_ahead_are_not_waited_for(hub: Hub):
    hub.faults.add("hub/resolve/*", heads_only(faults.delay(600)))
    started_at = time.monotonic()
    assert fetch_model() == MODEL
    assert time.monotonic() - started_at < 300


def test_a_branch_that_moves_meanwhile_leads_nowhere(hub: Hub):
    url = f"{hub.endpoint}/{REPO}/resolve/main/model.bin"
    with RedirectLookup({"model.bin": url}, {}) as ahead:
        assert ahead.for_commit(OTHER) == {}


def test_an_address_found_ahead_that_expires_is_resolved_again(hub: Hub):
    hub.signer.uses = 1
    assert fetch_model(chunk_size=1 << 18) == MODEL
    assert 403 in {request.status for request in weights_asked(hub)}


def test_where_answers_take_long_the_first_requests_share_the_whole_file(hub: Hub):
    hub.link = Link(latency=0.1)
    assert fetch_model(chunk_size=1 << 18) == MODEL
    assert len(weights_asked(hub)) == 4, "one request for each of the first connections"
    assert weights_sent(hub) == len(WEIGHTS)


def test_where_answers_come_sooner_than_bytes_the_unit_is_the_chunk(hub: Hub):
    hub.link = Link(per_connection=300_000)  # a busy machine takes a while to answer
    assert fetch_model(chunk_size=1 << 18) == MODEL
    assert max(request.sent for request in weights_asked(hub)) <= 1 << 18
