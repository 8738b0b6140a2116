"""The network in front of the hub: its speed, TLS, proxies, and its end."""

import shutil
import signal
import socket
import ssl
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.fake_hub import Hub, Link, Proxy, make_authority
from tests.fake_hub.__main__ import fault, parser, size
from tests.fake_hub.client import ask, connect, locate, target
from tests.fake_hub.conftest import SIZE
from tests.fake_hub.throttle import SLICE_SECONDS, Bucket


def test_a_bucket_reserves_time_for_every_byte() -> None:
    bucket = Bucket(1_000_000)
    start = time.monotonic()
    wait = [bucket.take(50_000) for _ in range(20)][-1]
    passed = time.monotonic() - start
    assert 1 - SLICE_SECONDS - passed <= wait <= 1


@pytest.mark.parametrize(
    "link", [Link(per_connection=2_000_000), Link(total=2_000_000)], ids=["connection", "total"]
)
def test_nothing_is_faster_than_the_link(weights: Path, link: Link) -> None:
    with Hub(link=link) as hub:
        hub.add_repo("owner/tiny", {"model.bin": weights})
        url = locate(hub, "owner/tiny/resolve/main/model.bin")
        start = time.monotonic()
        assert ask(url).body == weights.read_bytes()
        assert time.monotonic() - start >= SIZE / 2_000_000 - SLICE_SECONDS


def test_latency_comes_before_every_answer(hub: Hub) -> None:
    hub.link = Link(latency=0.05)
    start = time.monotonic()
    ask(f"{hub.endpoint}/api/models/owner/tiny")
    assert time.monotonic() - start >= 0.05


def test_connections_are_kept_and_many(hub: Hub, url: str) -> None:
    connections = [connect(url) for _ in range(8)]
    for connection in connections * 2:
        connection.request("GET", target(url), headers={"Range": "bytes=0-9"})
        with connection.getresponse() as response:
            assert len(response.read()) == 10
    for connection in connections:
        connection.close()
    assert len({request.client for request in hub.requests if request.range}) == 8


@pytest.mark.skipif(not shutil.which("openssl"), reason="needs the openssl program")
def test_tls_needs_trust_in_the_authority(weights: Path, tmp_path: Path) -> None:
    authority = make_authority(tmp_path)
    trusting = ssl.create_default_context(cafile=str(authority.ca))
    with Hub(authority=authority) as hub, Proxy() as proxy:
        hub.add_repo("owner/tiny", {"model.bin": weights})
        resolve = f"{hub.endpoint}/owner/tiny/resolve/main/model.bin"
        with pytest.raises(ssl.SSLCertVerificationError):
            ask(resolve)
        url = ask(resolve, context=trusting).headers["Location"]
        assert url.startswith("https://")
        assert ask(url, context=trusting).body == weights.read_bytes()
        opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({"https": proxy.url}),
            urllib.request.HTTPSHandler(context=trusting),
        )
        with opener.open(url) as response:
            assert response.read() == weights.read_bytes()
        assert [request.method for request in proxy.requests] == ["CONNECT"]


def test_a_proxy_forwards_and_records(hub: Hub, url: str, weights: Path) -> None:
    with Proxy() as proxy:
        handler = urllib.request.ProxyHandler({"http": proxy.url})
        with urllib.request.build_opener(handler).open(url) as response:
            assert response.read() == weights.read_bytes()
        assert [request.target for request in proxy.requests] == [url]


def test_a_proxy_may_ask_who_it_is_and_says_when_nobody_answers(hub: Hub, url: str) -> None:
    with Proxy(credentials="me:secret") as proxy, socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        nowhere = f"http://127.0.0.1:{closed.getsockname()[1]}/"
        known = {"Proxy-Authorization": "Basic bWU6c2VjcmV0", "Range": "bytes=0-9"}
        statuses = []
        for destination, headers in ((url, {}), (url, known), (nowhere, known)):
            connection = connect(proxy.url)
            connection.request("GET", destination, headers=headers)
            with connection.getresponse() as response:
                statuses.append(response.status)
            connection.close()
    assert statuses == [407, 206, 502]


def test_it_listens_on_ipv6(weights: Path) -> None:
    try:
        hub = Hub(host="::1")
    except OSError:
        pytest.skip("no IPv6 on this machine")
    with hub:
        hub.add_repo("owner/tiny", {"model.bin": weights})
        assert hub.endpoint.startswith("http://[::1]:")
        assert ask(locate(hub, "owner/tiny/resolve/main/model.bin")).body == weights.read_bytes()


def test_closing_once_or_twice_leaves_no_thread_though_clients_linger(
    weights: Path, threads_before: Callable[[], bool]
) -> None:
    with Hub() as hub:
        lingering = connect(hub.endpoint)
        lingering.request("GET", "/api/whoami-v2")
        lingering.getresponse().close()
        silent = socket.create_connection(("127.0.0.1", lingering.port))
        hub.close()
    assert threads_before()
    lingering.close()
    silent.close()


def test_a_busy_port_is_an_error_that_leaves_nothing(threads_before: Callable[[], bool]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(OSError, match="in use"):
            Hub(port=taken.getsockname()[1])
    assert threads_before()


def test_it_starts_by_hand_and_stops_on_ctrl_c(tmp_path: Path) -> None:
    (tmp_path / "model.bin").write_bytes(b"weights")
    command = [sys.executable, "-W", "error", "-m", "tests.fake_hub"]
    asked = ["--generate", "base=100KB", "--model", f"tiny={tmp_path}", "--fault", "503=model.bin"]
    with subprocess.Popen(
        [*command, *asked],
        cwd=Path(__file__).parents[2],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as program:
        assert program.stdout
        lines = [program.stdout.readline().strip() for _ in range(3)]
        endpoint = lines[0].removeprefix("HF_ENDPOINT=")
        revision = "d90ca5fe260221311c53c58e660288d3deb8d356"
        paths = f"Systran/faster-whisper-tiny/resolve/{revision}", "generated/base/resolve/main"
        places = [ask(f"{endpoint}/{path}/model.bin").headers["Location"] for path in paths]
        replies = [ask(destination) for destination in (places[0], *places)]
        program.send_signal(signal.SIGINT)
        try:
            reported, wrong = program.communicate(timeout=60)
        finally:
            program.kill()
    assert lines[1:] == ["Systran/faster-whisper-tiny", "generated/base"]
    assert [reply.status for reply in replies] == [503, 200, 200]
    assert (replies[1].body, len(replies[2].body)) == (b"weights", 100_000)
    assert (program.returncode, wrong) == (0, "")
    assert "5 requests" in reported


@pytest.mark.parametrize(
    ("text", "count"),
    [("3889KB", 3_889_000), ("8MiB", 8 << 20), ("7", 7), ("1.5gb", 1_500_000_000)],
)
def test_sizes_are_read_with_their_unit(text: str, count: int) -> None:
    assert size(text) == count


@pytest.mark.parametrize(
    ("text", "where", "times"),
    [
        ("stall=model.bin@10MB", "cdn/model.bin", 1),
        ("503=hub/*:3", "hub/*", 3),
        ("no-ranges=*:*", "cdn/*", None),
    ],
)
def test_faults_are_read(text: str, where: str, times: int | None) -> None:
    aimed, _, often = fault(text)
    assert (aimed, often) == (where, times)


@pytest.mark.parametrize(
    "wrong",
    [["--total", "fast"], ["--fault", "melt=x"], ["--model", "tiny"], ["--model", "tiny=/none"]],
)
def test_wrong_options_are_usage_errors(
    wrong: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        parser().parse_args(wrong)
    assert caught.value.code == 2
    assert wrong[0] in capsys.readouterr().err
