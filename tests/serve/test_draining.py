"""A server that is asked to end: what it still does, and what it tells those who have to go."""

import json
import signal
import socket

import pytest

from tests.serve.fakes import in_background, until
from tests.serve.processes import repeated, server_settings
from tests.serve.test_queue import uploading


def drain(server, grace):
    """Do what a signal does; the loop is that of a job that runs."""
    server.model_worker[0].loop.call_soon_threadsafe(server.job_manager.drain, grace)


@pytest.mark.parametrize("path", ["/v1/audio/transcriptions", "/v1/audio/translations"])
def test_a_job_that_is_not_done_in_time_may_come_again(server, path):
    answers = []
    asked = in_background(lambda: answers.append(server.post("one\n!hold", path=path)))
    until(lambda: server.model_worker[0].starts)
    drain(server, 0.1)
    asked.join(20)
    assert (answers[0].status_code, answers[0].json()["error"]["code"]) == (503, "draining")
    assert answers[0].headers["x-should-retry"] == "true"
    assert int(answers[0].headers["retry-after"]) >= 1
    until(lambda: not list(server.job_manager.folder.iterdir()))


@pytest.mark.parametrize("path", ["/v1/audio/transcriptions", "/api/transcribe"])
def test_a_stream_that_is_not_done_in_time_ends_in_an_error(server, path):
    reported = []
    asked = in_background(
        lambda: reported.append(server.post("one\n!hold", path=path, stream="true"))
    )
    until(lambda: any(job.processed for job in server.job_manager.jobs.queue))
    drain(server, 0.1)
    asked.join(20)
    last = reported[0].text.strip().splitlines()[-1].removeprefix("data: ")
    assert json.loads(last)["error"]["code"] == "draining"


def test_a_job_that_is_done_in_time_is_answered(server):
    answers = []
    asked = in_background(lambda: answers.append(server.post("one\n!hold")))
    until(lambda: server.model_worker[0].starts)
    drain(server, 60)
    until(lambda: server.job_manager.draining)
    server.model_worker[0].release()
    asked.join(20)
    assert answers[0].json()["text"] == "one"


def test_an_upload_that_is_not_done_in_time_is_refused(server):
    server.post("hello")
    with uploading(server, b"one") as line:
        until(lambda: list(server.job_manager.folder.iterdir()))
        drain(server, 0.1)
        assert line.recv(1000).startswith(b"HTTP/1.1 503 ")
    until(lambda: not list(server.job_manager.folder.iterdir()))


@pytest.mark.parametrize(
    ("path", "body"),
    [("/api/load", {"model": "fake"}), ("/api/pull", {"model": "a/b"}), ("/api/unload", {})],
)
def test_nothing_new_is_begun(server, path, body):
    server.job_manager.draining = True
    with server.client as client:
        refused = client.post(path, json=body)
        assert (refused.status_code, refused.json()["error"]["code"]) == (503, "draining")
        assert refused.headers["retry-after"]
        assert client.get("/api/ps").status_code == 200


@pytest.mark.slow
@pytest.mark.parametrize("signals", [(signal.SIGTERM, signal.SIGTERM), (signal.SIGINT,) * 2])
def test_a_second_signal_ends_it_at_once(tiny_en, tmp_path, jfk, signals):
    long = repeated(jfk, tmp_path / "long.wav", 60)
    answers = []
    with server_settings("--model", tiny_en) as served:
        asked = in_background(lambda: answers.append(served.post(long)))
        until(lambda: served.get("/api/ps")["queue"], 60)
        served.process.send_signal(signals[0])
        until(lambda: not listens(served), 20)
        assert served.process.poll() is None
        served.process.send_signal(signals[1])
        assert served.process.wait(20) == 128 + signals[0]
        asked.join(20)
    assert (answers[0].status_code, answers[0].json()["error"]["code"]) == (503, "draining")
    assert "Traceback" not in "".join(served.log)


def listens(served):
    try:
        socket.create_connection(served.url[7:].split(":"), timeout=5).close()
    except OSError:
        return False
    return True
