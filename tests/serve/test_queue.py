"""The queue: bounded, honest about how long, left by those who leave, joined by those who retry."""

import asyncio
import contextlib
import socket

import httpx
import openai
import pytest

from tests.serve.fakes import FakeHands, in_background, running, until
from whisper_cli.choices import Task
from whisper_cli.serve.errors import ApiError
from whisper_cli.serve.job_manager import JobManager, JobSpec
from whisper_cli.serve.job_queue import JobQueue
from whisper_cli.serve.requests import read
from whisper_cli.serve.worker.messages import JobProgress, UploadOpened

SLOW = "one\n!wait 20\ntwo"
BROKEN = "tests.serve.fakes.FakeHands.begin"
END = b"\r\n--b--\r\n"


@contextlib.contextmanager
def uploading(server, data, path="/v1/audio/transcriptions", **fields):
    """Send all of an upload but its end."""
    part = '--b\r\nContent-Disposition: form-data; name="{}"{}\r\n\r\n'
    body = ""
    for name, value in {"model": "fake", **fields}.items():
        body += part.format(name, "") + value + "\r\n"
    sent = (body + part.format("file", '; filename="a"')).encode() + data
    head = (
        f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: multipart/form-data; boundary=b"
        f"\r\nContent-Length: {len(sent) + len(END)}\r\n\r\n"
    )
    with socket.create_connection(server.url[7:].split(":"), timeout=30) as line:
        line.sendall(head.encode() + sent)
        yield line


@pytest.mark.parametrize("stream", ["true", "false"])
def test_a_client_that_leaves_frees_its_work_at_once(server, stream):
    def leave():
        with server.client as client, pytest.raises(httpx.TimeoutException):
            client.post(
                "/v1/audio/transcriptions",
                data={"model": "fake", "stream": stream},
                files={"file": SLOW.encode()},
                timeout=0.3,
            )

    leave()
    until(lambda: server.model_worker[0].cancelled == [1], 15.0)  # of the 20 s that it would take
    until(lambda: not len(server.job_manager.jobs))
    until(lambda: not list(server.job_manager.folder.iterdir()))
    until(lambda: server.log[-1]["path"] != "/ready")
    assert server.post("hello").status_code == 200


def test_a_full_queue_says_when_to_come_again(model):
    with running(model, FakeHands(), max_queue=2) as server:
        for _ in range(2):
            in_background(lambda: server.post(SLOW))
        until(lambda: len(server.model_worker[0].starts) == 2)
        refused = server.post("three")
        assert refused.status_code == 429
        assert 1 <= int(refused.headers["retry-after"]) <= 120
        assert refused.headers["x-should-retry"] == "true"
        assert refused.json()["error"]["code"] == "queue_full"
        with server.client as client:
            state = client.get("/api/ps").json()
        assert [item["position"] for item in state["queue"]] == [0, 1]
        assert state["models"][0]["busy"] == 2


def test_the_official_client_waits_and_comes_again(model):
    with running(model, FakeHands(), max_queue=1) as server:
        in_background(lambda: server.post("one\n!wait 0.5"))
        until(lambda: len(server.job_manager.jobs) == 1)
        with openai.OpenAI(api_key="k", base_url=server.url + "/v1") as client:
            assert client.audio.transcriptions.create(model="fake", file=b"hi").text == "hi"


def test_the_wait_is_what_is_left_by_the_measured_pace():
    jobs = JobQueue(9)
    job = jobs.enter("a", "m", "")
    job.tell(UploadOpened(1, 600.0))
    job.tell(JobProgress(1, 100.0))
    jobs._since -= 10
    assert jobs.speed == pytest.approx(10, rel=0.05)
    assert jobs.wait == pytest.approx(50, abs=3)
    other = jobs.enter("b", "m", "")
    other.tell(UploadOpened(2, 9999.0))
    assert jobs.wait == 120
    jobs.leave(other)
    jobs.leave(job)
    assert jobs.speed == pytest.approx(10, rel=0.05)


def test_no_more_than_the_limit_are_accepted():
    jobs = JobQueue(1)
    jobs.enter("a", "m", "")
    with pytest.raises(ApiError) as refused:
        jobs.enter("b", "m", "")
    assert refused.value.retry_after >= 1


def test_a_retry_of_the_same_body_joins_the_running_job(server):
    answers = []

    def ask(text, count):
        headers = {"x-stainless-retry-count": count}
        answers.append(server.post(text, headers=headers).json()["text"])

    first = in_background(lambda: ask("one\n!hold", "0"))
    until(lambda: len(server.model_worker[0].starts) == 1)
    rest = [in_background(lambda: ask("one\n!hold", "1")) for _ in range(3)]
    other = in_background(lambda: ask("two\n!hold", "1"))
    until(lambda: sorted(job.followers for job in server.job_manager.jobs.queue) == [1, 4])
    server.model_worker[0].release()
    for thread in (first, *rest, other):
        thread.join(10)
    assert sorted(answers) == ["one"] * 4 + ["two"]
    assert len(server.model_worker[0].starts) == 2


def test_the_same_body_without_a_retry_is_a_job_of_its_own(server):
    threads = [in_background(lambda: server.post("one\n!hold")) for _ in range(2)]
    until(lambda: len(server.model_worker[0].starts) == 2)
    server.model_worker[0].release()
    for thread in threads:
        thread.join(10)


def test_a_job_that_others_joined_goes_on_when_the_first_leaves(server):
    answers = []

    def join():
        answers.append(server.post("one\n!hold", headers={"x-stainless-retry-count": "1"}))

    with uploading(server, b"one\n!hold") as first:
        first.sendall(END)
        until(lambda: len(server.model_worker[0].starts) == 1)
        join_text = in_background(join)
        [job] = server.job_manager.jobs.queue
        until(lambda: job.followers == 2)
    until(lambda: job.followers == 1)
    server.model_worker[0].release()
    join_text.join(10)
    assert answers[0].json()["text"] == "one"
    assert server.model_worker[0].cancelled == []


def test_uploads_are_removed_when_they_are_done(server):
    for text in ("hello", "!fail audio", "!fail engine"):
        server.post(text)
    until(lambda: not uploads(server))


def uploads(server):
    return list(server.job_manager.folder.iterdir())


def test_an_upload_that_is_refused_after_it_came_is_removed(model):
    with running(model, FakeHands(), max_queue=2) as server:
        with uploading(server, b"late") as late:
            until(lambda: len(uploads(server)) == 1)  # it is let in, and the queue fills meanwhile
            jobs = []
            starts = server.model_worker[0].starts
            while len(jobs) < 2:  # one after the other: each is an upload for a moment
                jobs.append(in_background(lambda: server.post("one\n!hold")))
                until(lambda: len(starts) == len(jobs))
            late.sendall(END)
            assert late.recv(1000).startswith(b"HTTP/1.1 429 ")
        for count in ("1", "2", "1"):
            again = server.post("another", headers={"x-stainless-retry-count": count})
            assert again.status_code == 429
        until(lambda: len(uploads(server)) == 2)  # those of the jobs
        server.model_worker[0].release()
        for thread in jobs:
            thread.join(10)
        until(lambda: not uploads(server))


def test_a_full_disk_is_told_in_the_form_of_the_api(server, tmp_path, monkeypatch):
    def full(**_):
        destination = tmp_path / "full"  # a link: it is removed as an upload is
        destination.symlink_to("/dev/full")
        return destination.open("w+b", buffering=0)

    with monkeypatch.context() as patched:
        patched.setattr("whisper_cli.serve.multipart.tempfile.NamedTemporaryFile", full)
        refused = server.post("hello")
    assert (refused.status_code, refused.json()["error"]["code"]) == (507, "disk_full")
    assert not (tmp_path / "full").is_symlink()
    assert server.post("hello").status_code == 200


def test_a_folder_of_uploads_that_was_removed_is_made_anew(server):
    for _ in range(2):
        server.job_manager.folder.rmdir()
        assert server.post("hello").json()["text"] == "hello"
        until(lambda: not uploads(server))


@pytest.mark.parametrize("broken", ["whisper_cli.serve.model_registry.ModelRegistry.find", BROKEN])
def test_a_bug_is_told_in_the_form_of_the_api_and_logged(server, monkeypatch, caplog, broken):
    def fail(*_, **__):
        raise RuntimeError("a bug")

    monkeypatch.setattr(broken, fail)
    failed = server.post("hello")
    assert (failed.status_code, failed.json()["error"]["code"]) == (500, "internal_error")
    until(lambda: any(item.exc_info for item in caplog.records))  # once the answer is given
    assert [item.exc_info[0] for item in caplog.records if item.exc_info] == [RuntimeError]


@pytest.mark.parametrize(
    "fields",
    [
        {"model": "none"},
        {"language": "klingon"},
        {"temperature": "hot"},
    ],
)
@pytest.mark.parametrize("retries", ["0", "1"])
def test_an_upload_with_a_wrong_field_is_removed(server, fields, retries):
    refused = server.post("hello", headers={"x-stainless-retry-count": retries}, **fields)
    assert refused.status_code in (400, 404)
    until(lambda: not uploads(server))


def test_a_job_that_is_left_before_it_begins_removes_its_file(server):
    async def submit_and_leave():
        job_manager = JobManager(
            server.job_manager.server_settings,
            server.job_manager.registry,
            server.job_manager.model_pool,
            None,
        )
        form = await job_manager.keep(b"sound")
        ask = read([("model", "fake")], Task.TRANSCRIBE)
        entry = await job_manager.registry.find("fake")
        job = job_manager.submit(JobSpec(entry, ask, form, "a"))
        with job_manager.following(job):
            pass
        await asyncio.gather(*job_manager._running.values(), return_exceptions=True)
        await asyncio.sleep(0)  # what is called back when it has ended
        assert not form.path.exists()
        assert len(job_manager.jobs) == 0
        await job_manager.close()

    asyncio.run(submit_and_leave())


def test_an_engine_that_dies_is_replaced_and_nothing_is_said_twice(model):
    model_worker = FakeHands(mortal=True), FakeHands()
    with running(model, *model_worker) as server:
        text = "one\ntwo\n!die\nthree"
        answer = server.post(text, response_format="verbose_json").json()
        assert [item["text"].strip() for item in answer["segments"]] == ["one", "two", "three"]
        assert [len(item.starts) for item in model_worker] == [1, 1]
    with running(model, FakeHands(mortal=True), FakeHands()) as server:
        events = server.post(text, stream="true").text
        assert events.count('"transcript.text.delta"') == 3
        assert '"text": "one two three"' in events
    until(lambda: not model_worker[0].alive)


@pytest.mark.parametrize("stream", ["false", "true"])
def test_a_job_whose_engines_die_may_come_again(model, stream):
    model_worker = FakeHands(mortal=True), FakeHands(mortal=True), FakeHands()
    with running(model, *model_worker) as server:
        failed = server.post("!die\none", stream=stream)
        assert (failed.status_code, failed.json()["error"]["code"]) == (503, "engine_ended")
        assert failed.headers["x-should-retry"] == "true"
        assert int(failed.headers["retry-after"]) >= 1
        assert server.post("!die\none", stream=stream).status_code == 200
        until(lambda: not uploads(server))
