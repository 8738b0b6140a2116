"""Finding and being found, by real multicast on the loopback interface alone."""

import sys

import pytest

from whisper_cli.share import discovery

pytest.importorskip("zeroconf")


def test_who_announces_is_found_by_who_listens():
    with discovery.announced("127.0.0.1", 8779):
        tries = (discovery.find(interface="127.0.0.1") for _ in range(4))  # a busy machine is late
        assert any("127.0.0.1:8779" in found for found in tries)


def test_what_cannot_be_announced_is_a_warning_and_sharing_goes_on(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    monkeypatch.setattr("socket.gethostname", lambda: "x" * 64)  # DNS allows 63
    went_on = False
    with discovery.announced("127.0.0.1", 8779):
        went_on = True
    assert went_on
    assert "not announced, neighbours have to name this machine" in caplog.text


def test_without_zeroconf_nobody_is_looked_for(monkeypatch: pytest.MonkeyPatch):
    assert discovery.installed()
    monkeypatch.setitem(sys.modules, "zeroconf", None)
    assert not discovery.installed()
