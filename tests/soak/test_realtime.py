"""Sessions that no client means: who may come in, and what a session does with what it is sent."""

import base64
import json
import random
import socket
import struct

import numpy as np
from websockets.sync.client import connect

from tests.serve.fakes import FakeHands, running, until
from tests.serve.test_realtime import Speaker
from tests.soak.attacks import HALF, HOSTS, KEY, ORIGINS, TEXTS
from tests.soak.tally import forms, sampled
from tests.soak.wire import connected, request, send
from whisper_cli.serve.turn_detection import RATE

UPGRADE = (b"Upgrade: websocket", b"Sec-WebSocket-Version: 13",
           b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==")  # fmt: skip
PREFIX = b"Sec-WebSocket-Protocol: realtime, openai-insecure-api-key."
GOOD = b"Authorization: Bearer " + KEY.encode()
BAD = (b"X: y", b"Authorization:", b"Authorization: Bearer wrong",
       b"Authorization: " + KEY.encode(),
       b"Authorization: Basic " + KEY.encode(), PREFIX, PREFIX + b"wrong",
       PREFIX + KEY[:-1].encode(),
       b"Sec-WebSocket-Protocol: " + KEY.encode())  # fmt: skip
SILENCE = base64.b64encode(bytes(4 * RATE)).decode()
NOISE = np.random.default_rng(1).normal(0, 4000, RATE).astype("<i2").tobytes()


def opened(*heads, host="localhost"):
    """Write the request that opens a session."""
    data = request("GET", "/v1/realtime", *UPGRADE, *heads, host=host)
    return data.replace(b"Connection: close", b"Connection: Upgrade")


def doors():
    yield opened(GOOD), True
    yield opened(PREFIX + KEY.encode()), True
    yield from ((opened(head), False) for head in BAD)
    yield from ((opened(GOOD, b"Origin: " + o.encode("latin-1")), False) for o in ORIGINS)
    yield from ((opened(GOOD, host=host), fits) for host, fits in HOSTS.items())


@forms(21, 100)
def test_who_may_open_a_session(model, tally, count):
    with running(model, FakeHands(), api_key=KEY) as server:
        for data, fits in [*doors()][:11] + sampled([*doors()][11:], count - 11):
            with tally.trial(data[30:]):
                assert (send(server.url, data).status == 101) == fits
        with tally.trial("the log"):
            reported = [item for item in server.log if item["method"] == "WS"]
            assert KEY not in json.dumps(reported)
            assert all(item["status"] for item in reported)


def events():
    """List events that are to be answered, and after which the session goes on."""
    session, append = "session.update", "input_audio_buffer.append"
    odd = [None, 3, [], {}, "x", True, HALF]
    yield from ("", "{", "[]", "3", "null", '"x"', "[" * 5000, "x" * 900_000, '{"type":"x"}{}')
    yield from ({"type": item} for item in (*odd, *TEXTS))
    yield from (
        {"type": append, "audio": item} for item in (*odd, "?", "AAA", "=" * 99, "A" * 900_001)
    )
    yield from ({"type": session, "session": item} for item in odd)
    yield from ({"type": "input_audio_buffer.clear", "event_id": item} for item in odd)
    yield from ({"type": "dance", "event_id": item} for item in odd)
    for item in (*odd, *TEXTS[:12]):
        for name in ("model", "language", "prompt"):
            said = {"input_audio_transcription": {name: item}}
            yield {"type": session, "session": said}
    for item in (-1, 0, 0.01, 1e300, float("nan"), True, "5", None, [], 10**400):
        for name in ("prefix_padding_ms", "silence_duration_ms", "type", "threshold"):
            yield {"type": session, "session": {"turn_detection": {name: item}}}
    yield {"type": "input_audio_buffer.commit"}


@forms(80, 1000)
def test_odd_events(server, tally, count):
    address = server.url.replace("http", "ws") + "/v1/realtime"
    for event in sampled([*events()], count):
        with tally.trial(f"{event!a:.100}"), connect(address) as line:
            line.recv(10)
            line.send(event if isinstance(event, str) else json.dumps(event))
            line.send('{"type": "input_audio_buffer.clear"}')
            reported = [json.loads(line.recv(10))["type"]]
            while reported[-1] != "input_audio_buffer.cleared":
                reported.append(json.loads(line.recv(10))["type"])
    with tally.trial("the log"):
        until(lambda: sum(item["method"] == "WS" for item in server.log) >= min(count, 80))
        assert all(item["status"] for item in server.log if item["method"] == "WS")


@forms(2, 4)
def test_silence_is_not_kept(server, tally, count):
    address = server.url.replace("http", "ws") + "/v1/realtime"
    for padding in (0, 0.01, 300, 5)[:count]:
        with tally.trial(padding), connect(address) as line:
            line.recv(10)
            detection = {"type": "server_vad", "prefix_padding_ms": min(padding, 50)}
            session = {"audio": {"input": {"turn_detection": detection}}}
            line.send(json.dumps({"type": "session.update", "session": session}))
            for _ in range(5):
                line.send(json.dumps({"type": "input_audio_buffer.append", "audio": SILENCE}))
            line.send('{"type": "input_audio_buffer.commit"}')
            assert json.loads(line.recv(10))["type"] == "session.updated"
            assert json.loads(line.recv(10))["type"] == "error"  # less than 100 ms


def frame(head, data, length=None):
    """Write a masked frame, whose length may be a lie."""
    size = len(data) if length is None else length
    long = struct.pack(">BQ", 0xFF, size) if size > 65_535 else struct.pack(">BH", 0xFE, size)
    return bytes([head]) + (long if size > 125 else bytes([0x80 | size])) + bytes(4) + data


FRAMES = {
    "binary": frame(0x82, b"\0\1"),
    "no UTF-8": frame(0x81, b"\xff\xfe"),
    "more than a megabyte": frame(0x81, b"x" * 1_100_000),
    "a length beyond all": frame(0x81, b"x", 1 << 62),
    "no mask": b"\x81\x02{}",
    "reserved bits": frame(0xF1, b"{}"),
    "an unknown kind": frame(0x83, b"{}"),
    "a continuation of nothing": frame(0x80, b"{}"),
    "a ping that is too long": frame(0x89, b"x" * 200),
    "a ping in pieces": frame(0x09, b"x"),
    "pings": frame(0x89, b"x") * 500,
    "pieces without an end": frame(0x01, b"{") + frame(0x00, b" ") * 500,
    "a close of one byte": frame(0x88, b"x"),
    "a close of an odd code": frame(0x88, b"\0\1"),
    "HTTP": b"GET / HTTP/1.1\r\n\r\n",
    "rubbish": bytes(range(256)) * 20,
}


@forms(16, 116)
def test_odd_frames(server, tally, count):
    """What is no WebSocket ends its own session alone."""
    chance = random.Random(3)
    seeds = {f"random {number}": chance.randbytes(200) for number in range(count - len(FRAMES))}
    for name, data in (FRAMES | seeds).items():
        with tally.trial(name):
            with connected(server.url) as line:
                line.sendall(opened() + data)
                assert line.recv(100).startswith(b"HTTP/1.1 101")
            with connect(server.url.replace("http", "ws") + "/v1/realtime") as line:
                assert json.loads(line.recv(10))["type"] == "session.created"
    with tally.trial("what is left"):
        assert server.post("hello").json()["text"] == "hello"


@forms(8, 40)
def test_sessions_that_vanish(model, tally, count):
    """With a turn under way, each frees its work and its file."""
    audio = base64.b64encode(NOISE).decode()
    model_worker = Speaker()
    model_worker.text = "one\n!wait 30"
    with running(model, model_worker) as server:
        address = server.url.replace("http", "ws") + "/v1/realtime"
        for number in range(count):
            with tally.trial(number), connect(address, close_timeout=0.1) as line:
                line.send('{"type": "session.update", "session": {"turn_detection": null}}')
                line.send(json.dumps({"type": "input_audio_buffer.append", "audio": audio}))
                line.send('{"type": "input_audio_buffer.commit"}')
                if number % 2:
                    line.socket.shutdown(socket.SHUT_RDWR)
        with tally.trial("what is left"):
            until(lambda: not list(server.job_manager.folder.iterdir()), 20)
            until(lambda: not server.job_manager.jobs.queue, 20)
