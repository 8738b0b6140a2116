"""`transcribe --server`: the same bytes as without, and what goes wrong said as elsewhere."""

import contextlib
import io
import json
import math
import os
import socket
import threading

import httpx
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.audio.sounds import write_tracks
from tests.oddities import HUGE, any_json, digits, mutated, nested, written
from tests.serve.fakes import FakeHands, in_background, provenance, running, until
from tests.serve.odd import listening, replying, saying_for_ever
from tests.serve.processes import server_settings
from whisper_cli import proof
from whisper_cli.audio.decode import open_audio
from whisper_cli.audio.sources import Source
from whisper_cli.config.settings import Settings
from whisper_cli.engine.events import (
    InputFailed,
    InputFinished,
    InputStarted,
    Recording,
    SegmentDecoded,
)
from whisper_cli.engine.remote import RemoteEngine, ServerAddress, server_for
from whisper_cli.engine.remote_answer import events_of
from whisper_cli.errors import ConfigError, EngineError, WhisperError
from whisper_cli.languages import LANGUAGES
from whisper_cli.transcript import DecodingOptions, Info


@pytest.mark.slow
def test_every_format_has_the_same_bytes(run, tiny_en, jfk, speech, tmp_path):
    gap = speech / "hard_content" / "jfk_gap_2min.flac"
    cases = [
        (jfk, "-f", "json", "--word-timestamps"),
        (gap, "-f", "srt"),
        (gap, "-f", "jsonl", "--initial-prompt", "A speech"),
        (jfk, "-f", "json", "--clip", "0-5", "--channel", "left"),
        (speech / "hard_content" / "silence_30s.flac", "-f", "vtt"),
    ]
    with server_settings("--model", tiny_en) as served:
        for case in cases:
            present = run("transcribe", *case, "-m", tiny_en)
            there = run("transcribe", *case, "-m", tiny_en, "--server", served.url)
            assert (there.code, there.stdout) == (present.code, present.stdout)
        several = run("transcribe", jfk, gap, "-m", tiny_en, "-o", "-", "--server", served.url)
        assert several.stdout == run("transcribe", jfk, gap, "-m", tiny_en, "-o", "-").stdout


def test_what_the_server_says_is_written(run, model, jfk):
    class Speaker(FakeHands):
        async def _say(self, job, start):
            start.path.write_text("hello\nthere")
            await super()._say(job, start)

    with running(model, Speaker()) as server:
        done = run("transcribe", jfk, "-m", str(model), "--server", server.url, "-f", "json")
        assert done.code == 0, done.stderr
        reported = json.loads(done.stdout)
        assert [item["text"] for item in reported["segments"]] == ["hello", "there"]
        options = server.model_worker[0].starts[0].options
        assert server.model_worker[0].starts[0].blocks
        run("transcribe", jfk, "-m", str(model), "--server", server.url, "--beam-size", "2")
        changed = server.model_worker[0].starts[1].options
        assert (options.beam_size, changed.beam_size) == (5, 2)


def test_the_track_that_was_chosen_here_is_told(run, model, tmp_path):
    video = write_tracks(tmp_path / "x.mkv", ("ger", ""), ("eng", "default"))
    with running(model, FakeHands()) as server:
        done = run("transcribe", video, "-m", str(model), "--server", server.url, "-f", "json")
    assert done.code == 0, done.stderr
    [warning] = json.loads(done.stdout)["warnings"]
    assert warning.startswith("audio track 2 of 2 was chosen")
    assert warning in done.stderr


def test_a_server_that_is_not_there_is_an_error_but_for_auto(run, tiny_en, jfk, monkeypatch):
    closed = "http://127.0.0.1:9"
    refused = run("transcribe", jfk, "-m", tiny_en, "--server", closed)
    assert (refused.code, refused.stdout) == (1, "")
    assert f"no answer from {closed}" in refused.stderr
    monkeypatch.setattr("whisper_cli.engine.remote.LOCAL", closed)
    monkeypatch.setattr("tests.leftovers.GROWTH", 400 << 20)  # a model is loaded in this process
    assert run("transcribe", jfk, "-m", tiny_en, "--server", "auto").code == 0


@pytest.mark.parametrize("address", ["localhost:8000", "ftp://a", "http://", "http://a:b", "often"])
def test_what_is_no_address_is_a_usage_error(run, jfk, address):
    assert run("transcribe", jfk, "--server", address).code == 2


def test_a_server_without_the_model_or_with_another_key_says_so(run, model, jfk, tmp_path):
    with running(model, FakeHands(), api_key="k") as server:
        refused = run("transcribe", jfk, "-m", str(model), "--server", server.url)
        assert refused.code == 2
        assert "WHISPER_CLI_API_KEY" in refused.stderr
    with running(model, FakeHands()) as server:
        assert run("transcribe", jfk, "-m", "small", "--server", server.url).code == 4
    assert run("transcribe", jfk, "--server", server.url, "--mode", "exact").code == 2


def test_options_that_are_wrong_are_named(server):
    with server.client as client:
        for name, value in (("beam_size", "0"), ("temperature", "hot"), ("mode", "exact")):
            answer = client.post(
                "/api/transcribe",
                data={"model": "fake", name: value},
                files={"file": b"x" * 20},
            )
            assert answer.status_code == 400
            assert answer.json()["error"]["param"] == name


WORD = {"word": " hello", "start": 0.5, "end": 1.0, "probability": 0.9}
SEGMENT = {
    "start": 0.5, "end": 1.0, "text": " hello", "avg_logprob": -0.2, "no_speech_prob": 0.0,
    "compression_ratio": 1.0, "temperature": 0.0, "words": [WORD], "seek": 0, "tokens": [1, 2],
    "speaker": None,
}  # fmt: skip
BEGUN = {"language": "en", "probability": 0.9}
DROPPED = {"start": 0.0, "end": 0.5, "text": " you", "reason": "silence"}
REDECODED = {"start": 0.0, "end": 0.5, "reason": "no end", "rejected_text": " so"}
DONE = {"done": True, "dropped": [DROPPED], "redecoded": [REDECODED], "warnings": ["a doubt"]}
GOOD = [BEGUN, {"segment": SEGMENT}, {"seconds": 1.0}, DONE]


def lines(*reported):
    return b"".join(json.dumps(item).encode() + b"\n" for item in reported)


def without(reported, name):
    return {key: value for key, value in reported.items() if key != name}


def said(**changed):
    return lines(BEGUN, {"segment": SEGMENT | changed}, DONE)


def worded(**changed):
    return said(words=[WORD | changed])


WRONG = {
    "no words": lines(BEGUN, {"segment": without(SEGMENT, "words")}, DONE),
    "no text": lines(BEGUN, {"segment": without(SEGMENT, "text")}, DONE),
    "no message": lines({"error": {"code": "x"}}),
    "a message that is a number": lines({"error": {"message": 1}}),
    "an error that is a text": lines({"error": "no"}),
    "an error that is null": lines({"error": None}),
    "no dropped": lines(BEGUN, without(DONE, "dropped")),
    "decoded again without a reason": lines(DONE | {"redecoded": [without(REDECODED, "reason")]}),
    "dropped without a reason": lines(DONE | {"dropped": [without(DROPPED, "reason")]}),
    "no warnings": lines(BEGUN, without(DONE, "warnings")),
    "warnings that are numbers": lines(BEGUN, DONE | {"warnings": [1]}),
    "no probability": lines({"language": "en"}, DONE),
    "a segment that is null": lines(BEGUN, {"segment": None}, DONE),
    "a segment that is a list": lines(BEGUN, {"segment": []}, DONE),
    "words that are null": said(words=None),
    "words that are a table": said(words={}),
    "a word that is a text": said(words=["hello"]),
    "a text that is a number": said(text=5),
    "a time that is a text": said(start="0.5"),
    "a time that is true": said(start=True),
    "a negative time": said(start=-1.0),
    "an infinite time": said(end=math.inf),
    "a time that is NaN": worded(start=math.nan),
    "a time beyond all": said(end=1e300),
    "a number beyond a float": said(avg_logprob=HUGE),
    "a token that is a fraction": said(tokens=[1.5]),
    "seconds that are negative": lines(BEGUN, {"seconds": -1}, DONE),
    "a language that is a path": lines(BEGUN | {"language": "../../x"}, DONE),
    "a language that is a number": lines(BEGUN | {"language": 5}, DONE),
    "a line that is a list": b"[]\n",
    "a line that is null": b"null\n",
    "no JSON": b"hello\n",
    "not UTF-8": b'{"language": "\xff"}\n',
    "nested without end": nested() + b"\n",
    "a number of 5,000 digits": b'{"seconds": ' + digits() + b"}\n",
    "a page": b"<html><body>It works!</body></html>",
    "nothing": b"",
    "cut between lines": lines(*GOOD[:2]),
    "cut within a line": lines(*GOOD)[:-20],
}


@pytest.mark.parametrize("answer", WRONG.values(), ids=WRONG)
def test_a_wrong_answer_is_an_error_that_names_the_server(run, jfk, tmp_path, answer):
    inside = tmp_path / "a" / "b"
    inside.mkdir(parents=True)
    with listening(replying(answer)) as server:
        named = ("--name", "{stem}.{language}.{ext}", "-o", f"{inside}/", "-f", "srt")
        result = run("transcribe", jfk, "--server", server.url, *named)
    assert (result.code, result.stdout) == (1, "")
    assert result.stderr.startswith("error: ")
    assert server.url in result.stderr
    assert "Traceback" not in result.stderr
    assert {path.name for path in tmp_path.rglob("*.srt")} <= {"jfk.en.srt"}


@pytest.mark.parametrize("piece", [b"x" * 65536, lines({"seconds": 1.0}) * 4096, b"\n" * 65536])
def test_an_answer_without_end_is_left(run, jfk, piece):
    with listening(saying_for_ever(piece)) as server:
        result = run("transcribe", jfk, "--server", server.url)
    assert result.code == 1
    assert server.url in result.stderr


def test_an_answer_that_is_shorter_than_its_length_is_an_error(run, jfk):
    with listening(replying(lines(*GOOD[:2]), content_length="100000")) as server:
        result = run("transcribe", jfk, "--server", server.url)
    assert result.code == 1
    assert server.url in result.stderr


def test_what_a_newer_server_tells_besides_is_left_out(run, jfk):
    newer = {"future": {"deep": [1]}}
    words = [WORD | newer]
    reported = [newer, BEGUN | newer, {"segment": SEGMENT | newer | {"words": words}}]
    reported += [{"seconds": 1.0} | newer, DONE | newer | {"dropped": [DROPPED | newer]}]
    with listening(replying(lines(*reported))) as server:
        result = run("transcribe", jfk, "--server", server.url, "-f", "json")
    assert result.code == 0, result.stderr
    assert [item["text"] for item in result.json()["segments"]] == ["hello"]
    assert [item["text"] for item in result.json()["dropped"]] == [" you"]
    assert "future" not in result.stdout


@pytest.mark.parametrize("wrong", ["no words", "nested without end", "cut within a line"])
def test_of_several_inputs_only_the_one_that_was_answered_wrongly_fails(
    run, speech, jfk, tmp_path, wrong
):
    answers = iter([replying(WRONG[wrong])])
    turn = threading.Lock()

    def answer(request, asked):
        with turn:
            mine = next(answers, replying(lines(*GOOD)))
        mine(request, asked)

    copies = [tmp_path / f"{number}.flac" for number in range(3)]
    for copy in copies:
        copy.write_bytes(jfk.read_bytes())
    with listening(answer) as server:
        result = run("transcribe", *copies, "--server", server.url, "-f", "txt")
    assert result.code == 1
    assert server.url in result.stderr
    assert "1 of 3 inputs failed" in result.stderr
    assert [path.read_text() for path in tmp_path.glob("*.txt")] == ["hello\n"] * 2


REFUSED = {
    "a wrong key": (
        401,
        {"message": "no", "code": "invalid_api_key"},
        {},
        2,
        "WHISPER_CLI_API_KEY",
    ),
    "a wrong key, said by a proxy": (401, None, {}, 2, "WHISPER_CLI_API_KEY"),
    "a full queue": (429, {"message": "full"}, {"retry_after": "7"}, 1, "try again in 7 s"),
    "a full queue for a strange while": (
        429,
        {"message": "full"},
        {"retry_after": "²"},
        1,
        "later",
    ),
    "a server that ends": (503, {"message": "it ends", "code": "draining"}, {}, 1, "it ends"),
    "a bug": (500, {"message": "a bug", "code": "internal_error"}, {}, 1, "a bug"),
    "a page": (502, None, {}, 1, "answered 502"),
    "another place": (302, None, {"location": "http://127.0.0.1:9/"}, 1, "answered 302"),
    "nothing at all": (404, None, {}, 1, "answered 404"),
    "an unknown model": (404, {"message": "no x", "code": "model_not_found"}, {}, 4, "no x"),
    "lines": (500, {"message": "a\nb\x1b[31m"}, {}, 1, "a b"),
}


@pytest.mark.parametrize(
    ("status", "error", "headers", "code", "shown"), REFUSED.values(), ids=REFUSED
)
def test_a_refusal_says_what_it_means(run, jfk, status, error, headers, code, shown):
    body = b"<html>no</html>" if error is None else json.dumps({"error": error}).encode()
    headers = {name: value.encode().decode("latin-1") for name, value in headers.items()}
    with listening(replying(body, status, **headers)) as server:
        result = run("transcribe", jfk, "--server", server.url)
    assert (result.code, result.stdout) == (code, "")
    assert server.url in result.stderr
    assert shown in result.stderr


def test_a_refusal_is_heard_though_the_sound_was_not_all_sent(run, jfk, tmp_path):
    body = json.dumps({"error": {"message": "the queue is full"}}).encode()
    head = b"HTTP/1.1 429 no\r\ncontent-length: %d\r\n\r\n" % len(body)

    def reject(listener):
        connection, _ = listener.accept()
        with connection:
            connection.recv(1024)
            connection.sendall(head + body)
            connection.shutdown(socket.SHUT_WR)
            while connection.recv(1 << 20):
                pass

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = in_background(lambda: reject(listener))
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        result = run("transcribe", jfk, "--server", url)
        thread.join(30)
    assert result.code == 1
    assert "the queue is full" in result.stderr


class Quiet:
    """An input, and the sound of it, for which the server was asked."""

    name, needed, duration, position, sha256 = "talk.wav", True, 3.0, 3.0, None
    audio = property(lambda self: self)


def processed(answer):
    quiet = Quiet()
    info = Info(quiet.name, provenance(DecodingOptions()))
    recording = Recording(quiet, info)
    try:
        return list(events_of(quiet, recording, io.BytesIO(answer), "http://server"))
    except WhisperError as error:
        return error


@given(mutated([GOOD]) | st.lists(any_json, max_size=3))
@example([GOOD[0] | {"language": "../../x"}, GOOD[3]])
def test_whatever_a_server_says_is_events_or_an_error_of_its_own(reported):
    answer = b"".join(written(item) + b"\n" for item in reported)
    check_heard(processed(answer))


def check_heard(events):
    """Assert what the batch relies on."""
    if isinstance(events, WhisperError):
        assert "http://server" in events.message
        return
    assert isinstance(events[0], InputStarted)
    assert isinstance(events[-1], InputFinished)
    for event in events:
        if isinstance(event, InputStarted):
            assert event.info.language is None or event.info.language in LANGUAGES
        if isinstance(event, SegmentDecoded):
            times = [
                time
                for item in (event.segment, *event.segment.words)
                for time in (item.start, item.end)
            ]
            assert all(0 <= time < math.inf for time in times)
            assert event.segment.text.encode()


@given(st.binary(max_size=200))
def test_whatever_bytes_a_server_sends_are_an_error_or_an_end(answer):
    check_heard(processed(answer))


def test_auto_asks_nobody_where_no_server_of_ours_runs(run, tiny_en, jfk, monkeypatch):
    monkeypatch.setenv("WHISPER_CLI_API_KEY", "secret-key")
    with listening(replying(b'{"ready": true}')) as stranger:
        monkeypatch.setattr("whisper_cli.engine.remote.LOCAL", stranger.url)
        assert run("transcribe", jfk, "-m", tiny_en, "--server", "auto").code == 0
    assert stranger.asked == []


def mode_of(destination):
    return destination.stat().st_mode & 0o777


def port_of(url):
    return int(url.rpartition(":")[2])


@pytest.mark.parametrize("proof", ["", "0" * 64, "é"])
def test_who_listens_where_our_server_was_gets_no_key_and_no_sound(
    run, tiny_en, jfk, monkeypatch, isolated, proof
):
    monkeypatch.setenv("WHISPER_CLI_API_KEY", "secret-key")
    headers = {"x_whisper_proof": proof.encode().decode("latin-1")}
    with listening(replying(b'{"ready": true}', **headers)) as stranger:
        left = isolated / "state" / f"serve-lite-{port_of(stranger.url)}.secret"
        left.parent.mkdir(exist_ok=True)
        left.touch(0o600)
        left.write_text("of a server that was killed")
        monkeypatch.setattr("whisper_cli.engine.remote.LOCAL", stranger.url)
        assert run("transcribe", jfk, "-m", tiny_en, "--server", "auto").code == 0
        assert stranger.lines == ["GET /ready"]
        destination = ServerAddress(stranger.url, "secret-key", left.read_text())
        [broke] = RemoteEngine(destination, "m", DecodingOptions()).run(iter([_Opened(jfk)]))
    assert isinstance(broke, InputFailed)
    assert "no serve-lite of yours" in broke.error.message
    assert stranger.lines == ["GET /ready"] * 2
    assert "secret-key" not in repr(stranger.asked)


class _Opened:
    """An input of a file."""

    needed = True

    def __init__(self, path):
        self.name, self._path = str(path), path

    def open(self):
        audio = open_audio(Source(self._path))
        return Recording(audio, Info(self.name, provenance(DecodingOptions())))


@pytest.mark.parametrize("how", ["readable", "link", "pipe", "folder", "empty"])
def test_a_secret_that_others_could_know_is_none(isolated, how):
    destination = isolated / "state" / "serve-lite-8000.secret"
    destination.parent.mkdir()
    if how == "pipe":
        os.mkfifo(destination, 0o600)
    elif how == "folder":
        destination.mkdir(0o700)
    elif how == "link":
        (isolated / "other").write_text("x")
        (isolated / "other").chmod(0o600)
        destination.symlink_to(isolated / "other")
    else:
        destination.touch(0o644 if how == "readable" else 0o600)
        destination.write_text("x" if how == "readable" else "")
    assert proof.secret_of(8000) is None


def test_a_server_that_passes_the_question_on_to_ours_is_not_believed(model):
    def ask(url):
        with contextlib.closing(ServerAddress(url).connection(5.0)) as connection:
            connection.connect()
            return proof.demand(connection, "a secret")

    with running(model, FakeHands(), secret="a secret") as owned:

        def relay(request, asked):
            headers = {proof.NONCE: asked.headers[proof.NONCE]}
            answer = httpx.get(owned.url + "/ready", headers=headers)
            given = {"x_whisper_proof": answer.headers[proof.PROOF]}
            replying(answer.content, **given)(request, asked)

        assert ask(owned.url)
        with listening(relay) as between, pytest.raises(EngineError):
            ask(between.url)
    assert between.lines == ["GET /ready"]


def test_auto_uses_the_server_that_runs_and_its_secret_goes_with_it(
    run, tiny_en, jfk, monkeypatch, isolated
):
    monkeypatch.setenv("WHISPER_CLI_API_KEY", "secret-key")
    with server_settings("--model", tiny_en) as served:
        kept = isolated / "state" / f"serve-lite-{port_of(served.url)}.secret"
        assert mode_of(kept) == 0o600
        monkeypatch.setattr("whisper_cli.engine.remote.LOCAL", served.url)
        done = run("transcribe", jfk, "-m", tiny_en, "--server", "auto")
        assert "country" in done.stdout
        until(lambda: any("POST /api/transcribe 200" in line for line in served.log))
        served.process.terminate()
        served.process.wait(60)
        assert not kept.exists()
    assert run("transcribe", jfk, "-m", tiny_en, "--server", "auto").code == 0


@pytest.mark.parametrize("key", ["a\nb", "é", "\x00"])
def test_a_key_that_no_header_can_hold_is_not_shown(run, jfk, monkeypatch, key):
    remote = Settings(server="http://127.0.0.1:9")
    with pytest.raises(ConfigError, match="WHISPER_CLI_API_KEY") as error:
        server_for(remote.server, remote.mode, {"WHISPER_CLI_API_KEY": key})
    assert key not in error.value.message


@pytest.mark.parametrize("done", [DONE, without(DONE, "redecoded")], ids=["today", "older"])
def test_what_a_server_left_out_or_decoded_again_is_told(run, jfk, done):
    with listening(replying(lines(*GOOD[:-1], done))) as server:
        result = run("transcribe", jfk, "--server", server.url, "-f", "json", "-v")
    assert result.code == 0, result.stderr
    assert result.json()["redecoded"] == done.get("redecoded", [])
    assert '0.00 to 0.50 s left out (silence): "you"' in result.stderr
