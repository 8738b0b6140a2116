"""Models from neighbours: real peers in processes of their own, on loopback."""

import logging
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fake_hub import Hub
from tests.models.fakes import COMMIT, fake_model, using
from tests.share.peer import BIG, MODEL, peer
from whisper_cli.download.fetch import ensure, fetch
from whisper_cli.download.sources import default_sources, source
from whisper_cli.download.sources.hub import HubSource
from whisper_cli.download.sources.peer import PeerSource
from whisper_cli.download.types import Phase, TransferLimits
from whisper_cli.errors import DownloadError, SourceUnavailable
from whisper_cli.models.catalog import resolve
from whisper_cli.models.store import find, installed

SMALL = 1 << 16


@pytest.fixture
def hub(cache: Path) -> Iterator[Hub]:
    with Hub() as hub:
        hub.add_repo("acme/fake", BIG, sha=COMMIT)
        yield hub


@pytest.fixture
def closed() -> str:
    """The address of nobody."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return f"127.0.0.1:{server.getsockname()[1]}"


def pulled(*sources, **limits) -> set[str]:
    """Pull the model; say what the sources of its big file were called in the end."""
    how = using(
        *sources, chunk_size=SMALL, limits=TransferLimits(idle_timeout=1, tries=1, **limits)
    )
    seen = [item for item in fetch(MODEL, how) if item.file == "model.bin"]
    return set(seen[-1].source.split(" + "))


def test_a_model_comes_from_a_peer_verified(cache: Path, tmp_path: Path):
    with peer(tmp_path / "a") as one:
        assert pulled(PeerSource((one.address,))) == {f"peer {one.address}"}
    folder = find(MODEL)
    assert folder
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == BIG
    assert [model.verified for model in installed()] == [True]


def test_two_peers_and_the_hub_are_read_at_once(hub: Hub, tmp_path: Path):
    with peer(tmp_path / "a") as one, peer(tmp_path / "b") as two:
        fetched = pulled(PeerSource((one.address, two.address)), HubSource(hub.endpoint))
    assert fetched >= {f"peer {one.address}", f"peer {two.address}"}
    assert len(fetched) == 3
    assert find(MODEL)


def test_a_peer_that_lies_is_an_error_with_both_hashes_and_publishes_nothing(
    cache: Path, tmp_path: Path
):
    expected = next(file.sha256 for file in MODEL.files if file.name == "model.bin")
    with (
        peer(tmp_path / "a", "wrong") as liar,
        pytest.raises(
            DownloadError, match=rf"model\.bin from peer .* expected {expected}, got [0-9a-f]{{64}}"
        ) as caught,
    ):
        pulled(PeerSource((liar.address,)))
    assert not isinstance(caught.value, SourceUnavailable)
    assert caught.value.exit_code == 5
    assert find(MODEL) is None
    assert list(cache.glob("models--*")) == []


def test_what_a_liar_gave_is_mended_by_the_next_pull(hub: Hub, tmp_path: Path):
    with peer(tmp_path / "a", "wrong") as liar, pytest.raises(DownloadError):
        pulled(PeerSource((liar.address,)))
    pulled(HubSource(hub.endpoint))
    assert find(MODEL)


def test_a_peer_that_dies_in_the_middle_leaves_the_rest_to_the_hub(hub: Hub, tmp_path: Path):
    limits = TransferLimits(connections=2, limit_rate=2_000_000, idle_timeout=1, tries=1)
    with peer(tmp_path / "a") as dying:
        sources = PeerSource((dying.address,)), HubSource(hub.endpoint)
        reported = fetch(MODEL, using(*sources, chunk_size=SMALL, limits=limits))
        for progress in reported:
            if progress.file == "model.bin" and progress.done > 4 * SMALL:
                assert progress.phase is Phase.download
                break
        dying.process.kill()
        dying.process.wait()
        last = [item.source for item in reported if item.file == "model.bin"][-1]
    assert hub.endpoint.removeprefix("http://") in last
    assert find(MODEL)


def test_a_peer_without_the_model_and_one_that_is_not_there_are_passed_over(
    cache: Path, tmp_path: Path, closed: str, caplog: pytest.LogCaptureFixture
):
    caplog.set_level(logging.INFO, "whisper_cli")
    with peer(tmp_path / "a", "nothing") as empty, peer(tmp_path / "b") as full:
        fetched = pulled(PeerSource((empty.address, closed, full.address)))
    assert fetched == {f"peer {full.address}"}
    assert f"{empty.address}: " in caplog.text
    assert f"{closed}: no connection" in caplog.text


def test_when_no_peer_has_it_the_next_source_is_asked(hub: Hub, closed: str):
    assert pulled(PeerSource((closed,)), HubSource(hub.endpoint)) == {
        hub.endpoint.removeprefix("http://")
    }


def test_when_nobody_has_it_each_peer_s_reason_is_told(cache: Path, tmp_path: Path, closed: str):
    with (
        peer(tmp_path / "a", "nothing") as empty,
        pytest.raises(DownloadError, match=rf'no peer has "fake" \({empty.address}: .*404') as e,
    ):
        pulled(PeerSource((empty.address, closed)))
    assert f"{closed}: no connection" in e.value.message


def test_only_the_catalogue_says_which_bytes_are_right(hub: Hub, tmp_path: Path):
    never = PeerSource(("127.0.0.1:9",))
    for model in (resolve("acme/fake"), resolve("acme/fake@v1")):
        with pytest.raises(SourceUnavailable, match="nothing says which bytes"):
            never.pin(model)
    with pytest.raises(SourceUnavailable, match="nothing says which bytes"):
        never.pin(MODEL, all_files=True)
    how = using(never, HubSource(hub.endpoint))
    assert ensure(resolve("acme/fake"), how).name == COMMIT


def test_no_credential_is_offered_to_a_peer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    with peer(tmp_path / "a") as one:
        named = source("peer", "hf_other", (one.address,))
        named.pin(MODEL)
        remote_files = [
            remote_file for file in MODEL.files for remote_file in named.remote_files(MODEL, file)
        ]
    assert [remote_file.headers for remote_file in remote_files] == [()] * len(MODEL.files)
    assert all(
        remote_file.url.startswith(f"http://{one.address}/blobs/") for remote_file in remote_files
    )


def test_peers_are_looked_for_once_and_only_where_none_is_named(tmp_path: Path):
    looked = []
    with peer(tmp_path / "a") as one:

        def find_one() -> tuple[str, ...]:
            looked.append(one.address)
            return (one.address,)

        found = PeerSource(find=find_one)
        for model in (MODEL, fake_model({"model.bin": BIG["model.bin"]})):
            found.pin(model)
        PeerSource((one.address,), find=find_one).pin(MODEL)
    assert looked == [one.address]


def test_no_peer_at_all_says_how_to_name_or_find_one(monkeypatch: pytest.MonkeyPatch):
    pytest.importorskip("zeroconf")
    with pytest.raises(SourceUnavailable, match="no peer was found on the LAN; WHISPER_CLI_PEERS="):
        PeerSource(find=tuple).pin(MODEL)
    monkeypatch.setitem(sys.modules, "zeroconf", None)
    with pytest.raises(SourceUnavailable, match="no peer is named; WHISPER_CLI_PEERS=") as caught:
        PeerSource().pin(MODEL)
    assert "pip install '.[share]'" in caught.value.message


def test_peers_are_asked_only_on_request():
    assert [item.name for item in default_sources()] == ["hub", "index"]
