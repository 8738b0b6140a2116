"""Requests that no client means: nothing comes in, is told, stays, or breaks."""

import itertools
import json
import random
import threading
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from urllib.parse import quote, unquote

import numpy as np
import pytest

from tests.download.conftest import hub
from tests.download.pulls import REPO
from tests.models.fakes import cache
from tests.serve.fakes import FakeHands, folder, in_background, running, until
from tests.soak import attacks
from tests.soak.tally import forms, sampled
from tests.soak.wire import connected, field, file, posted, request, send, upload
from whisper_cli.audio.block_codec import MAX_SAMPLES, BlockFile
from whisper_cli.download.options import PullOptions
from whisper_cli.download.sources.hub import HubSource
from whisper_cli.errors import AudioError
from whisper_cli.serve.app import ROUTES
from whisper_cli.serve.middleware import OPEN
from whisper_cli.serve.routes.native import OPTIONS
from whisper_cli.serve.server import _plain

__all__ = ["cache", "hub"]
GOOD = {200, 204, 307}
REFUSED = set(range(400, 500))


def check_answer(answer, server, sent=b"", statuses=frozenset(GOOD | REFUSED)):
    """Check that it's no bug, tells no place of this machine, and holds no line of the sender."""
    assert answer.status in statuses, (answer.status, answer.body[:200])
    assert b"x-evil" not in answer.head.lower()
    destination = str(server.job_manager.folder).encode()
    assert destination not in answer.body
    assert destination not in answer.head
    assert b"Traceback" not in answer.body


def check_clean(server):
    """Check that no upload is left, and that an honest client is served."""
    until(lambda: not list(server.job_manager.folder.iterdir()), 10)
    assert server.post("hello").json()["text"] == "hello"


@forms(250, 2500)
def test_keys(model, tally, count):
    cases = [*itertools.product(attacks.paths(ROUTES), attacks.METHODS, attacks.FORMS)]
    with running(model, FakeHands(), api_key=attacks.KEY) as server:
        for path, method, heads in sampled(cases, count):
            with tally.trial(f"{method} {path} {heads}"):
                answer = send(server.url, request(method, path, *heads))
                plain = unquote(path)
                if method != "OPTIONS" and plain not in OPEN and not plain.startswith("/page/"):
                    assert answer.status in (400, 401)
                assert b'"object":"list"' not in answer.body
                assert attacks.KEY.encode() not in answer.head + answer.body
        with tally.trial("the log"):
            send(server.url, request("GET", f"/v1/models?api_key={attacks.KEY}"))
            assert attacks.KEY not in json.dumps(server.log)
            assert not server.model_worker[0].starts


def doors():
    """List requests with an odd Host, Origin or Sec-Fetch-Site, and whether they may come in."""
    for host, fits in attacks.HOSTS.items():
        yield request("GET", "/v1/models", host=host), fits
    for origin in attacks.ORIGINS:
        yield request("GET", "/v1/models", b"Origin: " + origin.encode("latin-1")), False
        yield (
            request("POST", "/api/unload", b"Origin: " + origin.encode("latin-1"), body=b"{}"),
            False,
        )
    visits = [("GET", "/"), ("GET", "/docs"), ("GET", "/v1/models"), ("POST", "/api/load"),
              ("DELETE", "/v1/models/fake"), ("GET", "/metrics"), ("POST", "/api/pull"),
              ("POST", "/v1/audio/transcriptions"), ("GET", "/page/page.js")]  # fmt: skip
    for site, (method, path) in itertools.product(attacks.SITES, visits):
        fits = site not in ("cross-site", "same-site") or (
            method == "GET" and path in ("/", "/docs")
        )
        yield request(method, path, b"Sec-Fetch-Site: " + site.encode(), body=b"{}"), fits
    asked = b"Access-Control-Request-Method: DELETE"
    for origin in (b"https://evil.example", b"null"):
        yield request("OPTIONS", "/v1/models", b"Origin: " + origin, asked), False


@forms(80, 1000)
def test_host_origin_and_site(server, tally, count):
    for data, fits in sampled([*doors()], count):
        with tally.trial(data):
            answer = send(server.url, data)
            check_answer(answer, server)
            assert (answer.status not in (400, 403)) == fits or (fits and b"{}" in data)
            assert b"access-control" not in answer.head.lower()


@forms(8, 100)
def test_raw_bytes(server, tally, count):
    for data in sampled(attacks.RAW, count):
        with tally.trial(data):
            answer = send(server.url, data, patience=1.0)
            check_answer(answer, server, statuses={0, *REFUSED})
    check_clean(server)


@forms(20, 100)
def test_log_forging(server, tally, count):
    ids = [(path, b"X-Request-Id: a b") for path in attacks.FORGED]
    heads = (b"X-Request-Id: \x1b[31m", b"X-Request-Id: " + b"x" * 999,
             b"X-Request-Id: \xe2\x80\xa8",
             b"User-Agent: \x1b]0;x\x07", b"Referer: a%0Ab")  # fmt: skip
    for path, head in sampled([*ids, *(("/v1/models", head) for head in heads)], count):
        with tally.trial(f"{path[:60]} {head!r}"):
            reported = len(server.log)
            send(server.url, request("GET", path, head))
            until(lambda reported=reported: len(server.log) > reported)
            assert len(server.log) == reported + 1
            assert _plain(server.log[-1]).isprintable()
            assert attacks.KEY not in _plain(server.log[-1])


@forms(60, 1000)
def test_odd_uploads(server, tally, count, caplog):
    for sent in attacks.uploads() + sampled(attacks.fields(), count):
        with tally.trial(sent):
            started, reported = len(server.model_worker[0].starts), len(server.log)
            if sent.whole:
                check_answer(send(server.url, sent.data), server)
            else:
                with connected(server.url) as line:
                    line.sendall(sent.data)
                until(lambda reported=reported: len(server.log) > reported)
                assert server.log[-1]["status"] != 500
            for start in server.model_worker[0].starts[started:]:
                _encodable(asdict(start.options))
    with tally.trial("what is left"):
        check_clean(server)
        assert [record.message for record in caplog.records if record.levelname == "ERROR"] == []


def _encodable(reported):
    """Check that all texts can be written as UTF-8, which the tokenizer wants."""
    json.dumps(reported, ensure_ascii=False, default=str).encode()


@forms(4, 40)
def test_uploads_that_find_no_room_leave_nothing(model, tally, count):
    with running(model, FakeHands(), max_queue=1) as server:
        active = in_background(lambda: server.post("one\n!wait 2"))
        until(lambda: server.model_worker[0].starts)
        kept = set(server.job_manager.folder.iterdir())
        for number in range(count):
            with tally.trial(number):
                head = b"x-stainless-retry-count: %d" % (number % 3)
                sent = upload(field("model", "fake"), file(b"%d" % number), headers=(head,))
                assert send(server.url, sent).status in (200, 429)
                assert set(server.job_manager.folder.iterdir()) <= kept
        active.join(30)
        check_clean(server)


@forms(150, 1000)
def test_names_and_json_of_the_library(server, tally, count, tmp_path, caplog):
    folder(tmp_path, "elsewhere")
    cases = [
        *itertools.product(attacks.names(tmp_path), ("GET", "DELETE", "load", "unload", "pull"))
    ]
    for name, way in sampled(cases, count):
        with tally.trial(f"{way} {name!a:.80}"):
            address = f"/v1/models/{quote(name, safe='', errors='surrogatepass')}"
            sent = posted(f"/api/{way}", {"model": name})
            answer = send(server.url, request(way, address) if way.isupper() else sent)
            failed = way == "pull" and b'"status": "error"' in answer.body
            check_answer(answer, server, statuses={200} if failed else REFUSED)
    for body, way in sampled(
        [*itertools.product(attacks.JSONS, ("load", "unload", "pull"))], count
    ):
        with tally.trial(f"{way} {body!r:.80}"):
            send(server.url, posted("/api/unload", {"model": "fake"}))  # with what was set
            reported = way == "pull" or b"keep_alive" in body or b'"fake"' in body
            answer = send(server.url, posted(f"/api/{way}", body))
            check_answer(answer, server, statuses=GOOD | REFUSED if reported else REFUSED)
            assert send(server.url, request("GET", "/api/ps")).status == 200
    with tally.trial("what is left"):
        check_clean(server)
        assert [record.message for record in caplog.records if record.levelname == "ERROR"] == []


@forms(24, 97)
def test_random_calls_of_six_clients(model, hub, tally, count):
    how, handles = (
        PullOptions(sources=(HubSource(),)),
        lambda: len(list(Path("/proc/self/fd").iterdir())),
    )
    with running(model, *(FakeHands(load=0.05) for _ in range(count)), how=how) as server:
        server.post("hello")
        before = handles()
        clients = [
            threading.Thread(target=_calls, args=(server, tally, random.Random(seed), count // 6))
            for seed in range(6)
        ]
        for client in clients:
            client.start()
        for client in clients:
            client.join(120)
        until(lambda: not server.job_manager.downloads.running, 30)
        with tally.trial("descriptors"):
            until(lambda: handles() <= before + 12, 30)
        with tally.trial("what is left"):
            check_clean(server)


def _calls(server, tally, chance, count):
    """Pull, break a pull off, load, unload, delete and ask, in any order."""
    ways = {
        "pull": posted("/api/pull", {"model": REPO}),
        "load": posted("/api/load", {"model": chance.choice(["fake", REPO])}),
        "unload": posted("/api/unload", {"model": chance.choice(["fake", REPO])}),
        "delete": request("DELETE", f"/v1/models/{REPO}"),
        "list": request("GET", "/v1/models"),
        "ask": upload(field("model", "fake"), file(b"one\n!wait 0.1")),
        "cut": posted("/api/pull", {"model": REPO}),
    }
    for _ in range(count):
        way = chance.choice([*ways])
        with tally.trial(way):
            if way == "cut":
                with connected(server.url) as line, suppress(OSError):
                    line.sendall(ways[way])
                    line.recv(chance.randrange(1, 500))
            else:
                check_answer(send(server.url, ways[way], patience=60.0), server)


@forms(60, 1000)
def test_odd_options_of_transcribe(server, tally, count):
    values = [*attacks.TEXTS, *attacks.LISTS]
    for name, value in sampled([*itertools.product(OPTIONS, values)], count):
        with tally.trial(f"{name}={value!a:.60}"):
            started = len(server.model_worker[0].starts)
            parts = field("model", "fake"), field(name, value), file(b"hello")
            check_answer(send(server.url, upload(*parts, path="/api/transcribe")), server)
            for start in server.model_worker[0].starts[started:]:
                _encodable(asdict(start.options))
    with tally.trial("what is left"):
        check_clean(server)


@forms(40, 400)
def test_odd_blocks_of_sound(tmp_path, tally, count):
    """Each is sound that can be decoded, or an error of the sender."""
    chance, path = np.random.default_rng(5), tmp_path / "blocks"
    odd = [np.nan, np.inf, -np.inf, 3e38, -3e38, 1e-45, 0.0]
    for number in range(count):
        start = chance.choice([0.0, -1.0, np.nan, np.inf, 1e300, 5.0])
        size = int(chance.choice([0, 1, 100, MAX_SAMPLES, MAX_SAMPLES + 1, 2**32 - 1]))
        samples = chance.choice(odd, 100).astype("<f4")
        head = np.array([start], "<f8").tobytes() + np.array([size], "<u4").tobytes()
        path.write_bytes((head + samples.tobytes())[: int(chance.integers(500))] * (number % 3 + 1))
        with (
            tally.trial(f"{number}: {start} {size}"),
            suppress(AudioError),
            BlockFile(path, 60.0) as sound,
        ):
            for block in sound.blocks():
                assert np.isfinite(block.samples).all()


@pytest.fixture(autouse=True)
def _quiet(monkeypatch):
    """Keep the hub of these tests out of a proxy."""
    monkeypatch.setenv("NO_PROXY", "*")
