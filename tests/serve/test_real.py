"""The real server: words, memory, leaving, broken media, signals."""

import json
import os
import random
import signal
import socket
import ssl
import threading
import time
from pathlib import Path

import httpx
import openai
import pytest

from tests.conftest import clips
from tests.fake_hub.tls import make_authority
from tests.serve.fakes import folder, until
from tests.serve.processes import repeated, server_settings

pytestmark = pytest.mark.slow


@pytest.fixture
def served(tiny_en):
    with server_settings(
        "--model", tiny_en, "--max-duration", "20m", "--keep-alive", "-1"
    ) as found:
        yield found


def test_words_are_those_of_the_program_alone_and_beside_others(
    served, run, jfk, tiny_en, monkeypatch
):
    monkeypatch.setattr("tests.leftovers.GROWTH", 400 << 20)  # a model is loaded in this process
    alone = " ".join(run("transcribe", jfk, "-m", tiny_en).stdout.split())
    assert served.post(jfk).json()["text"] == alone
    texts = []
    threads = [
        threading.Thread(target=lambda: texts.append(served.post(jfk).json()["text"]))
        for _ in range(12)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert texts == [alone] * 12
    with openai.OpenAI(api_key="k", base_url=served.url + "/v1") as client, jfk.open("rb") as file:
        events = list(client.audio.transcriptions.create(model="tiny.en", file=file, stream=True))
    assert "".join(event.delta for event in events[:-1]) == events[-1].text == alone


def test_memory_is_given_back_when_a_model_is_let_go(served, jfk):
    served.post(jfk)
    assert served.resident > 150
    for _ in range(3):
        assert served.ask("/api/unload", model="tiny.en")["unloaded"]
        assert served.resident <= 120
        state = served.ask("/api/load", model="tiny.en")
        assert state["memory"] > 100e6
    assert served.post(jfk).status_code == 200


def test_a_client_that_leaves_gives_the_processor_back(served, tmp_path, jfk):
    long = repeated(jfk, tmp_path / "long.wav", 90)
    with pytest.raises(httpx.TimeoutException):
        served.post(long, timeout=3.0)
    time.sleep(2.0)
    before = served.cpu
    time.sleep(1.0)
    assert served.cpu - before < 0.3
    assert served.get("/api/ps")["queue"] == []


def test_a_short_file_does_not_wait_behind_a_long_one(served, tmp_path, jfk):
    long = repeated(jfk, tmp_path / "long.wav", 60)
    idle = _seconds(lambda: served.post(jfk))
    thread = threading.Thread(target=lambda: served.post(long), daemon=True)
    thread.start()
    time.sleep(1.5)
    assert thread.is_alive()
    # Others share this machine; alone it is within two seconds (benchmarks/serve.py).
    assert min(_seconds(lambda: served.post(jfk)) for _ in range(3)) < idle + 4.0
    thread.join(120)


def _seconds(work):
    started_at = time.monotonic()
    assert work().status_code == 200
    return time.monotonic() - started_at


def test_broken_media_breaks_nothing(served, speech, jfk):
    chance = random.Random(7)
    originals = [(speech / clip["path"]).read_bytes() for clip in clips("hard_corrupt")]
    mutated = [_mutated(data, chance) for data in originals if data]
    for data in (*originals, *mutated):
        response = served.post(data)
        assert response.status_code in (200, 400), response.text
        assert "/tmp" not in response.text
    assert "country" in served.post(jfk).json()["text"]
    assert served.get("/api/ps")["queue"] == []


def _mutated(data, chance):
    """Flip, repeat, and cut."""
    changed = bytearray(data)
    for _ in range(max(4, len(data) // 500)):
        changed[chance.randrange(len(changed))] = chance.randrange(256)
    at = chance.randrange(len(changed))
    return bytes(changed[:at] + changed[at // 2 : at] + changed[at + 5 :])


def test_a_recording_that_is_too_long_is_refused(served, tmp_path, jfk):
    long = repeated(jfk, tmp_path / "long.flac", 120)
    refused = served.post(long)
    assert (refused.status_code, refused.json()["error"]["code"]) == (413, "audio_too_long")


def test_sigterm_lets_requests_end(tmp_path, jfk, tiny_en):
    with server_settings("--model", tiny_en) as served:
        long = repeated(jfk, tmp_path / "long.wav", 10)
        answers = []
        thread = threading.Thread(target=lambda: answers.append(served.post(long)))
        thread.start()
        until(lambda: served.get("/api/ps")["queue"], 60)
        served.process.send_signal(signal.SIGTERM)
        thread.join(60)
        assert answers[0].status_code == 200
        assert "country" in answers[0].json()["text"]
        assert served.process.wait(20) == 143


def test_the_key_comes_from_the_environment(tiny_en):
    with server_settings("--model", tiny_en, ready=False, WHISPER_CLI_API_KEY="k3y") as served:
        assert httpx.get(served.url + "/v1/models").status_code == 401
        headers = {"authorization": "Bearer k3y"}
        assert httpx.get(served.url + "/v1/models", headers=headers).status_code == 200


def test_tls_and_lines_of_json(tiny_en, tmp_path):
    authority = make_authority(tmp_path)
    files = "--ssl-certfile", str(authority.certificate), "--ssl-keyfile", str(authority.key)
    with server_settings("--model", tiny_en, "--log-json", *files, ready=False) as served:
        assert served.url.startswith("https://")
        trusting = ssl.create_default_context(cafile=authority.ca)
        answer = httpx.get(served.url + "/health", verify=trusting)
        assert answer.json() == {"status": "ok"}
        until(lambda: len(served.log) > 1)
        record = json.loads(served.log[-1])
        assert record["id"] == answer.headers["x-request-id"]
        assert (record["path"], record["status"]) == ("/health", 200)


def test_the_engine_may_die_and_is_started_again(served, jfk):
    engine = next(pid for pid in served.family[1:] if _is_engine(pid))
    os.kill(engine, signal.SIGKILL)
    time.sleep(0.3)
    assert "country" in served.post(jfk).json()["text"]


def _is_engine(pid):
    return b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes()


def test_ctrl_c_while_the_model_loads_ends_it_quietly(tiny_en):
    with server_settings("--model", tiny_en, ready=False) as served:
        time.sleep(0.2)
        os.killpg(served.process.pid, signal.SIGINT)  # as a terminal does: all of its processes
        assert served.process.wait(30) == 130
        time.sleep(0.2)
    assert [line for line in served.log if "listening on" not in line] == []


def test_a_model_that_cannot_be_loaded_ends_the_server(tmp_path):
    broken = folder(tmp_path, "broken")
    with server_settings("--model", str(broken), ready=False) as served:
        assert served.process.wait(30) == 4
        until(lambda: any("can't load the model" in line for line in served.log))


def test_a_busy_port_ends_with_its_code(run, tiny_en):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        result = run("serve-lite", "-m", tiny_en, "--port", str(port))
    assert (result.code, result.stdout) == (6, "")
    assert f"can't listen on 127.0.0.1:{port}" in result.stderr


@pytest.mark.parametrize(
    ("options", "code", "words"),
    [
        (["--host", "0.0.0.0"], 2, "--insecure-bind"),
        (["--ssl-certfile", "none.pem"], 2, "--ssl-keyfile"),
        (["--ssl-certfile", __file__, "--ssl-keyfile", __file__], 2, "no certificate"),
        (["--keep-alive", "soon"], 2, "span of time"),
        (["--max-upload", "huge"], 2, "not a size"),
        (["--model", "tiny.enn"], 4, "did you mean"),
        (["--model", "small", "--offline"], 4, "small"),
    ],
)
def test_what_cannot_be_served_is_refused(run, tiny_en, options, code, words):
    result = run("serve-lite", *([] if "--model" in options else ["-m", tiny_en]), *options)
    assert (result.code, result.stdout) == (code, "")
    assert words in result.stderr


def test_without_the_extra_the_line_to_type_is_given(run, monkeypatch):
    import importlib.util

    found = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "uvicorn" else found(name)
    )
    result = run("serve-lite")
    assert result.code == 6
    assert "pip install '.[serve]'" in result.stderr
