"""`whisper-cli share`: how it starts, what it says, and how it ends."""

import http.client
import json
import os
import re
import signal
import socket
import sys
from pathlib import Path

import pytest

from whisper_cli.config.settings import Settings

LOOPBACK = ("--host", "127.0.0.1", "--port", "0", "--no-announce", "-v")


def listening(child) -> int:
    """Wait until it says where it listens; give the port."""
    said = child.stderr.readline().decode()
    found = re.search(r"on http://127\.0\.0\.1:(\d+), to be named", said)
    assert found, said
    return int(found[1])


@pytest.mark.parametrize(("sent", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_it_says_where_it_listens_and_stops_quietly(start, sent, code):
    child = start("share", *LOOPBACK)
    connection = http.client.HTTPConnection("127.0.0.1", listening(child), timeout=60)
    connection.request("GET", "/models")
    assert json.loads(connection.getresponse().read()) == []
    assert b"no verified model is here" in child.stderr.readline()
    child.send_signal(sent)
    out, err = child.communicate(timeout=60)
    connection.close()
    assert (child.returncode, out) == (code, b"")
    assert b"Traceback" not in err


def test_a_port_that_is_taken_is_6(run):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        result = run("share", "--host", "127.0.0.1", "--port", str(port), "--no-announce")
    assert (result.code, result.stdout) == (6, "")
    assert result.stderr.startswith(f"error: can't listen on 127.0.0.1:{port}: ")
    assert "hint: choose another --port" in result.stderr


def test_a_port_that_cannot_be_is_2(run):
    assert run("share", "--port", "70000").code == 2


def test_announcing_without_zeroconf_says_how_to_get_it(run, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "zeroconf", None)
    result = run("share", "--host", "127.0.0.1", "--announce")
    assert (result.code, result.stdout) == (2, "")
    assert "hint: pip install '.[share]'" in result.stderr


@pytest.mark.parametrize("text", ["here", "here:", ":80", "a:0", "a:65536", "http://a:1", "a b:1"])
def test_a_peer_is_host_and_port(run, text):
    result = run("config", "set", "peers", text)
    assert (result.code, result.stdout) == (2, "")
    assert "hint: host:port" in result.stderr


def test_peers_are_kept_in_the_configuration(run):
    assert Settings().peers == ()
    assert run("config", "set", "peers", "nas.local:8770, [::1]:9,10.0.0.5:1").code == 0
    assert run("config", "get", "peers").stdout == "nas.local:8770,[::1]:9,10.0.0.5:1\n"


@pytest.mark.slow
def test_a_real_model_goes_from_one_machine_to_another(start, run, tiny_en, isolated, monkeypatch):
    assert run("verify", tiny_en).code == 0
    child = start("share", *LOOPBACK, env=os.environ.copy())
    port = listening(child)
    monkeypatch.setenv("HF_HUB_CACHE", str(isolated / "fresh"))
    monkeypatch.setenv("WHISPER_CLI_STATE_DIR", str(isolated / "other"))
    monkeypatch.setenv("WHISPER_CLI_PEERS", f"127.0.0.1:{port}")
    pulled = run("pull", tiny_en, "--source", "peer", "--progress", "none")
    assert (pulled.code, pulled.stderr) == (0, "")
    assert Path(pulled.stdout.strip()).is_relative_to(isolated / "fresh")
    assert run("verify", tiny_en).code == 0
