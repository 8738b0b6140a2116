"""Every fault of a hub and its CDN, through the program: a verified model, or the right error."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

from tests.download.conftest import Pull
from tests.download.pulls import (
    CHUNK,
    MODEL,
    REPO,
    SHA256,
    WEIGHTS,
    check,
    check_nothing_published,
    contents,
    only_until,
    weights_asked,
    weights_sent,
    work,
)
from tests.fake_hub import Fault, Hub, Link, faults
from tests.models.fakes import using
from whisper_cli.download.engines.registry import EngineName
from whisper_cli.download.fetch import ensure
from whisper_cli.download.sources.hub import HubSource
from whisper_cli.download.types import TransferLimits
from whisper_cli.errors import DownloadError
from whisper_cli.models.catalog import resolve

OTHER = bytes(len(WEIGHTS))
QUICK = using(
    HubSource(), chunk_size=CHUNK, limits=TransferLimits(connections=4, idle_timeout=0.5, tries=1)
)  # gives up early

PASSING = {
    "cdn cut": ("cdn/*", faults.cut(after=70_000), 6),
    "cdn cut in order": ("cdn/*", faults.cut(after=70_000, reset=False), 6),
    "hub cut": ("hub/info", faults.cut(after=100), 2),
    "small file cut": ("hub/resolve-cache/*", faults.cut(after=5), 2),
    "short 206": ("cdn/*", faults.short(9_000), 5),
    "short 206 that says so": ("cdn/*", faults.short(9_000, reported=True), 5),
    "every 206 short and says so": ("cdn/*", faults.short(9_000, reported=True), None),
    "one 200 to a Range": ("cdn/*", faults.no_ranges(admitted=False), 1),
    "no ranges": ("cdn/*", faults.no_ranges(), None),
    "wrong bytes once": ("cdn/*", faults.corrupt(3 * CHUNK + 5), 1),
    "cdn 429": ("cdn/*", faults.reject(429), 3),
    "cdn 429, Retry-After": ("cdn/*", faults.reject(429, retry_after=1), 2),
    "resolver 429": ("hub/resolve/*", faults.reject(429, rate_limit=0), 2),
    "hub 429": ("hub/info", faults.reject(429), 1),
    "hub 429, Retry-After": ("hub/info", faults.reject(429, retry_after=1), 1),
    "hub 429, RateLimit": ("hub/info", faults.reject(429, rate_limit=0), 1),
    "cdn 500": ("cdn/*", faults.reject(500), 6),
    "hub 500": ("hub/*", faults.reject(500), 2),
    "signature refused": ("cdn/*", faults.reject(403), 2),
    "gzip": ("*", faults.gzipped, None),
    "chunked": ("*", faults.chunked, None),
    "replaced for a moment": ("cdn/*", faults.changed(OTHER), 1),
    "slow": ("cdn/*", faults.slow(100_000), 1),
    "late": ("cdn/*", faults.delay(0.4), 4),
    "redirects that end": ("cdn/*", faults.loop, 3),
}


@pytest.mark.parametrize(("where", "fault", "times"), PASSING.values(), ids=PASSING)
def test_a_fault_that_passes_ends_in_the_model(
    hub: Hub, pull: Pull, where: str, fault: Fault, times: int | None
):
    armed = hub.faults.add(where, fault, times=times)
    check(pull())
    assert armed.fired or fault is faults.gzipped, "nothing was proved"


@pytest.mark.parametrize(
    "case",
    ["cdn cut", "short 206", "no ranges", "wrong bytes once", "cdn 500", "cdn 429", "chunked"],
)
def test_a_fault_that_passes_ends_in_the_model_by_hf_transfer_too(hub: Hub, pull: Pull, case: str):
    where, fault, times = PASSING[case]
    armed = hub.faults.add(where, fault, times=times)
    check(pull("--engine", "hf-transfer"))
    assert armed.fired


LASTING = {
    "cut": ("cdn/*", faults.cut(), r"model\.bin: (.*reset|ended at byte 0)"),
    "short 206": ("cdn/*", faults.short(9_000), r"hub sends \d+ bytes as \d+"),
    "stall": ("cdn/*", faults.stall(), r"hub stalled: no byte of model\.bin came in time"),
    "500": ("cdn/*", faults.reject(500), r"model\.bin: 500 Internal Server Error"),
    "403": ("cdn/*", faults.reject(403), r"model\.bin: 403 Forbidden"),
    "429": ("cdn/*", faults.reject(429), r"model\.bin: 429 Too Many Requests"),
    "429 for an hour": ("cdn/*", faults.reject(429, retry_after=3600), "asked: wait 3600 s"),
    "404": ("hub/resolve/model.bin", faults.reject(404), r"model\.bin: 404"),
    "wrong bytes": (
        "cdn/*",
        faults.corrupt(3 * CHUNK + 5),
        rf"model\.bin from hub is damaged: expected {SHA256}, got [0-9a-f]{{64}}",
    ),
    "replaced": ("cdn/*", faults.changed(b"another file"), r"hub has (12|no) bytes"),
    "redirects": ("cdn/*", faults.loop, "redirects without end"),
    "hub 500": ("hub/info", faults.reject(500), "revision/main: 500"),
    "hub 429 for an hour": ("hub/*", faults.reject(429, retry_after=3600), "asked: wait 3600 s"),
    "hub redirects": ("hub/info", faults.loop, "redirects without end"),
    "nonsense": ("hub/info", lambda *_: faults.text(200, '["?"]'), "not answer as a hub does"),
}


@pytest.mark.parametrize(("where", "fault", "message"), LASTING.values(), ids=LASTING)
def test_a_fault_that_lasts_is_an_error_and_the_next_run_succeeds(
    hub: Hub, cache: Path, where: str, fault: Fault, message: str
):
    hub.faults.add(where, fault)
    with pytest.raises(DownloadError, match=message) as caught:
        ensure(resolve(REPO), QUICK)
    assert caught.value.exit_code == 5
    check_nothing_published(cache)
    hub.faults.clear()
    assert contents(ensure(resolve(REPO), QUICK)) == MODEL


@pytest.mark.parametrize("engine", ["ranges", "hf-transfer"])
@pytest.mark.parametrize("case", ["404", "wrong bytes"])
def test_the_program_says_what_lasts_by_exit_5_and_goes_on_in_the_next_run(
    hub: Hub, pull: Pull, cache: Path, case: str, engine: str
):
    where, fault, message = LASTING[case]
    hub.faults.add(where, fault)
    result = pull("--engine", engine)
    assert (result.code, result.stdout) == (5, "")
    assert re.search(f"^error: .*{message}", result.stderr, re.MULTILINE)
    assert "Traceback" not in result.stderr
    check_nothing_published(cache)
    hub.faults.clear()
    check(pull("--engine", engine))


def test_wrong_bytes_that_come_once_are_fetched_again_once(hub: Hub, pull: Pull):
    hub.faults.add("cdn/*", faults.corrupt(5), times=1)
    check(pull())
    assert len(WEIGHTS) < weights_sent(hub) <= 2 * len(WEIGHTS)


def test_a_retry_asks_only_for_the_rest_of_a_chunk(hub: Hub, pull: Pull):
    hub.faults.add("cdn/*", faults.cut(after=100_000, reset=False), times=3)
    check(pull("--connections", "1"))
    starts = {(request.range or "").rpartition("-")[0] for request in weights_asked(hub)}
    assert {"bytes=0", "bytes=100000"} < starts
    assert weights_sent(hub) == len(WEIGHTS)


@pytest.mark.parametrize("engine", EngineName)
def test_connections_that_stall_are_replaced_whatever_the_engine(hub: Hub, engine: EngineName):
    armed = hub.faults.add("cdn/*", faults.stall(after=40_000), times=3)
    assert contents(ensure(resolve(REPO), replace(QUICK, engine=engine))) == MODEL
    assert armed.fired == 3


@pytest.mark.parametrize("engine", ["ranges", "hf-transfer"])
def test_an_address_that_expires_is_resolved_anew(hub: Hub, pull: Pull, engine: str):
    hub.signer.uses = 4
    check(pull("--engine", engine))
    assert 403 in [request.status for request in weights_asked(hub)]


def test_an_address_that_expires_by_the_clock_is_resolved_anew(hub: Hub, pull: Pull):
    hub.signer.seconds = 0.3
    hub.link = Link(total=2_000_000)
    check(pull())
    assert len({request.target for request in weights_asked(hub)}) > 1


@pytest.mark.parametrize("link", [Link(per_connection=700_000), Link(total=2_000_000)])
def test_a_slow_link_is_no_error(hub: Hub, pull: Pull, link: Link):
    hub.link = link
    check(pull())


def test_a_renamed_repository_is_followed_and_kept_under_the_name_asked_for(
    hub: Hub, pull: Pull, cache: Path
):
    hub.rename(REPO, "heir/model")
    check(pull())
    assert (cache / "models--acme--model").exists()


def test_what_came_before_an_error_is_not_fetched_again(hub: Hub, pull: Pull, cache: Path):
    hub.faults.add("cdn/model.bin", only_until(1_300_000))
    assert pull("--connections", "1").code == 5
    assert [path for path in (work(cache) / "parts").iterdir() if SHA256 in path.name]
    check_nothing_published(cache)
    hub.faults.clear()
    hub.requests.clear()
    result = pull("--progress", "json")
    check(result)
    assert weights_sent(hub) == len(WEIGHTS) - 1_300_000
    assert re.search(r'"resumed": ?1300000', result.stderr)


def test_a_file_replaced_in_mid_download_is_fetched_whole(hub: Hub, pull: Pull):
    other = faults.changed(OTHER)
    armed = hub.faults.add(
        "cdn/*",
        lambda request, answer: other(request, answer) if answer.body.start else None,
        times=2,
    )
    check(pull("--connections", "1"))
    assert armed.fired == 2
    assert weights_sent(hub) > len(WEIGHTS)
