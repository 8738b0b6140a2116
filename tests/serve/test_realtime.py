"""The realtime API, by the official client: turns, text, errors, and who may come in."""

import base64
import json
import time

import numpy as np
import openai
import pytest
import soundfile
import websockets.exceptions
from websockets.sync.client import connect

from tests.serve.fakes import FakeHands, running, until
from tests.serve.processes import server_settings
from whisper_cli.serve.turn_detection import RATE, TurnDetection, TurnDetector

# The official client opens its line as websockets no longer likes it.
pytestmark = pytest.mark.filterwarnings("ignore:connect.. must be used:DeprecationWarning")
QUIET = np.random.default_rng(0).normal(0, 20, RATE).astype("<i2").tobytes()
LOUD = (np.random.default_rng(1).normal(0, 4000, RATE)).astype("<i2").tobytes()


class Speaker(FakeHands):
    """Says what it was told to, whatever it hears."""

    text = "hello there\nfriend"

    async def _say(self, job, start):
        self.processed = start.path.read_bytes()
        start.path.write_text(self.text)
        await super()._say(job, start)


@pytest.fixture
def server(model):
    with running(model, Speaker()) as found:
        yield found


@pytest.fixture
def line(server):
    with (
        openai.OpenAI(api_key="k", base_url=server.url + "/v1") as client,
        client.realtime.connect(extra_query={"intent": "transcription"}) as found,
    ):
        assert found.recv().type == "session.created"
        yield found


def append(line, sound):
    for at in range(0, len(sound), 9600):
        audio = base64.b64encode(sound[at : at + 9600]).decode()
        line.input_audio_buffer.append(audio=audio)


def until_completed(line):
    events = [line.recv()]
    while not events[-1].type.endswith((".completed", ".failed", "error")):
        events.append(line.recv())
    return events


def update(line, **processed):
    line.session.update(session={"type": "transcription", "audio": {"input": processed}})
    return line.recv()


def test_a_turn_ends_where_the_speaker_pauses(line, server):
    append(line, QUIET + LOUD + QUIET)
    events = until_completed(line)
    assert [event.type.rsplit(".", maxsplit=1)[-1] for event in events] == [
        "speech_started",
        "speech_stopped",
        "committed",
        "added",
        "delta",
        "delta",
        "completed",
    ]
    assert 900 <= events[0].audio_start_ms <= 1100
    assert 2400 <= events[1].audio_end_ms <= 2600
    assert len({event.item_id for event in events if hasattr(event, "item_id")}) == 1
    deltas = [event.delta for event in events if event.type.endswith("delta")]
    assert "".join(deltas) == events[-1].transcript == "hello there friend"
    processed = server.model_worker[0].processed
    assert processed[:4] == b"RIFF"
    assert len(processed) / 2 / RATE == pytest.approx(1.8, abs=0.2)


def test_a_client_may_end_its_turns_itself(line):
    reported = update(line, turn_detection=None)
    assert reported.type == "session.updated"
    append(line, LOUD + QUIET + LOUD)
    line.input_audio_buffer.commit()
    first = until_completed(line)
    assert first[0].type == "input_audio_buffer.committed"
    append(line, LOUD)
    line.input_audio_buffer.commit()
    second = until_completed(line)
    assert second[0].previous_item_id == first[0].item_id


def test_model_language_and_prompt_reach_the_engine(line, server):
    update(
        line,
        turn_detection=None,
        transcription={"model": "fake", "language": "de", "prompt": "so"},
    )
    append(line, LOUD)
    line.input_audio_buffer.commit()
    until_completed(line)
    options = server.model_worker[0].starts[0].options
    assert (options.language, options.initial_prompt) == ("de", "so")


@pytest.mark.parametrize(("named", "code"), [("de_DE", "de"), ("auto", None), (None, None)])
def test_a_language_is_any_usual_tag_or_left_open_again(line, server, named, code):
    update(line, turn_detection=None, transcription={"model": "fake", "language": "fr"})
    update(line, transcription={"model": "fake", "language": named})
    append(line, LOUD)
    line.input_audio_buffer.commit()
    until_completed(line)
    assert server.model_worker[0].starts[0].options.language == code


def test_the_older_spelling_is_understood(line, server):
    session = {"input_audio_format": "pcm16", "turn_detection": None}
    session["input_audio_transcription"] = {"model": "fake", "language": "fr"}
    line.send({"type": "transcription_session.update", "session": session})
    assert line.recv().session.audio.input.transcription.language == "fr"


def test_a_failure_is_told_and_the_session_goes_on(line, server):
    update(line, turn_detection=None)
    server.model_worker[0].text = "!fail engine"
    append(line, LOUD)
    line.input_audio_buffer.commit()
    failed = until_completed(line)[-1]
    assert failed.type == "conversation.item.input_audio_transcription.failed"
    assert "secret" not in failed.error.message
    server.model_worker[0].text = "fine"
    append(line, LOUD)
    line.input_audio_buffer.commit()
    assert until_completed(line)[-1].transcript == "fine"


@pytest.mark.parametrize(
    ("event", "named"),
    [
        ("no json", "JSON"),
        ("[]", "object"),
        (b"\0\1", "base64"),
        ({"type": "dance"}, "dance"),
        ({"type": "input_audio_buffer.append"}, "audio"),
        ({"type": "input_audio_buffer.append", "audio": "?"}, "base64"),
        ({"type": "input_audio_buffer.commit"}, "100 ms"),
        ({"type": "session.update"}, "session"),
        ({"type": "session.update", "session": {"input_audio_format": "g711"}}, "PCM"),
        (
            {
                "type": "session.update",
                "session": {"input_audio_transcription": {"model": "/etc", "language": "en"}},
            },
            "no such model",
        ),
        ({"type": "session.update", "session": {"turn_detection": {"type": "x"}}}, "server_vad"),
        ({"event_id": "\ud800", "type": "dance"}, "event_id holds half a surrogate pair"),
        ({"type": "\ud800"}, "type holds half a surrogate pair"),
        ({"\udfff": 1}, "half a surrogate pair"),
        (
            {
                "type": "session.update",
                "session": {"input_audio_transcription": {"prompt": "a\udc00b"}},
            },
            "session holds half a surrogate pair",
        ),
    ],
)
def test_what_is_wrong_is_answered_and_ends_nothing(server, event, named):
    text = event if isinstance(event, str | bytes) else json.dumps({"event_id": "e1"} | event)
    with connect(server.url.replace("http", "ws") + "/v1/realtime") as raw:
        raw.recv()
        raw.send(text)
        reported = json.loads(raw.recv())
        assert reported["type"] == "error"
        assert named in reported["error"]["message"]
        assert reported["error"]["type"] == "invalid_request_error"
        raw.send('{"type": "input_audio_buffer.clear"}')
        assert json.loads(raw.recv())["type"] == "input_audio_buffer.cleared"


def test_a_client_that_leaves_frees_its_work(server):
    server.model_worker[0].text = "one\n!wait 30"
    with connect(server.url.replace("http", "ws") + "/v1/realtime") as raw:
        raw.send('{"type": "session.update", "session": {"turn_detection": null}}')
        audio = base64.b64encode(LOUD).decode()
        raw.send(json.dumps({"type": "input_audio_buffer.append", "audio": audio}))
        raw.send('{"type": "input_audio_buffer.commit"}')
        until(lambda: server.model_worker[0].starts)
    until(lambda: server.model_worker[0].cancelled == [1])
    until(lambda: not list(server.job_manager.folder.iterdir()))


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Authorization": "Bearer wrong"},
        {"Sec-WebSocket-Protocol": "realtime, openai-insecure-api-key.wrong"},
        {},
    ],
)
def test_strangers_stay_out(model, headers):
    with (
        running(model, FakeHands(), api_key="k") as server,
        pytest.raises(websockets.exceptions.InvalidStatus),
        connect(server.url.replace("http", "ws") + "/v1/realtime", additional_headers=headers),
    ):
        pass


def test_a_browser_puts_its_key_among_the_protocols(model):
    with running(model, FakeHands(), api_key="k") as server:
        address = server.url.replace("http", "ws") + "/v1/realtime"
        offered = ["realtime", "openai-insecure-api-key.k"]
        with connect(address, subprotocols=offered) as raw:
            assert raw.subprotocol == "realtime"
            assert json.loads(raw.recv())["type"] == "session.created"


def test_a_room_that_hums_is_no_speech():
    turns = TurnDetector()
    hum = (np.sin(np.arange(5 * RATE) * 0.05) * 250).astype("<i2").tobytes()
    assert list(turns.add(hum)) == []
    assert list(turns.add(LOUD)) == ["started"]


def test_silence_costs_no_memory_and_long_speech_is_cut():
    turns = TurnDetector(TurnDetection())
    for _ in range(60):
        assert list(turns.add(QUIET)) == []
    assert turns.seconds <= 0.31
    ends = [item for _ in range(45) for item in turns.add(LOUD) if isinstance(item, bytes)]
    assert len(ends) == 2
    assert max(len(item) for item in ends) <= 2 * RATE * 20.1


@pytest.mark.parametrize("before", [0.0, 0.00001, 0.3])
def test_no_more_silence_is_kept_than_was_asked_for(before):
    turns = TurnDetector(TurnDetection(before=before))
    for _ in range(40):
        assert list(turns.add(QUIET)) == []
        assert turns.seconds <= before
    assert list(turns.add(LOUD)) == ["started"]
    assert turns.seconds == pytest.approx(1 + before, abs=0.02)


def test_turns_are_the_same_however_the_sound_comes():
    sound = QUIET + LOUD + QUIET + LOUD + QUIET

    def events(step):
        turns = TurnDetector()
        pieces = (sound[at : at + step] for at in range(0, len(sound), step))
        return [(turns.position, item) for piece in pieces for item in turns.add(piece)]

    assert len(events(len(sound))) == 4
    assert events(len(sound)) == events(961) == events(7) == events(50_000)


def test_sound_is_read_no_faster_than_twice_its_time(server, monkeypatch):
    monkeypatch.setattr("whisper_cli.serve.routes.realtime._AT_ONCE", 0.5)
    sound = base64.b64encode(QUIET).decode()
    with connect(server.url.replace("http", "ws") + "/v1/realtime") as raw:
        raw.recv()
        started_at = time.monotonic()
        for _ in range(6):
            raw.send(json.dumps({"type": "input_audio_buffer.append", "audio": sound}))
        raw.send('{"type": "input_audio_buffer.clear"}')
        assert "cleared" in raw.recv()
        assert time.monotonic() - started_at > 5 / 2 - 0.6


@pytest.mark.slow
def test_speech_becomes_text(tiny_en, jfk):
    samples, rate = soundfile.read(jfk, dtype="float32", always_2d=True)
    at = np.arange(0, len(samples), rate / RATE)
    processed = np.interp(at, np.arange(len(samples)), samples[:, 0]) * 32767
    with (
        server_settings("--model", tiny_en) as served,
        openai.OpenAI(api_key="k", base_url=served.url + "/v1") as client,
        client.realtime.connect(extra_query={"intent": "transcription"}) as line,
    ):
        append(line, processed.astype("<i2").tobytes() + QUIET)
        said = ""
        while "country" not in said or "do for" not in said:
            said += " " + getattr(line.recv(), "transcript", "")
