"""Each fault does what it says, seen by a client that hides nothing."""

import gzip
import http.client
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.fake_hub import Hub, faults
from tests.fake_hub.client import ask, connect, locate, target
from tests.fake_hub.conftest import SIZE

RANGE = {"Range": "bytes=1000-1999"}
WEIGHTS = "cdn/model.bin"


def test_a_clean_cut_ends_the_body_after_so_many_bytes(hub: Hub, url: str, weights: Path) -> None:
    hub.faults.add(WEIGHTS, faults.cut(after=700, reset=False))
    with pytest.raises(http.client.IncompleteRead) as caught:
        ask(url, headers=RANGE)
    assert caught.value.partial == weights.read_bytes()[1000:1700]
    assert hub.requests[-1].sent == 700


def test_a_reset_cuts_the_connection_without_an_end(hub: Hub, url: str) -> None:
    hub.faults.add(WEIGHTS, faults.cut(after=700))
    with pytest.raises(ConnectionResetError):
        ask(url)


def test_a_cut_at_a_position_strikes_only_the_answer_that_covers_it(hub: Hub, url: str) -> None:
    armed = hub.faults.add(WEIGHTS, faults.cut(at=1500, reset=False))
    assert len(ask(url, headers={"Range": "bytes=0-1499"}).body) == 1500
    assert armed.fired == 0
    with pytest.raises(http.client.IncompleteRead):
        ask(url, headers=RANGE)
    assert (armed.fired, hub.requests[-1].sent) == (1, 500)


def test_a_stall_goes_on_after_its_time(hub: Hub, url: str, weights: Path) -> None:
    hub.faults.add(WEIGHTS, faults.stall(after=10, seconds=0.05))
    assert ask(url).body == weights.read_bytes()


def test_an_endless_stall_lasts_until_the_client_leaves(hub: Hub, url: str) -> None:
    hub.faults.add(WEIGHTS, faults.stall(after=10), times=1)
    connection = connect(url, timeout=0.2)
    connection.request("GET", target(url))
    with connection.getresponse() as response, pytest.raises(TimeoutError):
        response.read()
    connection.close()
    assert hub.requests[-1].sent == 10
    assert len(ask(url).body) == SIZE


def test_wrong_bytes_come_where_and_as_often_as_asked(hub: Hub, url: str, weights: Path) -> None:
    hub.faults.add(WEIGHTS, faults.corrupt(1003), times=1)
    right = weights.read_bytes()[1000:2000]
    assert ask(url, headers={"Range": "bytes=0-9"}).body == weights.read_bytes()[:10]
    wrong = ask(url, headers=RANGE).body
    assert [at for at in range(1000) if wrong[at] != right[at]] == [3]
    assert ask(url, headers=RANGE).body == right


@pytest.mark.parametrize(
    ("reported", "content_range"),
    [(False, f"bytes 1000-1999/{SIZE}"), (True, f"bytes 1000-1989/{SIZE}")],
)
def test_a_short_answer_lacks_its_end(
    hub: Hub, url: str, weights: Path, reported: bool, content_range: str
) -> None:
    hub.faults.add(WEIGHTS, faults.short(by=10, reported=reported))
    reply = ask(url, headers=RANGE)
    assert (reply.status, reply.headers["Content-Range"]) == (206, content_range)
    assert reply.body == weights.read_bytes()[1000:1990]


@pytest.mark.parametrize(("admitted", "accepts"), [(True, None), (False, "bytes")])
def test_without_range_support_everything_comes(
    hub: Hub, url: str, weights: Path, admitted: bool, accepts: str | None
) -> None:
    hub.faults.add(WEIGHTS, faults.no_ranges(admitted=admitted))
    reply = ask(url, headers=RANGE)
    assert (reply.status, reply.headers.get("Content-Range")) == (200, None)
    assert reply.headers.get("Accept-Ranges") == accepts
    assert reply.body == weights.read_bytes()


def test_gzip_spoils_ranges_unless_identity_is_asked_for(hub: Hub, url: str, weights: Path) -> None:
    hub.faults.add(WEIGHTS, faults.gzipped)
    assert ask(url, headers={**RANGE, "Accept-Encoding": "identity"}).status == 206
    reply = ask(url, headers={**RANGE, "Accept-Encoding": "gzip"})
    assert (reply.status, reply.headers.get("Content-Length")) == (200, None)
    assert reply.headers["ETag"].startswith('W/"')
    assert gzip.decompress(reply.body) == weights.read_bytes()


def test_a_chunked_answer_says_no_length(hub: Hub, url: str, weights: Path) -> None:
    hub.faults.add(WEIGHTS, faults.chunked)
    reply = ask(url, headers=RANGE)
    assert reply.headers.get("Content-Length") is None
    assert reply.headers["Transfer-Encoding"] == "chunked"
    assert reply.body == weights.read_bytes()[1000:2000]


def test_a_changed_file_answers_whole_to_a_client_that_knew_the_old_one(hub: Hub, url: str) -> None:
    hub.faults.add(WEIGHTS, faults.changed(b"new" * 1000), skip=1)
    before = ask(url, headers=RANGE).headers["ETag"]
    after = ask(url, headers={**RANGE, "If-Range": before})
    assert (after.status, after.body) == (200, b"new" * 1000)
    assert after.headers["ETag"] != before


@pytest.mark.parametrize("where", [WEIGHTS, "cdn/*", "*/model.bin", "*"])
def test_a_burst_of_errors_ends(hub: Hub, url: str, where: str) -> None:
    hub.faults.add(where, faults.reject(503), times=2)
    assert [ask(url, headers=RANGE).status for _ in range(3)] == [503, 503, 206]


def test_a_rate_limit_says_how_long_in_either_header(hub: Hub) -> None:
    hub.faults.add("hub/tree", faults.reject(429, retry_after=7), times=1)
    hub.faults.add("hub/tree", faults.reject(429, rate_limit=55), times=1, skip=1)
    tree = f"{hub.endpoint}/api/models/owner/tiny/tree/main"
    first, second, third = (ask(tree) for _ in range(3))
    assert (first.status, first.headers["Retry-After"]) == (429, "7")
    assert (second.status, second.headers["RateLimit"]) == (429, '"resolvers";r=0;t=55')
    assert third.status == 200


def test_a_redirect_loop_leads_back(hub: Hub) -> None:
    hub.faults.add("hub/resolve/model.bin", faults.loop)
    path = "/owner/tiny/resolve/main/model.bin"
    assert ask(hub.endpoint + path).headers["Location"] == path


def test_headers_can_be_added(hub: Hub) -> None:
    hub.faults.add("hub/info", faults.with_headers({"X-HF-Warning": "topic; text"}))
    assert ask(f"{hub.endpoint}/api/models/owner/tiny").headers["X-HF-Warning"] == "topic; text"


@pytest.mark.parametrize("fault", [faults.delay(0.05), faults.slow(3_000_000)])
def test_a_slow_answer_is_still_whole(
    hub: Hub, url: str, weights: Path, fault: faults.Fault
) -> None:
    armed = hub.faults.add(WEIGHTS, fault, times=1)
    assert ask(url).body == weights.read_bytes()
    assert armed.fired == 1


@pytest.mark.parametrize(
    "fault", [faults.stall(), faults.delay(1000), faults.slow(1)], ids=["stall", "delay", "slow"]
)
def test_closing_ends_what_would_last_for_ever(
    weights: Path, fault: faults.Fault, threads_before: Callable[[], bool]
) -> None:
    with Hub() as hub:
        hub.add_repo("owner/tiny", {"model.bin": weights})
        hub.faults.add(WEIGHTS, fault)
        url = locate(hub, "owner/tiny/resolve/main/model.bin")
        connection = connect(url)
        connection.request("GET", target(url))
        while not [request for request in hub.requests if request.where == WEIGHTS]:
            threading.Event().wait(0.01)
    connection.close()
    assert threads_before()


def test_an_address_expires_after_its_uses(hub: Hub) -> None:
    hub.signer.uses = 2
    url = locate(hub, "owner/tiny/resolve/main/model.bin")
    assert [ask(url, headers=RANGE).status for _ in range(3)] == [206, 206, 403]
    assert ask(locate(hub, "owner/tiny/resolve/main/model.bin")).status == 200


def test_an_address_expires_after_its_time(hub: Hub) -> None:
    hub.signer.seconds = -1
    assert ask(locate(hub, "owner/tiny/resolve/main/model.bin")).status == 403


def test_an_address_that_was_tampered_with_is_refused(hub: Hub, url: str) -> None:
    assert ask(url.replace("Expires=1", "Expires=9")).status == 403
    assert ask(url.partition("?")[0]).status == 403


def test_cleared_faults_strike_no_more(hub: Hub, url: str) -> None:
    hub.faults.add("*", faults.reject(500))
    hub.faults.clear()
    assert ask(url).status == 200
