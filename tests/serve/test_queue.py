"""The queue: bounded, honest about how long, left by those who leave, joined by those who retry."""

import openai
import pytest

from tests.serve.fakes import FakeHands, in_background, running, sent, until
from whisper_cli.serve.failures import ApiError
from whisper_cli.serve.jobs import Jobs
from whisper_cli.serve.worker.messages import Heard, Opened

SLOW = "one\n!wait 600\ntwo"


def followers(server):
    """Count who waits for each job."""
    return [job.followers for job in server.studio.jobs.queue]


@pytest.mark.parametrize("stream", ["true", "false"])
def test_a_client_that_leaves_frees_its_work_at_once(server, stream):
    line = sent(server, SLOW, stream=stream)
    until(lambda: len(server.hands[0].starts) == 1)
    line.close()
    until(lambda: server.hands[0].cancelled == [1])
    until(lambda: not len(server.studio.jobs))
    until(lambda: not list(server.studio.folder.iterdir()))
    until(lambda: server.log[-1]["path"] != "/ready")
    assert server.post("hello").status_code == 200


def test_a_full_queue_says_when_to_come_again(model):
    with running(model, FakeHands(), max_queue=2) as server:
        for _ in range(2):
            in_background(lambda: server.post(SLOW))
        until(lambda: len(server.hands[0].starts) == 2)
        refused = server.post("three")
        assert refused.status_code == 429
        assert 1 <= int(refused.headers["retry-after"]) <= 120
        assert refused.headers["x-should-retry"] == "true"
        assert refused.json()["error"]["code"] == "queue_full"
        with server.client as client:
            state = client.get("/api/ps").json()
        assert [each["position"] for each in state["queue"]] == [0, 1]
        assert state["models"][0]["busy"] == 2


def test_the_official_client_waits_and_comes_again(model):
    with running(model, FakeHands(), max_queue=1) as server:
        in_background(lambda: server.post("one\n!wait 2"))
        until(lambda: len(server.studio.jobs) == 1)
        with openai.OpenAI(api_key="k", base_url=server.url + "/v1") as client:
            assert client.audio.transcriptions.create(model="fake", file=b"hi").text == "hi"


def test_the_wait_is_what_is_left_by_the_measured_pace():
    jobs = Jobs(9)
    job = jobs.enter("a", "m", "")
    job.tell(Opened(1, 600.0))
    job.tell(Heard(1, 100.0))
    jobs._since -= 10
    assert jobs.pace == pytest.approx(10, rel=0.05)
    assert jobs.wait == pytest.approx(50, abs=3)
    other = jobs.enter("b", "m", "")
    other.tell(Opened(2, 9999.0))
    assert jobs.wait == 120
    jobs.leave(other)
    jobs.leave(job)
    assert jobs.pace == pytest.approx(10, rel=0.05)


def test_no_more_than_the_limit_are_accepted():
    jobs = Jobs(1)
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
    until(lambda: followers(server) == [1])
    others = [in_background(lambda: ask("one\n!hold", "1")) for _ in range(3)]
    other = in_background(lambda: ask("two\n!hold", "1"))
    until(lambda: sorted(followers(server)) == [1, 4])
    server.hands[0].release()
    for thread in (first, *others, other):
        thread.join(60)
    assert sorted(answers) == ["one"] * 4 + ["two"]
    assert len(server.hands[0].starts) == 2


def test_the_same_body_without_a_retry_is_a_job_of_its_own(server):
    threads = [in_background(lambda: server.post("one\n!wait 0.3")) for _ in range(2)]
    for thread in threads:
        thread.join(60)
    assert len(server.hands[0].starts) == 2


def test_a_job_that_others_joined_goes_on_when_the_first_leaves(server):
    first, answers = sent(server, "one\n!hold"), []
    until(lambda: followers(server) == [1])
    headers = {"x-stainless-retry-count": "1"}
    second = in_background(lambda: answers.append(server.post("one\n!hold", headers=headers)))
    until(lambda: followers(server) == [2])
    first.close()
    until(lambda: followers(server) == [1])
    server.hands[0].release()
    second.join(60)
    assert [answer.json()["text"] for answer in answers] == ["one"]
    assert server.hands[0].cancelled == []


def test_uploads_are_removed_when_they_are_done(server):
    for text in ("hello", "!fail audio", "!fail engine"):
        server.post(text)
    until(lambda: not list(server.studio.folder.iterdir()))
