"""The OpenAI contract, by the official client and by the raw answers."""

import asyncio
import io
import json
import warnings

import openai
import pytest
import srt
import webvtt

from tests.serve.fakes import FakeHands, running, until

TEXT = "Hello there\nhow are you\n fine "
WHOLE = "Hello there how are you  fine"


@pytest.fixture
def client(server):
    with openai.OpenAI(api_key="k", base_url=server.url + "/v1", max_retries=0) as found:
        yield found


def create(client, text=TEXT, **fields):
    fields = {"model": "fake", "file": text.encode()} | fields
    return client.audio.transcriptions.create(**fields)


def deltas_and_end(events):
    events = list(events)
    end = events.pop()
    assert end.type == "transcript.text.done"
    assert {event.type for event in events} <= {"transcript.text.delta"}
    return [event.delta for event in events], end


def test_json(client, server):
    assert create(client).text == WHOLE
    body = server.post(TEXT).json()
    assert body == {"text": WHOLE, "usage": {"type": "duration", "seconds": 4}}


def test_text_is_plain(client, server):
    assert create(client, response_format="text") == WHOLE + "\n"
    assert (
        server.post(TEXT, response_format="text").headers["content-type"].startswith("text/plain")
    )


@pytest.mark.parametrize("kind", ["srt", "vtt"])
def test_subtitles_parse(client, kind):
    text = create(client, response_format=kind)
    if kind == "srt":
        assert "00:00:00,000 --> 00:00:01,000" in text
        assert [cue.content for cue in srt.parse(text)] == ["Hello there", "how are you", "fine"]
    else:
        assert text.startswith("WEBVTT\n\n")
        cues = webvtt.from_buffer(io.StringIO(text))
        assert [cue.text for cue in cues] == ["Hello there", "how are you", "fine"]


def test_no_second_is_ever_sixty(server):
    text = "\n".join(["a"] * 61)
    assert "00:01:00,000 --> 00:01:01,000" in server.post(text, response_format="srt").text
    assert ":60" not in server.post(text, response_format="vtt").text


SEGMENT = {
    "id": int,
    "seek": int,
    "start": float,
    "end": float,
    "text": str,
    "tokens": list,
    "temperature": float,
    "avg_logprob": float,
    "compression_ratio": float,
    "no_speech_prob": float,
}


def test_verbose_json_has_every_member_of_the_right_type(server):
    body = server.post(TEXT, response_format="verbose_json").json()
    assert (body["task"], body["language"], body["text"]) == ("transcribe", "english", WHOLE)
    assert body["duration"] == 3.27
    assert body["usage"] == {"type": "duration", "seconds": 4}
    assert "words" not in body
    for item in body["segments"]:
        assert {name: type(value) for name, value in item.items()} == SEGMENT


@pytest.mark.parametrize("spelling", ["timestamp_granularities[]", "timestamp_granularities"])
@pytest.mark.parametrize(
    ("needed", "members"),
    [
        (["word"], {"words"}),
        (["segment"], {"segments"}),
        (["word", "segment"], {"words", "segments"}),
        ("word,segment", {"words", "segments"}),
        ('["word"]', {"words"}),
    ],
)
def test_granularities_choose_the_arrays(server, spelling, needed, members):
    body = server.post(TEXT, response_format="verbose_json", **{spelling: needed}).json()
    assert {"words", "segments"} & set(body) == members
    if "words" in members:
        assert set(body["words"][0]) == {"word", "start", "end"}
        assert body["words"][0]["word"] == "Hello"


def test_every_field_reaches_the_engine(client, server):
    create(
        client,
        language="de",
        prompt="as before",
        temperature=0.4,
        response_format="verbose_json",
        timestamp_granularities=["word"],
        chunking_strategy={"type": "server_vad", "threshold": 0.5, "prefix_padding_ms": 300},
        extra_body={"keywords": ["one", "two"], "keep_alive": "10m"},
    )
    options = server.model_worker[0].starts[0].options
    assert options.language == "de"
    assert options.initial_prompt == "as before"
    assert options.hotwords == "one, two"
    assert options.temperature == (0.4, 0.6, 0.8, 1.0)
    assert options.word_timestamps


def test_several_languages_are_candidates(server):
    body = server.post(TEXT, **{"languages[]": ["en", "de"]}).json()
    assert server.model_worker[0].starts[0].options.language_candidates == ("en", "de")
    assert body["languages"] == [{"code": "en"}]


def test_logprobs_are_given_when_asked_for(client, server):
    found = create(client, include=["logprobs"])
    assert [item.token for item in found.logprobs][:2] == [" Hello", " there"]
    assert bytes(map(int, found.logprobs[0].bytes)).decode() == " Hello"
    assert found.logprobs[0].logprob == pytest.approx(-0.693147)
    assert "logprobs" not in server.post(TEXT).json()


def test_a_stream_of_deltas_joins_to_the_text(client):
    deltas, end = deltas_and_end(create(client, stream=True))
    assert len(deltas) == 3
    assert "".join(deltas) == end.text == WHOLE
    assert end.usage.output_tokens == 9
    assert end.usage.total_tokens == end.usage.input_tokens + 9


def test_a_stream_gives_text_before_all_is_done(server):
    lines = ["first", "!wait 5", "last"]
    with (
        server.client as client,
        client.stream(
            "POST",
            "/v1/audio/transcriptions",
            data={"model": "fake", "stream": "true"},
            files={"file": "\n".join(lines).encode()},
        ) as response,
    ):
        assert response.headers["content-type"].startswith("text/event-stream")
        assert json.loads(next(response.iter_lines())[6:])["delta"] == "first"


def test_silence_beats_in_comments_that_clients_skip(client, monkeypatch):
    monkeypatch.setattr("whisper_cli.serve.sse.HEARTBEAT", 0.05)
    deltas, end = deltas_and_end(create(client, "one\n!wait 0.3\ntwo", stream=True))
    assert "".join(deltas) == end.text == "one two"


def test_the_heartbeat_is_there(server, monkeypatch):
    monkeypatch.setattr("whisper_cli.serve.sse.HEARTBEAT", 0.05)
    text = server.post("one\n!wait 0.3\ntwo", stream="true").text
    assert text.count(": keep-alive\n\n") >= 3


def test_a_failure_before_any_text_has_a_status_though_a_stream_was_asked_for(client):
    with pytest.raises(openai.BadRequestError) as failed:
        list(create(client, "!fail audio", stream=True))
    assert failed.value.code == "invalid_audio"


def test_a_failure_in_the_middle_of_a_stream_is_an_event(client):
    events = create(client, "one\n!fail engine", stream=True)
    assert next(iter(events)).delta == "one"
    with pytest.raises(openai.APIError) as failed:
        list(events)
    assert "engine" in failed.value.message
    assert "secret" not in failed.value.message


def test_a_failure_in_the_middle_fails_an_answer_that_is_not_streamed(client):
    with pytest.raises(openai.InternalServerError) as failed:
        create(client, "one\n!fail engine")
    assert failed.value.body["type"] == "server_error"
    assert failed.value.response.headers["x-should-retry"] == "false"


def test_the_asynchronous_client_works_as_well(server):
    async def ask():
        async with openai.AsyncOpenAI(api_key="k", base_url=server.url + "/v1") as client:
            whole = await client.audio.transcriptions.create(model="fake", file=TEXT.encode())
            events = await client.audio.transcriptions.create(
                model="fake", file=TEXT.encode(), stream=True
            )
            said = [event.delta async for event in events if hasattr(event, "delta")]
            return whole.text, "".join(said)

    assert asyncio.run(ask()) == (WHOLE, WHOLE)


def test_translations(client, server):
    with warnings.catch_warnings(action="ignore", category=DeprecationWarning):
        translated = client.audio.translations.create(model="fake", file=TEXT.encode())
    assert translated.text == WHOLE
    assert server.model_worker[0].starts[0].options.task == "translate"
    body = server.post(TEXT, path="/v1/audio/translations", response_format="verbose_json").json()
    assert (body["task"], body["language"]) == ("translate", "english")
    assert server.post(TEXT, path="/v1/audio/translations").json() == {"text": WHOLE}


@pytest.mark.parametrize("shape", ["json", "text", "srt", "vtt", "verbose_json"])
def test_silence_is_a_valid_answer_in_every_format(server, shape):
    response = server.post("!wait 0", response_format=shape)
    assert response.status_code == 200
    if "json" in shape:
        assert response.json()["text"] == ""
    else:
        assert response.text.strip() == ("WEBVTT" if shape == "vtt" else "")


def test_silence_streams_an_empty_end(client):
    deltas, end = deltas_and_end(create(client, "!wait 0", stream=True))
    assert (deltas, end.text) == ([], "")


def test_a_nameless_upload_and_a_wrong_suffix_are_no_matter(client, server):
    assert create(client, file=io.BytesIO(TEXT.encode())).text == WHOLE
    assert server.post(TEXT, name='we"ird \N{SNOWMAN}.m3u8').json()["text"] == WHOLE
    assert {start.path.suffix for start in server.model_worker[0].starts} == {""}


@pytest.mark.parametrize(
    ("fields", "param", "status"),
    [
        ({"response_format": "docx"}, "response_format", 400),
        ({"response_format": "diarized_json"}, "response_format", 400),
        ({"temperature": "hot"}, "temperature", 400),
        ({"temperature": "1.5"}, "temperature", 400),
        ({"temperature": "nan"}, "temperature", 400),
        ({"language": "klingon"}, "language", 400),
        ({"stream": "perhaps"}, "stream", 400),
        ({"timestamp_granularities[]": "hour"}, "timestamp_granularities", 400),
        ({"include[]": "everything"}, "include", 400),
        ({"chunking_strategy": "never"}, "chunking_strategy", 400),
        ({"chunking_strategy[type]": "manual"}, "chunking_strategy", 400),
        ({"known_speaker_names[]": list("abcde")}, "known_speaker_names", 400),
        ({"keep_alive": "soon"}, "keep_alive", 400),
        ({"prompt": "x" * 5000}, "prompt", 400),
        ({"hotwords": "x" * 5000}, "hotwords", 400),
        ({"model": "x" * 5000}, "model", 400),
        (
            {"keywords[]": ["word"] * 5 + [f"w{n}" for n in range(50)] + ["x" * 3900]},
            "keywords",
            400,
        ),
        ({"keywords": ",".join(f"word{n}" for n in range(900))}, "keywords", 400),
        ({"keywords[]": '["a\\ud800"]'}, "keywords", 400),
        ({"languages": '["\\udfff"]'}, "languages", 400),
        ({"chunking_strategy": '{"type": "\\ud800"}'}, "chunking_strategy", 400),
        ({"model": "gpt-9"}, "model", 404),
        ({"model": None}, "model", 400),
    ],
)
def test_a_wrong_field_is_named(server, fields, param, status):
    response = server.post(TEXT, **fields)
    error = response.json()["error"]
    assert response.status_code == status
    assert error["param"] == param
    assert set(error) == {"message", "type", "param", "code"}
    assert error["type"] == "invalid_request_error"
    assert response.headers["x-should-retry"] == "false"
    assert not server.model_worker[0].starts


@pytest.mark.parametrize("name", ["initial_prompt", "hotwords", "model"])
def test_texts_for_the_engine_have_a_length(server, name):
    fields = {"model": "fake", name: "x" * 4001}
    refused = server.post("", path="/api/transcribe", **fields)
    assert (refused.status_code, refused.json()["error"]["param"]) == (400, name)


def test_an_unknown_model_is_not_found_and_the_right_name_guessed(client):
    with pytest.raises(openai.NotFoundError) as failed:
        create(client, model="fakke")
    assert failed.value.code == "model_not_found"
    assert 'did you mean "fake"?' in failed.value.message


def test_the_names_of_openais_models_mean_the_first_served_one(client):
    for name in ("whisper-1", "gpt-4o-transcribe", "gpt-4o-mini-transcribe", "gpt-transcribe"):
        assert create(client, model=name).text == WHOLE


def test_nothing_at_all_is_a_bad_request(server):
    with server.client as client:
        empty = client.post("/v1/audio/transcriptions", data={"model": "fake"}, files={"file": b""})
        missing = client.post("/v1/audio/transcriptions", files={"model": (None, "fake")})
        bodiless = client.post("/v1/audio/transcriptions")
        json_body = client.post("/v1/audio/transcriptions", json={"model": "fake"})
    assert {item.status_code for item in (empty, missing, bodiless, json_body)} == {400}
    assert empty.json()["error"]["param"] == missing.json()["error"]["param"] == "file"


def test_fields_after_the_file_count_too(server):
    boundary = "b"
    part = '--b\r\nContent-Disposition: form-data; name="{}"{}\r\n\r\n{}\r\n'
    body = part.format("file", '; filename="a"', TEXT) + part.format("model", "", "fake")
    body += part.format("response_format", "", "text") + "--b--\r\n"
    headers = {"content-type": f"multipart/form-data; boundary={boundary}"}
    with server.client as client:
        response = client.post("/v1/audio/transcriptions", content=body, headers=headers)
        assert response.text == WHOLE + "\n"
        cut = client.post("/v1/audio/transcriptions", content=body[:-9], headers=headers)
    assert cut.status_code == 400


def test_audio_that_is_too_long_is_too_large(client):
    with pytest.raises(openai.APIStatusError) as failed:
        create(client, "!fail long")
    assert (failed.value.status_code, failed.value.code) == (413, "audio_too_long")


def test_every_answer_has_a_request_id(client, server):
    assert create(client)._request_id.startswith("req_")
    assert server.post(TEXT, headers={"x-request-id": "mine-1"}).headers["x-request-id"] == "mine-1"
    refused = server.post(TEXT, headers={"x-request-id": "no spaces\there"})
    assert refused.headers["x-request-id"].startswith("req_")
    with server.client as raw:
        assert raw.get("/nowhere").headers["x-request-id"]


def test_models_are_listed_as_openai_does(client, server, model):
    [found] = client.models.list().data
    assert (found.id, found.object, found.owned_by) == ("fake", "model", "whisper-cli")
    assert found.created > 0
    assert client.models.retrieve("fake").id == "fake"
    with pytest.raises(openai.NotFoundError):
        client.models.retrieve("owner/none")
    with server.client as raw:
        for path in ("/v1/models/owner%2Fnone", "/v1/models/owner/none"):
            assert raw.get(path).json()["error"]["code"] == "model_not_found"
        assert str(model.parent) not in raw.get("/v1/models").text


def test_heads_and_unknown_paths_are_answered_in_shape(server):
    with server.client as client:
        assert client.head("/health").status_code == 200
        assert client.options("/v1/models").status_code == 204
        for method, path, status in (("GET", "/v2", 404), ("PUT", "/v1/models", 405)):
            response = client.request(method, path)
            assert response.status_code == status
            assert set(response.json()["error"]) == {"message", "type", "param", "code"}


@pytest.mark.parametrize(
    ("named", "code"),
    [("de_DE", "de"), ("ger", "de"), ("nb-NO", "no"), ("German", "de")]
    + [(name, None) for name in ("auto", "null", "None", " ")],
)
def test_a_language_is_named_by_any_usual_tag_or_left_open(server, named, code):
    server.post(TEXT, language=named)
    assert server.model_worker[0].starts[0].options.language == code


def test_candidates_are_named_by_tags_too(server):
    server.post(TEXT, **{"languages[]": ["en-US", "deu", "auto"]})
    assert server.model_worker[0].starts[0].options.language_candidates == ("en", "de")


def test_an_english_model_refuses_other_languages(model):
    with running(model, FakeHands(multilingual=False)) as server:
        assert server.post(TEXT, language="de").json()["error"]["param"] == "language"
        assert server.post(TEXT, path="/v1/audio/translations").status_code == 400
        assert server.post(TEXT, language="en").status_code == 200


def test_the_log_says_what_was_done_and_nothing_of_what_was_said(server):
    server.post("a secret text", prompt="a secret prompt", headers={"authorization": "Bearer abc"})
    until(lambda: server.log[-1]["path"] != "/ready")
    record = server.log[-1]
    assert record["path"] == "/v1/audio/transcriptions"
    assert record["status"] == 200
    assert record["audio_seconds"] == 1.27
    assert record["queue_seconds"] >= 0
    assert record["rtfx"] > 0
    assert not any(word in json.dumps(server.log) for word in ("secret", "abc"))
