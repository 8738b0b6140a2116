"""Addresses on the web: what may be opened, what is gone on with, what is too much."""

import http.server
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import ClassVar

import pytest

from tests.fake_hub.proxy import Proxy
from tests.fake_hub.tls import make_authority
from whisper_cli.audio.http_stream import open_url
from whisper_cli.audio.sources import Url, UrlLimits, expand
from whisper_cli.errors import AudioError

LOCAL = UrlLimits(allow_private=True)


class Handler(http.server.BaseHTTPRequestHandler):
    """Serves one content; `cuts` are bytes after which a connection is dropped."""

    protocol_version = "HTTP/1.1"
    content = b""
    kind = "audio/flac"
    cuts: ClassVar[list[int]] = []
    length = ""  # told in place of the right one
    ranges = True
    asked: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        self.asked.append(self.headers.get("range", ""))
        if self.path.startswith("/to/"):
            self.send_response(302)
            self.send_header("Location", self.path[4:])
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        start = 0
        if self.ranges and (reported := self.headers.get("range")):
            start = int(reported.removeprefix("bytes=").rstrip("-"))
        body = self.content[start:]
        self.send_response(206 if start else 200)
        self.send_header("Content-Type", self.kind)
        self.send_header("ETag", '"one"')
        self.send_header("Content-Length", self.length or str(len(body)))
        self.end_headers()
        self.wfile.write(body[: self.cuts.pop(0)] if self.cuts else body)
        self.close_connection = True

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def serve() -> Iterator[Callable[..., str]]:
    servers: list[http.server.ThreadingHTTPServer] = []

    def start(content: bytes, handler: type[Handler] = Handler, **more: object) -> str:
        known = {"content": content, "cuts": [], "asked": []} | more
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), type("One", (handler,), known))
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        return f"http://127.0.0.1:{server.server_port}"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def read(url: str, limits: UrlLimits = LOCAL) -> bytes:
    with open_url(Url(url, limits)) as file:
        return file.read()


def test_what_is_cut_off_is_gone_on_with(serve):
    content = bytes(range(256)) * 4000
    asked: ClassVar[list[str]] = []
    url = serve(content, cuts=[1000, 300_000], asked=asked)
    assert read(f"{url}/a.flac") == content
    assert asked == ["", "bytes=1000-", "bytes=301000-"]


def test_what_cant_be_gone_on_with_is_an_error(serve):
    url = serve(bytes(5000), cuts=[1000], ranges=False)
    with pytest.raises(AudioError, match="can't be gone on with"):
        read(url)


@pytest.mark.parametrize(
    "url",
    ["http://127.0.0.1/", "http://localhost/", "http://[::1]/", "http://10.0.0.1/a", "http://0/",
     "http://[::ffff:127.0.0.1]/", "http://169.254.169.254/latest", "http://2130706433/"],
)  # fmt: skip
def test_what_is_private_is_not_opened(run, url):
    with pytest.raises(AudioError, match="no public address"):
        open_url(Url(url))
    result = run("transcribe", url)
    assert (result.code, result.stdout) == (3, "")
    assert "--allow-private-urls" in result.stderr


def test_a_redirect_is_checked_like_the_first_address(serve, monkeypatch):
    """The first address passes as public; where it leads is looked at all the same."""
    from whisper_cli.audio import http_stream

    url = serve(b"x")
    checked = http_stream._checked

    def first_is_public(host: str, port: int, limits: UrlLimits) -> list[str]:
        return ["127.0.0.1"] if host == "public.test" else checked(host, port, limits)

    monkeypatch.setattr(http_stream, "_checked", first_is_public)
    port = url.rpartition(":")[2]
    with pytest.raises(AudioError, match="no public address"):
        read(f"http://public.test:{port}/to/{url}/secret", UrlLimits())
    with pytest.raises(AudioError, match="not of http"):
        read(f"http://public.test:{port}/to/file:///etc/passwd", UrlLimits())
    assert read(f"{url}/to/{url}/a.flac") == b"x"
    loop = f"{url}/to/" * 9
    with pytest.raises(AudioError, match="redirected too often"):
        read(loop)


def test_size_and_time_are_limited(serve):
    url = serve(bytes(10_000))
    with pytest.raises(AudioError, match="larger than 999 bytes"):
        read(url, UrlLimits(allow_private=True, max_bytes=999))
    with pytest.raises(AudioError, match="took longer"):
        read(url, UrlLimits(allow_private=True, max_seconds=-1.0))


def test_an_output_is_named_after_the_last_part_of_the_path():
    names = ["https://x.test/a/talk%20one.mp3?x=1", "https://x.test/", "https://x.test/..%2f.."]
    assert [Url(url).stem for url in names] == ["talk one", "x.test", "x.test"]
    [source] = expand(["https://x.test/a.mp3"], None).sources
    assert (source.name, source.stem, source.path) == ("https://x.test/a.mp3", "a", None)


def test_a_page_needs_yt_dlp_and_goes_through_it(serve, tmp_path, monkeypatch):
    url = serve(b"<html>", kind="text/html; charset=utf-8")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(AudioError, match="is a web page") as missing:
        read(url)
    assert "pip install yt-dlp" in (missing.value.hint or "")
    program = tmp_path / "yt-dlp"
    program.write_text('#!/bin/sh\nprintf "sound of %s" "$8"\n', "utf-8")
    program.chmod(0o755)
    assert read(url) == f"sound of {url}".encode()
    program.write_text("#!/bin/sh\necho no such video >&2; exit 1\n", "utf-8")
    with pytest.raises(AudioError, match="no such video"):
        read(url)


@pytest.mark.slow
def test_an_address_is_transcribed_while_it_comes(run, serve, tmp_path, jfk, tiny_en, monkeypatch):
    url = serve(Path(jfk).read_bytes(), cuts=[50_000])
    monkeypatch.chdir(tmp_path)
    result = run("transcribe", f"{url}/talk.flac", "-m", tiny_en, "--allow-private-urls")
    assert result.code == 0
    assert "your country" in result.stdout
    several = (f"{url}/talk.flac", f"{url}/none/../b.flac")
    assert run("transcribe", *several, "-m", tiny_en, "-f", "srt", "--allow-private-urls").code == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["b.srt", "talk.srt"]


def test_of_several_addresses_the_one_that_answers_is_used(serve, monkeypatch):
    url = serve(b"sound")
    port = int(url.rpartition(":")[2])
    kind = socket.AF_INET, socket.SOCK_STREAM, 0, ""
    places = [(*kind, (host, port)) for host in ("127.0.0.2", "127.0.0.1")]
    monkeypatch.setattr(socket, "getaddrinfo", lambda host, *_, **__: [
        destination for destination in places if host in ("two.test", destination[4][0])
    ])  # fmt: skip
    assert read(f"http://two.test:{port}/") == b"sound"


MALFORMED = [
    "http://a..b/y.mp3",
    "http://[/x.mp3",
    "http://[::1/x.mp3",
    f"http://{'l' * 70}.test/x.mp3",
    "http://.test/x.mp3",
    "http://a:99999/x.mp3",
    "http://a:b/x.mp3",
    "http://a\u2100b/x.mp3",
    "https://a..b/y.mp3",
]


@pytest.mark.parametrize("url", MALFORMED)
def test_a_malformed_address_is_an_error_of_that_input(run, tmp_path, url):
    with pytest.raises(AudioError):
        open_url(Url(url, LOCAL))
    result = run("transcribe", url, tmp_path / "none.wav", "--offline")
    assert result.code == 1
    assert "2 of 2 inputs failed" in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize("to", [url for url in MALFORMED if url.isascii()])
def test_a_redirect_to_a_malformed_address_is_an_error_of_that_input(serve, to):
    url = serve(b"x")
    with pytest.raises(AudioError):
        read(f"{url}/to/{to}")


@pytest.mark.parametrize("length", ["\xb2", "1\xb3", "-1", "x", "9" * 5000])
def test_a_length_that_is_no_number_is_as_good_as_none(serve, length):
    assert read(f"{serve(b'sound', length=length)}/a.mp3") == b"sound"


def test_a_length_of_many_digits_is_too_large(serve):
    with pytest.raises(AudioError, match="larger than"):
        read(f"{serve(b'sound', length='9' * 40)}/a.mp3")


class Named(Handler):
    """Answers for one target only, as its bytes are asked for; `/moved` leads there in UTF-8."""

    target = ""
    to = ""

    def do_GET(self) -> None:
        if self.path.endswith("/moved"):
            self.wfile.write(f"HTTP/1.1 302 Found\r\nLocation: {self.to}\r\n".encode())
            self.wfile.write(b"Content-Length: 0\r\n\r\n")
        elif self.path == self.target:
            super().do_GET()
        else:
            self.send_error(404)
        self.close_connection = True


@pytest.fixture
def named(serve: Callable[..., str]) -> Callable[..., str]:
    return lambda target, to="": serve(b"sound", Named, target=target, to=to)


@pytest.mark.parametrize(
    ("typed", "target"),
    [
        ("/frågor.wav", "/fr%C3%A5gor.wav"),
        ("/Gespräch%201.wav", "/Gespr%C3%A4ch%201.wav"),
        ("/Gespr%C3%A4ch%201.wav", "/Gespr%C3%A4ch%201.wav"),
        ("/a b.wav", "/a%20b.wav"),
        ("/a.wav?t=ü x&n=1%2C2", "/a.wav?t=%C3%BC%20x&n=1%2C2"),
        ("/a.wav?at=[1]|{2}", "/a.wav?at=[1]|{2}"),
        ("/100%.wav#part", "/100%25.wav"),
        ("/録音.mp3", "/%E9%8C%B2%E9%9F%B3.mp3"),
        ("/caf\udce9.wav", "/caf%E9.wav"),
    ],
)
def test_an_address_may_hold_any_letters_and_spaces(named, typed, target):
    assert read(named(target) + typed) == b"sound"


@pytest.mark.parametrize(
    ("to", "target"),
    [("/frågor Å.wav?ü", "/fr%C3%A5gor%20%C3%85.wav?%C3%BC"), ("/b%20c.wav", "/b%20c.wav")],
)
def test_a_redirect_may_be_written_in_utf8(named, to, target):
    assert read(named(target, to) + "/moved") == b"sound"


def test_a_redirect_in_another_encoding_is_followed_by_its_bytes():
    from whisper_cli.audio.http_stream import _location, _redirected, _target

    to = _redirected("http://x.test/moved", _location("/caf\xe9.wav"))
    assert _target(to) == "/caf%E9.wav"


def test_a_name_of_no_utf8_can_be_shown_and_named_after():
    url = "http://x.test/caf\udce9.wav"
    [source] = expand([url], None).sources
    assert source.name == "http://x.test/caf\N{REPLACEMENT CHARACTER}.wav"


@pytest.fixture
def no_proxies(monkeypatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        for spelling in (name, name.upper()):
            monkeypatch.delenv(spelling, raising=False)


@pytest.mark.usefixtures("no_proxies")
def test_an_address_is_opened_through_the_proxy_which_looks_it_up(named, monkeypatch, caplog):
    proxy = named("http://media.example.org:81/fr%C3%A5gor.wav?x=1")
    monkeypatch.setenv("http_proxy", proxy)
    with caplog.at_level("INFO"):
        assert read("http://media.example.org:81/frågor.wav?x=1", UrlLimits()) == b"sound"
    assert "through the proxy 127.0.0.1:" in caplog.text
    monkeypatch.delenv("http_proxy")
    monkeypatch.setenv("ALL_PROXY", named("http://xn--mnchen-3ya.test/a.wav"))
    assert read("http://münchen.test/a.wav", UrlLimits()) == b"sound"


@pytest.mark.usefixtures("no_proxies")
def test_a_proxy_hears_who_we_are_and_no_proxy_goes_around_it(serve, monkeypatch):
    url = serve(b"sound")
    with Proxy("me:secret") as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url.replace("//", "//me:secret@"))
        assert read(f"{url}/a.flac") == b"sound"
        assert [request.status for request in proxy.requests] == [200]
        monkeypatch.setenv("HTTP_PROXY", proxy.url.replace("//", "//me:wrong@"))
        with pytest.raises(AudioError, match="407") as refused:
            read(f"{url}/a.flac")
        assert "wrong" not in refused.value.message
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        assert read(f"{url}/a.flac") == b"sound"
        assert len(proxy.requests) == 2


@pytest.mark.usefixtures("no_proxies")
def test_https_goes_through_a_tunnel(tmp_path, monkeypatch):
    authority = make_authority(tmp_path)
    known = {"content": b"sound", "cuts": [], "asked": []}
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), type("One", (Handler,), known))
    server.socket = authority.context().wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"https://localhost:{server.server_port}/a.flac"
    with Proxy() as proxy:
        monkeypatch.setenv("https_proxy", proxy.url)
        monkeypatch.setenv("SSL_CERT_FILE", str(authority.ca))
        assert read(url) == b"sound"
        assert {request.method for request in proxy.requests} == {"CONNECT"}
    with pytest.raises(AudioError, match=r"localhost through the proxy 127\.0\.0\.1:\d+: Conn"):
        read(url)
    server.shutdown()
    server.server_close()


@pytest.mark.usefixtures("no_proxies")
@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "10.0.0.1", "[::1]", "127.1", "2130706433", "0x7f.1", "localhost", "localhost.",
     "a.localhost", "169.254.169.254", "127.0.0.1.", "[::ffff:10.0.0.1]"],
)  # fmt: skip
def test_a_proxy_opens_nothing_that_is_private_by_its_name(named, monkeypatch, host):
    monkeypatch.setenv("http_proxy", named(f"http://{host}/secret"))
    with pytest.raises(AudioError, match="no public address"):
        read(f"http://{host}/secret", UrlLimits())


@pytest.mark.usefixtures("no_proxies")
def test_a_redirect_is_checked_behind_a_proxy_too(named, monkeypatch):
    monkeypatch.setenv("http_proxy", named("", to="http://127.1/secret"))
    with pytest.raises(AudioError, match=r"127\.1 is at 127\.0\.0\.1, which is no public"):
        read("http://public.test/moved", UrlLimits())


@pytest.mark.usefixtures("no_proxies")
def test_a_proxy_of_another_protocol_is_named(monkeypatch):
    monkeypatch.setenv("http_proxy", "socks5h://127.0.0.1:1080")
    with pytest.raises(AudioError, match="a proxy spoken to by socks5h:// is not supported"):
        read("http://public.test/a.wav", UrlLimits())
