"""Who may come in: each attack fails here, and works on the naive way."""

import contextlib
import io
import json
import socket
import threading
import time

import av
import httpx
import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from tests.serve.fakes import FakeHands, in_background, running, until
from whisper_cli.errors import ConfigError
from whisper_cli.serve.server import check
from whisper_cli.serve.settings import ServerSettings


@pytest.fixture
def locked(model):
    with running(model, FakeHands(), api_key="s3cret-\N{SNOWMAN}") as found:
        yield found


def get(server, path, **headers):
    with server.client as client:
        return client.get(path, headers={k.replace("_", "-"): v for k, v in headers.items()})


def test_without_the_key_nothing_but_the_page_and_health_is_open(locked):
    for path in ("/health", "/ready"):
        assert get(locked, path).status_code == 200
    for path in ("/v1/models", "/api/ps", "/metrics", "/v1/nowhere"):
        refused = get(locked, path)
        assert refused.status_code == 401
        assert refused.json()["error"]["code"] == "invalid_api_key"
    assert locked.post("hello").status_code == 401
    assert not locked.model_worker[0].starts


@pytest.mark.parametrize(
    ("given", "status"),
    [
        ("Bearer s3cret-\N{SNOWMAN}", 200),
        ("bearer s3cret-\N{SNOWMAN}", 200),
        ("Bearer s3cret", 401),
        ("Basic s3cret-\N{SNOWMAN}", 401),
        ("Bearer", 401),
        ("", 401),
    ],
)
def test_the_key_has_to_be_right(locked, given, status):
    with locked.client as client:
        response = client.get("/v1/models", headers={b"authorization": given.encode()})
    assert response.status_code == status


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("evil.example", 403),
        ("evil.example:8000", 403),
        ("127.0.0.1.evil.example", 403),
        ("", 403),
        ("localhost:1", 200),
        ("whisper.localhost", 200),
        ("127.0.0.1", 200),
        ("[::1]:8000", 200),
    ],
)
def test_a_name_that_was_pointed_here_is_refused(server, host, status):
    """DNS rebinding: a page of evil.example whose name now leads to 127.0.0.1."""
    assert get(server, "/v1/models", host=host).status_code == status


def test_a_name_may_be_allowed(model):
    with running(model, allow_host=("speech.lan",)) as server:
        assert get(server, "/v1/models", host="speech.lan").status_code == 200


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"sec-fetch-site": "cross-site", "origin": "https://evil.example"}, 403),
        ({"sec-fetch-site": "same-site"}, 403),
        ({"origin": "https://evil.example"}, 403),
        ({"origin": "null"}, 403),
        ({"sec-fetch-site": "same-origin"}, 200),
        ({"sec-fetch-site": "none"}, 200),
        ({}, 200),
    ],
)
def test_another_site_cannot_use_a_browser_to_post(server, headers, status):
    """A form needs no CORS to be sent: only the server can refuse it."""
    response = server.post("hello", headers=headers)
    assert response.status_code == status
    assert "access-control-allow-origin" not in response.headers
    assert len(server.model_worker[0].starts) == (status == 200)


def test_the_pages_own_origin_is_no_other_site(server):
    assert server.post("hello", headers={"origin": server.url}).status_code == 200


def test_an_origin_may_be_allowed(model):
    origin = "https://app.example"
    with running(model, allow_origin=(origin,)) as server:
        response = server.post("hi", headers={"origin": origin, "sec-fetch-site": "cross-site"})
        assert response.headers["access-control-allow-origin"] == origin
        with server.client as client:
            asked = client.options("/v1/models", headers={"origin": origin})
        assert "authorization" in asked.headers["access-control-allow-headers"]
        assert server.post("hi", headers={"origin": "https://evil.example"}).status_code == 403


def test_a_file_that_is_too_big_is_refused_by_its_header_before_it_is_sent(model):
    with running(model, max_upload=1000) as server:
        with socket.create_connection(server.url[7:].split(":")) as line:
            line.sendall(
                b"POST /v1/audio/transcriptions HTTP/1.1\r\nHost: localhost\r\n"
                b"Content-Type: multipart/form-data; boundary=b\r\nContent-Length: 90000000\r\n\r\n"
            )
            assert line.recv(4096).startswith(b"HTTP/1.1 413")
        assert list(server.job_manager.folder.iterdir()) == []


def test_a_file_that_turns_out_too_big_is_refused_and_removed(model):
    def pieces():
        yield b'--b\r\nContent-Disposition: form-data; name="model"\r\n\r\nfake\r\n'
        yield b'--b\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n'
        for _ in range(100):
            yield b"x" * 10_000

    with running(model, max_upload=100_000) as server, server.client as client:
        headers = {"content-type": "multipart/form-data; boundary=b"}
        response = client.post("/v1/audio/transcriptions", content=pieces(), headers=headers)
        assert response.status_code == 413
        assert response.json()["error"]["code"] == "file_too_large"
        assert list(server.job_manager.folder.iterdir()) == []


def test_a_wrong_model_is_refused_while_the_file_is_still_to_come(server):
    """Fields come first: an answer is there though the file never arrives."""
    part = '--b\r\nContent-Disposition: form-data; name="{}"{}\r\n\r\n{}'
    body = part.format("model", "", "none\r\n") + part.format("file", '; filename="a"', "x")
    with socket.create_connection(server.url[7:].split(":")) as line:
        line.settimeout(10)
        line.sendall(
            b"POST /v1/audio/transcriptions HTTP/1.1\r\nHost: localhost\r\n"
            b"Content-Type: multipart/form-data; boundary=b\r\nContent-Length: 50000000\r\n\r\n"
            + body.encode()
        )
        assert line.recv(4096).startswith(b"HTTP/1.1 404")


@pytest.mark.parametrize(
    "fields",
    [[("prompt", "x" * 1_100_000)], [(f"f{n}", "x") for n in range(80)]],
    ids=["long", "many"],
)
def test_fields_have_limits(server, fields):
    with server.client as client:
        files = [(name, (None, text)) for name, text in fields]
        assert client.post("/v1/audio/transcriptions", files=files).status_code == 413


def test_a_path_is_no_model(server, model):
    for name in (str(model), f"{model}/", "../fake", "~/fake", "/etc", "./fake", "a\0b"):
        response = server.post("hello", model=name)
        assert response.status_code == 404
        assert str(model.parent) not in response.text.replace(name, "")
    with server.client as client:
        for path in (f"/v1/models/{model}", "/v1/models/..%2F..%2Fetc", "/page/..%2f..%2fapp.py"):
            assert client.get(path).status_code == 404
        assert client.post("/api/load", json={"model": str(model)}).status_code == 404


def test_a_model_that_breaks_tells_no_path(model):
    with running(model, FakeHands(broken=True)) as server:
        response = server.post("hello")
        assert response.status_code == 500
        assert response.headers["x-should-retry"] == "false"
        assert "secret" not in response.text
        assert server.failures


def test_binding_to_a_network_takes_a_key():
    with pytest.raises(ConfigError) as refused:
        check(ServerSettings(host="0.0.0.0"))
    assert "--insecure-bind" in refused.value.hint
    check(ServerSettings(host="0.0.0.0", api_key="k"))
    check(ServerSettings(host="0.0.0.0", insecure_bind=True))
    for host in ("127.0.0.1", "::1", "localhost"):
        check(ServerSettings(host=host))


class _Ear:
    """Counts who connects."""

    def __enter__(self):
        self.server = socket.create_server(("127.0.0.1", 0))
        self.calls = 0
        threading.Thread(target=self._listen, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.server.shutdown(socket.SHUT_RDWR)  # a close alone would not wake the thread
        self.server.close()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server.getsockname()[1]}/a.ts"

    def _listen(self):
        while True:
            try:
                line, _ = self.server.accept()
            except OSError:
                return
            self.calls += 1
            line.close()


def playlist(url: str) -> bytes:
    return f"#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\n{url}\n#EXT-X-ENDLIST\n".encode()


def test_the_naive_way_follows_a_playlist():
    with _Ear() as ear:
        named = io.BytesIO(playlist(ear.url))
        named.name = "talk.m3u8"
        with pytest.raises(av.FFmpegError):
            av.open(named)
        assert ear.calls


@pytest.mark.parametrize("target", ["url", "file"])
def test_an_uploaded_playlist_leads_nowhere(tmp_path, jfk, target):
    from whisper_cli.errors import AudioError
    from whisper_cli.serve.worker.messages import DecodeLimits
    from whisper_cli.serve.worker.sandbox import SandboxedAudio

    with _Ear() as ear:
        upload = tmp_path / "upload.m3u8"
        upload.write_bytes(playlist(ear.url if target == "url" else jfk.as_uri()))
        with (
            pytest.raises(AudioError) as refused,
            SandboxedAudio(upload, DecodeLimits(), lambda: True) as sound,
        ):
            list(sound.blocks())
        time.sleep(0.2)
        assert ear.calls == 0
    assert str(tmp_path) not in refused.value.message


def test_slow_senders_hold_up_nobody(server):
    lines = [opened(server) for _ in range(20)]
    assert server.post("hello").json()["text"] == "hello"
    for line in lines:
        line.close()


def opened(server, headers=""):
    line = socket.create_connection(server.url[7:].split(":"))
    head = (
        f"POST /v1/audio/transcriptions HTTP/1.1\r\nHost: localhost\r\n{headers}"
        "Content-Type: multipart/form-data; boundary=b\r\nContent-Length: 5000\r\n\r\n--b\r\n"
    )
    line.sendall(head.encode())
    return line


def test_uploads_that_stall_are_ended(server, monkeypatch):
    monkeypatch.setattr("whisper_cli.serve.multipart.RATE_WINDOW", 0.2)
    with opened(server) as line:
        line.settimeout(10)
        assert line.recv(4096).startswith(b"HTTP/1.1 408")


def test_uploads_at_once_are_limited_and_those_who_leave_make_room(model, caplog):
    with running(model, FakeHands(), max_queue=3) as server:
        lines = [opened(server) for _ in range(3)]
        until(lambda: server.post("hello").status_code == 429)
        for line in lines:
            line.close()
        until(lambda: server.post("hello").status_code == 200)
        assert [item["status"] for item in server.log].count(499) == 3
    assert caplog.records == []  # nothing of it is a bug


def test_a_path_makes_no_line_of_its_own_in_the_log(server):
    httpx.get(server.url + "/x%0APOST%20/fake%20200%1B[31m")
    until(lambda: server.log and "fake" in server.log[-1]["path"])
    assert server.log[-1]["path"] == "/x%0APOST%20/fake%20200%1B%5B31m"


def test_secrets_are_in_no_answer_and_no_log(locked):
    with locked.client as client, pytest.raises(httpx.HTTPStatusError):
        client.get("/v1/models", headers={"authorization": "Bearer wrong"}).raise_for_status()
    assert "s3cret" not in json.dumps(locked.log)


HALF = "\\ud800"  # of a surrogate pair, as JSON writes it
FORM = {"content-type": "multipart/form-data; boundary=b"}
JSON = {"content-type": "application/json"}
ODD_HEADERS = [
    *({"origin": text} for text in ("http://[", "http://]", "http://[::1", "://", "", "\xe9")),
    *({"host": text} for text in ("[", "]:", "[::1%]", ":", "\xe9", "1.2.3.4.5", "a" * 5000)),
    {"content-type": "multipart/form-data; boundary=" + "b" * 257},
    {"content-type": "multipart/form-data; boundary=\xe9"},
    {"content-type": "multipart/form-data; boundary"},
    {"content-type": "multipart/form-data; charset=rot13; boundary=b"},
    {"authorization": "\xe9"},
    {"x-request-id": "\xe9"},
    {"x-stainless-retry-count": "²".encode().decode("latin-1")},
]
ODD_BODIES = [
    b"",
    b"null",
    b"\xff\xfe",
    f'{{"model": "{HALF}"}}'.encode(),
    f'{{"{HALF}": 1, "model": "fake"}}'.encode(),
    b'{"model": "\xed\xa0\x80"}',
    b'{"model": "fake", "keep_alive": "999999999999h"}',
    b'{"model": "fake", "keep_alive": 1' + b"0" * 3000 + b"}",
    b'{"model": "fake", "keep_alive": NaN}',
    b"[" * 9000,
    b'--b\r\nContent-Disposition: form-data; name="model"\r\n\r\nfake\r\n--b--\r\n',
    b'--b\r\nContent-Disposition: form-data; name="\xff"\r\n\r\n\xff\r\n--b--\r\n',
]
ROUTES = [
    ("GET", "/health"),
    ("GET", "/api/ps"),
    ("GET", "/v1/models/%ED%A0%80"),
    ("POST", "/v1/audio/transcriptions"),
    ("POST", "/v1/audio/translations"),
    ("POST", "/api/transcribe"),
    ("POST", "/api/load"),
    ("POST", "/api/unload"),
    ("POST", "/api/pull"),
]


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_nothing_odd_is_a_fault_of_the_server(server, method, path):
    with server.client as client:
        for odd in ODD_HEADERS:
            headers = {name: text.encode("latin-1") for name, text in (FORM | odd).items()}
            answer = client.request(method, path, headers=headers, content=ODD_BODIES[-2])
            assert 200 <= answer.status_code < 500, odd
        for body in ODD_BODIES:
            for headers in (FORM, JSON):
                answer = client.request(method, path, headers=headers, content=body)
                assert 200 <= answer.status_code < 500, body
        assert client.get("/api/ps").status_code == 200


@pytest.mark.parametrize("origin", ["http://[", "http://]", "http://[::1", "null", "", "x"])
def test_an_origin_that_is_none_is_another_site(server, origin):
    refused = server.post("hello", headers={"origin": origin})
    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "cross_site")


@pytest.mark.parametrize("path", ["/api/load", "/api/unload", "/api/pull"])
def test_half_a_surrogate_pair_is_no_model(server, path):
    with server.client as client:
        refused = client.post(path, content=f'{{"model": "a{HALF}b"}}')
    assert (refused.status_code, refused.json()["error"]["param"]) == (400, "model")


@pytest.mark.parametrize("path", ["/api/load", "/v1/audio/transcriptions"])
def test_a_body_that_is_cut_is_the_clients_fault(server, path, caplog):
    with socket.create_connection(server.url[7:].split(":")) as line:
        head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 999\r\n"
        line.sendall(head.encode() + b"Content-Type: multipart/form-data; boundary=b\r\n\r\n--b")
    until(lambda: server.log[-1]["path"] == path)
    assert server.log[-1]["status"] == 499
    assert caplog.records == []


def test_a_boundary_has_a_length(server):
    headers = {"content-type": "multipart/form-data; boundary=" + "b" * 300}
    with server.client as client:
        refused = client.post("/v1/audio/transcriptions", content=b"x", headers=headers)
    assert refused.status_code == 400
    assert "boundary" in refused.json()["error"]["message"].lower()


def test_uploads_that_are_too_slow_are_ended_though_bytes_come(server, monkeypatch):
    monkeypatch.setattr("whisper_cli.serve.multipart.RATE_WINDOW", 0.5)
    with opened(server) as line:
        line.settimeout(10)
        dripping = in_background(lambda: drip(line))
        assert line.recv(4096).startswith(b"HTTP/1.1 408")
        line.close()
        dripping.join(20)
    assert list(server.job_manager.folder.iterdir()) == []


def drip(line):
    with contextlib.suppress(OSError):
        for _ in range(200):
            line.sendall(b"x")
            time.sleep(0.05)


def test_uploads_that_are_fast_enough_may_take_long(server, monkeypatch):
    monkeypatch.setattr("whisper_cli.serve.multipart.RATE_WINDOW", 1.0)

    def pieces():
        yield b'--b\r\nContent-Disposition: form-data; name="model"\r\n\r\nfake\r\n'
        yield b'--b\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n'
        for _ in range(10):
            time.sleep(0.2)
            yield b"hello " * 400
        yield b"\r\n--b--\r\n"

    with server.client as client:
        answer = client.post("/v1/audio/transcriptions", content=pieces(), headers=FORM)
    assert answer.status_code == 200


def test_one_address_cannot_have_all_uploads(model):
    """A proxy on this machine says who its clients are."""
    with running(model, FakeHands(), max_queue=4) as server:

        def processed(client):
            return server.post("hello", headers={"x-forwarded-for": client}).status_code

        network = ("2001:db8::1", "2001:db8::2:3")  # a client of IPv6 has many addresses
        lines = [opened(server, f"X-Forwarded-For: {item}\r\n") for item in network * 3]
        until(lambda: processed("2001:db8::7") == 429)
        assert (
            processed("2001:db8:0:1::7") == processed("192.0.2.1") == processed("127.0.0.1") == 200
        )
        for line in lines:
            line.close()
        until(lambda: processed("2001:db8::7") == 200)
        assert not server.job_manager.jobs.queue


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        ("/v1/realtime", {"Authorization": "Bearer k"}, 101),
        ("/v1/realtime", {"Authorization": "Bearer wrong"}, 401),
        ("/v1/realtime", {"Authorization": "Bearer k", "Origin": "https://evil.example"}, 403),
        ("/v1/nowhere", {"Authorization": "Bearer k"}, 403),
    ],
)
def test_the_log_tells_how_each_websocket_was_answered(model, path, headers, status):
    with running(model, FakeHands(), api_key="k") as server:
        address = server.url.replace("http", "ws") + path
        response_at = 101
        try:
            with connect(address, additional_headers=headers):
                pass
        except InvalidStatus as refused:
            response_at = refused.response.status_code
        assert response_at == status
        until(lambda: server.log[-1]["path"] == path)
        assert server.log[-1]["status"] == status
