import socket
from collections.abc import Iterator

import pytest

from whisper_cli.download.connection import require_connection
from whisper_cli.errors import SourceUnavailable


@pytest.fixture
def listening(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A server that lets itself be connected to; no proxy is in the way."""
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"127.0.0.1:{server.getsockname()[1]}"


@pytest.fixture
def closed() -> str:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return f"127.0.0.1:{server.getsockname()[1]}"


@pytest.fixture
def full() -> Iterator[str]:
    """A server whose queue is full: connections neither come about nor are refused."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as server:
        address = server.getsockname()
        with socket.create_connection(address):
            yield f"127.0.0.1:{address[1]}"


def test_a_server_that_listens_is_reached(listening: str):
    require_connection(f"http://{listening}/path")


def test_a_closed_port_is_no_connection(listening: str, closed: str):
    with pytest.raises(SourceUnavailable, match=r"no connection to 127\.0\.0\.1: Connection ref"):
        require_connection(f"https://{closed}")


def test_a_server_that_never_accepts_is_given_up(listening: str, full: str):
    with pytest.raises(SourceUnavailable, match=r"127\.0\.0\.1(: timed out| within 0\.2 s)"):
        require_connection(f"http://{full}", within=0.2)


@pytest.mark.parametrize("host", ["no-such-host.invalid", "a..b", ""])
def test_a_name_that_stands_for_nothing_is_no_connection(listening: str, host: str):
    with pytest.raises(SourceUnavailable, match="no connection"):
        require_connection(f"http://{host}", within=2)


def test_behind_a_proxy_it_is_the_proxy_that_must_be_there(
    listening: str, closed: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("https_proxy", f"http://{listening}")
    require_connection("https://no-such-host.invalid")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with pytest.raises(SourceUnavailable):
        require_connection(f"https://{closed}")
    monkeypatch.setenv("https_proxy", closed)
    with pytest.raises(SourceUnavailable):
        require_connection("https://no-such-host.invalid")
