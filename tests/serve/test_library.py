"""Models: loaded once, kept as long as was asked, fetched with progress, never deleted in use."""

import json
import os
import socket
import threading
import time
from urllib.parse import quote

import pytest

from tests.download.conftest import hub
from tests.download.pulls import REPO, WEIGHTS, weights_sent
from tests.models.fakes import cache
from tests.serve.fakes import FakeHands, folder, in_background, running, until
from whisper_cli.download.options import PullOptions
from whisper_cli.download.sources.hub import HubSource
from whisper_cli.download.types import TransferLimits
from whisper_cli.errors import ConfigError
from whisper_cli.models import store
from whisper_cli.serve import downloads
from whisper_cli.serve.settings import NO_LIMIT, seconds


@pytest.mark.parametrize(
    ("text", "found"),
    [("5m", 300), ("1h", 3600), ("90", 90), ("1.5s", 1.5), ("0", 0), ("-1", NO_LIMIT)],
)
def test_spans_of_time(text, found):
    assert seconds(text) == found


@pytest.mark.parametrize("text", ["999999999999h", "9" * 400, "3651d", "88000h"])
def test_a_span_that_no_date_can_hold_is_refused(server, text):
    with pytest.raises(ConfigError):
        seconds(text)
    refused = server.post("hello", keep_alive=text)
    assert (refused.status_code, refused.json()["error"]["param"]) == (400, "keep_alive")
    with server.client as client:
        body = {"model": "fake", "keep_alive": text}
        assert client.post("/api/load", json=body).status_code == 400
    assert ps(server)[0]["expires_at"]


def ps(server):
    with server.client as client:
        return client.get("/api/ps").json()["models"]


def test_an_idle_model_is_let_go_and_loaded_again_when_needed(model):
    model_worker = FakeHands(), FakeHands()
    with running(model, *model_worker, keep_alive=3) as server:
        assert ps(server)[0]["expires_at"] > "2020"
        until(lambda: not ps(server), 20)
        assert not model_worker[0].alive
        assert server.post("hello").json()["text"] == "hello"
        assert model_worker[1].loads == 1


def test_a_request_may_say_how_long(model):
    with running(model, FakeHands(), keep_alive=0.2) as server:
        server.post("hello", keep_alive="-1")
        time.sleep(0.4)
        assert ps(server)[0]["expires_at"] is None
        server.post("hello", keep_alive="0")
        until(lambda: not ps(server))


def test_how_long_a_request_said_holds_until_another_says_otherwise(model):
    with running(model, FakeHands(), keep_alive=300) as server:
        server.post("hello", keep_alive="-1")
        server.post("hello")
        assert ps(server)[0]["expires_at"] is None


def test_a_busy_model_outlives_its_time_and_is_not_unloaded(model):
    with running(model, FakeHands(), keep_alive=0.1) as server, server.client as client:
        asked = in_background(lambda: server.post("one\n!hold"))
        until(lambda: [item["busy"] for item in ps(server)] == [1])
        refused = client.post("/api/unload", json={"model": "fake"})
        assert (refused.status_code, refused.json()["error"]["code"]) == (409, "model_busy")
        server.model_worker[0].release()
        asked.join(5)
        until(lambda: not ps(server))


def test_many_who_need_a_cold_model_load_it_once(model):
    model_worker = FakeHands(), FakeHands(load=0.3)
    with running(model, *model_worker) as server, server.client as client:
        assert client.post("/api/unload", json={"model": "fake"}).json()["unloaded"]
        asked = [in_background(lambda: server.post("hello")) for _ in range(5)]
        for thread in asked:
            thread.join(5)
        assert model_worker[1].loads == 1
        assert len(model_worker[1].starts) == 5


def test_load_and_unload(server):
    with server.client as client:
        for _ in range(2):
            client.post("/api/unload", json={"model": "fake"})
            state = client.post("/api/load", json={"model": "fake", "keep_alive": "1h"}).json()
            assert (state["loaded"], state["model"]) == (True, "fake")
        assert client.post("/api/load", json={"model": "fale"}).status_code == 404
        for body in (b"", b"[]", b"{}", b'{"model": 3}', b'{"model":"fake","keep_alive":[]}'):
            assert client.post("/api/load", content=body).status_code == 400


def test_not_ready_before_the_model_is_warm(model):
    with running(model, FakeHands()) as server:
        with server.client as client:
            assert client.get("/ready").status_code == 200
            server.job_manager.draining = True
            assert client.get("/ready").status_code == 503
            assert client.get("/health").status_code == 200
        drained = server.post("hello")
        assert (drained.status_code, drained.json()["error"]["code"]) == (503, "draining")
        assert drained.headers["retry-after"]


def test_metrics_can_be_scraped(server):
    server.post("hello")
    server.post("hello", model="none")
    with server.client as client:
        text = client.get("/metrics").text
    assert 'whisper_requests_total{path="/v1/audio/transcriptions",status="200"} 1' in text
    assert 'whisper_requests_total{path="/v1/audio/transcriptions",status="404"} 1' in text
    assert "whisper_audio_seconds_total 1.27" in text
    assert "whisper_models_loaded 1" in text
    assert all(line.startswith(("#", "whisper_")) for line in text.splitlines())


def test_a_folder_that_was_given_is_not_ours_to_delete(server, model):
    with server.client as client:
        assert client.delete("/v1/models/fake").status_code == 400
    assert (model / "model.bin").exists()


def test_an_installed_model_is_deleted(server, isolated):
    cached = isolated / "hub" / "models--owner--name" / "snapshots" / ("a" * 40)
    folder(cached.parent, cached.name)
    (cached / "model.bin").write_bytes(b"\x06\0\0\0\x0c\0WhisperSpec\0")
    refs = cached.parent.parent / "refs"
    refs.mkdir()
    (refs / "main").write_text("a" * 40)
    with server.client as client:
        assert [item["id"] for item in client.get("/v1/models").json()["data"]] == [
            "fake",
            "owner/name",
        ]
        for path in ("/v1/models/owner/name", "/v1/models/owner%2Fname"):
            assert client.get(path).json()["id"] == "owner/name"
        gone = client.delete("/v1/models/owner%2Fname").json()
        assert gone == {"id": "owner/name", "object": "model", "deleted": True}
        assert not cached.exists()
        assert client.get("/v1/models/owner/name").status_code == 404


PATHS = [
    "a/b@/dev/zero",
    "a/b@../../../../../../../../dev/zero",
    "a/b@x/../../y",
    "a/b@x/./y",
    "Systran/faster-whisper-tiny.en@../../../../FILE",
    "../..",
    "a/..",
    "a/b@%00",
    "a/b@c\td",
    "a--b/c",
]


@pytest.mark.parametrize("name", PATHS)
def test_a_clients_word_is_never_taken_for_a_path(server, model, isolated, name):
    snapshot = isolated / "hub" / "models--a--b" / "snapshots" / ("a" * 40)
    folder(snapshot.parent, snapshot.name)
    for destination in (isolated, isolated / "hub", isolated / "hub" / "models--a--b"):
        (destination / "FILE").write_text(str(model))
    with server.client as client:
        for answer in (
            client.get(f"/v1/models/{quote(name, safe='')}"),
            client.delete(f"/v1/models/{quote(name, safe='')}"),
            *(client.post(f"/api/{do}", json={"model": name}) for do in ("load", "unload", "pull")),
        ):
            assert answer.status_code == 404
            assert answer.json()["error"]["code"] in ("model_not_found", "not_found")
    assert server.post("hello", model=name).status_code == 404
    assert snapshot.exists()


@pytest.mark.parametrize("kind", ["pipe", "device", "path", "long"])
def test_what_another_put_for_a_ref_holds_nobody_up(server, model, isolated, kind):
    ref = isolated / "hub" / "models--a--b" / "refs" / "main"
    ref.parent.mkdir(parents=True)
    match kind:
        case "pipe":
            os.mkfifo(ref)
        case "device":
            ref.symlink_to("/dev/zero")
        case "path":
            ref.write_text(str(model))
        case "long":
            ref.write_text("a" * 40 + " " * 10**6)
    with server.client as client:
        assert client.get("/v1/models/a/b").status_code == 404
        assert client.post("/api/load", json={"model": "a/b"}).status_code == 404
    assert server.post("hello", model="a/b").status_code == 404


def test_others_are_answered_while_a_model_is_looked_for(server, monkeypatch):
    """The disk doesn't answer; the loop does."""
    answers, asked = threading.Event(), threading.Event()
    find = store.find

    def slow(model):
        if model.repo == "slow/disk":
            asked.set()
            assert answers.wait(60)
        return find(model)

    monkeypatch.setattr("whisper_cli.models.store.find", slow)
    reported = []
    try:
        thread = in_background(lambda: reported.append(server.post("hello", model="slow/disk")))
        assert asked.wait(60)
        with server.client as client:
            assert client.get("/health").status_code == 200
        assert not reported
    finally:
        answers.set()
    thread.join(60)
    assert [item.status_code for item in reported] == [404]


def lines(response):
    return [json.loads(line) for line in response.iter_lines()]


def test_an_unknown_model_is_not_pulled(server):
    with server.client as client:
        refused = client.post("/api/pull", json={"model": "smal"})
        assert refused.status_code == 404
        assert 'did you mean "small"?' in refused.json()["error"]["message"]


def test_a_pull_that_fails_says_so_in_its_last_line(server):
    with server.client as client:
        reported = lines(client.post("/api/pull", json={"model": "owner/none"}))
        assert reported[-1]["status"] == "error"
        assert set(reported[-1]["error"]) == {"message", "type", "param", "code"}
        assert client.post("/api/pull", json={"model": "a/b", "stream": False}).status_code == 502


def test_a_pull_tells_its_progress_and_is_one_for_all_who_ask(model, hub):
    how = PullOptions(sources=(HubSource(),))
    with running(model, how=how) as server, server.client as client:
        reported = []
        asked = [
            in_background(
                lambda: reported.append(lines(client.post("/api/pull", json={"model": REPO})))
            )
            for _ in range(3)
        ]
        for thread in asked:
            thread.join(30)
        for item in reported:
            assert item[-1] == {"status": "success"}
            done = [one["completed"] for one in item[:-1] if one["file"] == "model.bin"]
            assert done == sorted(done)
            assert {one["status"] for one in item} >= {"writing", "success"}
        assert len(reported) == 3
        assert weights_sent(hub) < 1.2 * len(WEIGHTS)
        assert client.get(f"/v1/models/{REPO}").status_code == 200


def test_a_pull_that_was_broken_off_goes_on_in_another_server(model, hub):
    how = PullOptions(
        sources=(HubSource(),), limits=TransferLimits(limit_rate=1_000_000), chunk_size=1 << 18
    )
    with running(model, how=how) as server, server.client as client:
        with client.stream("POST", "/api/pull", json={"model": REPO}) as response:
            for line in response.iter_lines():
                if json.loads(line).get("completed", 0) > 1_000_000:
                    break
        until(lambda: not server.job_manager.downloads.running)
    before = weights_sent(hub)
    with running(model, how=PullOptions(sources=(HubSource(),))) as server, server.client as client:
        assert lines(client.post("/api/pull", json={"model": REPO}))[-1] == {"status": "success"}
    assert weights_sent(hub) - before < len(WEIGHTS) - 500_000


def test_who_comes_while_a_pull_is_being_stopped_gets_the_model(model, hub):
    how = PullOptions(
        sources=(HubSource(),), limits=TransferLimits(limit_rate=2_000_000), chunk_size=1 << 18
    )
    with running(model, how=how) as server, server.client as client:
        with client.stream("POST", "/api/pull", json={"model": REPO}) as response:
            next(response.iter_lines())
        assert lines(client.post("/api/pull", json={"model": REPO}))[-1] == {"status": "success"}
        assert client.get(f"/v1/models/{REPO}").status_code == 200


@pytest.mark.parametrize("stream", [True, False])
def test_few_models_are_fetched_at_once_and_none_for_nobody(model, monkeypatch, stream):
    names = [f"owner/model-{number}" for number in range(downloads.MAX_DOWNLOADS)]
    with socket.create_server(("127.0.0.1", 0), backlog=256) as silent:  # takes, and never answers
        monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{silent.getsockname()[1]}")
        monkeypatch.setenv("NO_PROXY", "*")
        with running(model, how=PullOptions(sources=(HubSource(),))) as server:
            asked = [asking(server, {"model": name, "stream": stream}) for name in names]
            until(lambda: len(server.job_manager.downloads.running) == downloads.MAX_DOWNLOADS, 20)
            with server.client as client:
                refused = client.post("/api/pull", json={"model": "owner/more", "stream": stream})
                assert refused.status_code == 429
                assert refused.json()["error"]["code"] == "too_many_pulls"
                assert refused.headers["retry-after"]
            asked.append(asking(server, {"model": names[0], "stream": stream}))  # joins
            for line in asked:
                line.close()
            until(
                lambda: not server.job_manager.downloads.running, 10
            )  # well before anything times out
            until(lambda: not any("_fetch" in item.name for item in threading.enumerate()))


def asking(server, body):
    """Ask for a model over a connection that is given back."""
    line = socket.create_connection(server.url[7:].split(":"), timeout=30)
    data = json.dumps(body).encode()
    head = f"POST /api/pull HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(data)}\r\n\r\n"
    line.sendall(head.encode() + data)
    return line


def test_on_demand_a_model_is_pulled_for_the_first_who_asks(model, hub):
    how = PullOptions(sources=(HubSource(),))
    with running(model, how=how, pull_on_demand=True) as server:
        assert server.post("hello", model=REPO).json()["text"] == "hello"
    with running(model, how=how) as server:
        assert server.post("hello", model="acme/other").status_code == 404


__all__ = ["cache", "hub"]
