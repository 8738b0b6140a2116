"""Unmodified clients of the real hub work against this one."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fake_hub import ADMITTED, STRANGER, Hub, faults
from tests.fake_hub.conftest import SIZE, files

huggingface_hub = pytest.importorskip("huggingface_hub")
errors = pytest.importorskip("huggingface_hub.errors")


@pytest.fixture(autouse=True)
def _no_session_is_left(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    yield
    huggingface_hub.close_session()


def run(hub: Hub, home: Path, *command: str) -> str:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("HF_")}
    reported = {"HF_ENDPOINT": hub.endpoint, "HF_HOME": str(home), "NO_PROXY": "127.0.0.1"}
    finished = subprocess.run(
        command, env=kept | reported, capture_output=True, text=True, check=False, timeout=240
    )
    assert finished.returncode == 0, finished.stderr
    return finished.stdout.strip().splitlines()[-1]


def check(snapshot: str | Path, weights: Path) -> None:
    for name, content in files(weights).items():
        expected = content if isinstance(content, bytes) else content.read_bytes()
        assert Path(snapshot, name).read_bytes() == expected


def test_snapshot_download_gets_every_file(hub: Hub, weights: Path, tmp_path: Path) -> None:
    snapshot = huggingface_hub.snapshot_download(
        "owner/tiny", endpoint=hub.endpoint, cache_dir=tmp_path / "cache", token=False
    )
    check(snapshot, weights)
    assert {"hub/info", "hub/tree", "cdn/model.bin"} <= {request.where for request in hub.requests}


def test_a_token_stays_at_the_hub(hub: Hub, tmp_path: Path) -> None:
    hub.add_repo("owner/gated", {"model.bin": b"secret"}, gated=True)
    path = huggingface_hub.hf_hub_download(
        "owner/gated", "model.bin", endpoint=hub.endpoint, cache_dir=tmp_path, token=ADMITTED
    )
    assert Path(path).read_bytes() == b"secret"
    reported = {"authorization" in request.headers for request in hub.requests}
    at_cdn = ["authorization" in r.headers for r in hub.requests if r.where == "cdn/model.bin"]
    assert (True in reported, at_cdn) == (True, [False])


def test_branches_tags_and_commits_are_found(hub: Hub, tmp_path: Path) -> None:
    old = hub.add_repo("owner/b", {"model.bin": b"old"}, tags=["v1"])
    hub.add_repo("owner/b", {"model.bin": b"new"})
    hub.add_repo("owner/b", {"model.bin": b"pr"}, branch="refs/pr/1")
    for revision, content in {"v1": "old", old: "old", "main": "new", "refs/pr/1": "pr"}.items():
        path = huggingface_hub.hf_hub_download(
            "owner/b",
            "model.bin",
            revision=revision,
            endpoint=hub.endpoint,
            cache_dir=tmp_path,
            token=False,
        )
        assert Path(path).read_text() == content
    refs = huggingface_hub.HfApi(hub.endpoint, token=False).list_repo_refs("owner/b")
    assert [tag.target_commit for tag in refs.tags] == [old]


def test_the_api_describes_files_and_folders(hub: Hub) -> None:
    api = huggingface_hub.HfApi(hub.endpoint, token=False)
    model = next(
        file
        for file in api.model_info("owner/tiny", files_metadata=True).siblings
        if file.rfilename == "model.bin"
    )
    assert (model.size, len(model.lfs.sha256)) == (SIZE, 64)
    tree = {entry.path: entry for entry in api.list_repo_tree("owner/tiny", recursive=True)}
    assert set(tree) == {"config.json", "data", "data/words.txt", "model.bin"}
    assert tree["model.bin"].lfs.sha256 == model.lfs.sha256
    top = {entry.path for entry in api.list_repo_tree("owner/tiny", expand=True)}
    assert top == {"config.json", "data", "model.bin"}
    assert [entry.path for entry in api.list_repo_tree("owner/tiny", "data")] == ["data/words.txt"]
    reported = api.get_paths_info("owner/tiny", ["data", "model.bin", "none"])
    assert [entry.path for entry in reported] == ["data", "model.bin"]
    assert [found.id for found in api.list_models(search="tiny")] == ["owner/tiny"]
    assert api.whoami(token=ADMITTED)["name"] == "admitted"


def test_a_renamed_repository_is_followed(hub: Hub, weights: Path, tmp_path: Path) -> None:
    hub.rename("owner/tiny", "heir/tiny")
    snapshot = huggingface_hub.snapshot_download(
        "owner/tiny", endpoint=hub.endpoint, cache_dir=tmp_path, token=False
    )
    check(snapshot, weights)


def test_a_failing_tree_is_asked_again(hub: Hub, weights: Path, tmp_path: Path) -> None:
    armed = hub.faults.add("hub/tree", faults.reject(503), times=1)
    snapshot = huggingface_hub.snapshot_download(
        "owner/tiny", endpoint=hub.endpoint, cache_dir=tmp_path, token=False
    )
    check(snapshot, weights)
    assert armed.fired == 1


@pytest.mark.parametrize(
    ("repo", "revision", "name", "token", "error"),
    [
        ("owner/none", "main", "model.bin", False, "RepositoryNotFoundError"),
        ("owner/none", "main", "model.bin", STRANGER, "RepositoryNotFoundError"),
        ("owner/private", "main", "model.bin", False, "RepositoryNotFoundError"),
        ("owner/tiny", "v9", "model.bin", False, "RevisionNotFoundError"),
        ("owner/tiny", "main", "none.bin", False, "RemoteEntryNotFoundError"),
        ("owner/gated", "main", "model.bin", False, "GatedRepoError"),
        ("owner/gated", "main", "model.bin", STRANGER, "GatedRepoError"),
        ("owner/disabled", "main", "model.bin", False, "DisabledRepoError"),
        ("owner/tiny", "main", "model.bin", "hf_wrong", "HfHubHTTPError"),
    ],
)
def test_each_refusal_becomes_its_own_error(
    hub: Hub, repo: str, revision: str, name: str, token: bool | str, error: str
) -> None:
    hub.add_repo("owner/gated", {"model.bin": b"g"}, gated=True)
    hub.add_repo("owner/private", {"model.bin": b"p"}, private=True)
    hub.add_repo("owner/disabled", {"model.bin": b"d"}, disabled=True)
    url = huggingface_hub.hf_hub_url(repo, name, revision=revision, endpoint=hub.endpoint)
    with pytest.raises(errors.HfHubHTTPError) as caught:
        huggingface_hub.get_hf_file_metadata(url, token=token)
    assert type(caught.value).__name__ == error


def test_a_rate_limit_is_understood(hub: Hub) -> None:
    hub.faults.add("hub/info", faults.reject(429, rate_limit=55))
    with pytest.raises(errors.HfHubHTTPError, match="55 seconds"):
        huggingface_hub.HfApi(hub.endpoint, token=False).model_info("owner/tiny")


def test_a_xet_file_announces_its_store(hub: Hub, weights: Path) -> None:
    utils = pytest.importorskip("huggingface_hub.utils._xet")
    hub.add_repo("owner/xet", {"model.bin": weights}, xet=["model.bin"])
    url = huggingface_hub.hf_hub_url("owner/xet", "model.bin", endpoint=hub.endpoint)
    metadata = huggingface_hub.get_hf_file_metadata(url, token=False, endpoint=hub.endpoint)
    info = utils.refresh_xet_connection_info(file_data=metadata.xet_file_data, headers={})
    assert info.endpoint == f"{hub.cdn_endpoint}/cas"


def test_the_hf_program_downloads(hub: Hub, weights: Path, tmp_path: Path) -> None:
    program = Path(sys.executable).with_name("hf")
    reported = run(hub, tmp_path, str(program), "download", "owner/tiny", "--quiet")
    check(reported.removeprefix("path: ").removeprefix("path="), weights)


def test_faster_whisper_downloads(hub: Hub, weights: Path, tmp_path: Path) -> None:
    pytest.importorskip("faster_whisper")
    code = "from faster_whisper.utils import download_model; print(download_model('owner/tiny'))"
    snapshot = Path(run(hub, tmp_path, sys.executable, "-c", code))
    assert (snapshot / "model.bin").read_bytes() == weights.read_bytes()
    assert not (snapshot / "data").exists()


@pytest.mark.peer
def test_hf_transfer_downloads(hub: Hub, url: str, weights: Path, tmp_path: Path) -> None:
    pytest.importorskip("hf_transfer")
    got = tmp_path / "got"
    # In a process of its own: it would hold the GIL that the hub needs for answering.
    code = f"import hf_transfer; print(hf_transfer.download({url!r}, {str(got)!r}, 4, 65536))"
    run(hub, tmp_path, sys.executable, "-c", code)
    assert got.read_bytes() == weights.read_bytes()
    assert "bytes=0-65535" in {request.range for request in hub.requests}
