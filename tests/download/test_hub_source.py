import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fake_hub import ADMITTED, Hub, Link, faults
from tests.models.fakes import COMMIT, FILES, OTHER, fake_model, using
from whisper_cli.download.fetch import ensure, fetch
from whisper_cli.download.sources.hub import HubSource
from whisper_cli.download.types import Phase, TransferLimits
from whisper_cli.errors import ConfigError, DownloadError, ModelError
from whisper_cli.models.catalog import resolve
from whisper_cli.models.store import find, installed
from whisper_cli.models.verify import verify

BIG = FILES | {"model.bin": FILES["model.bin"] * 400}  # 4 MB: several blocks
BAD_TOKEN = "hf_wrong"
QUICK = TransferLimits(connections=2, idle_timeout=0.5, tries=1)


@pytest.fixture
def hub(cache: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """A hub that has acme/fake; the environment points at it."""
    with Hub() as hub:
        hub.add_repo("acme/fake", {**BIG, "README.md": b"not wanted"}, sha=COMMIT)
        monkeypatch.setenv("HF_ENDPOINT", hub.endpoint)
        monkeypatch.setenv("no_proxy", "*")
        yield hub


def fetch_model(name: str) -> Path:
    return ensure(resolve(name), using(HubSource(), limits=QUICK, chunk_size=1 << 20))


def test_any_repository_is_pinned_downloaded_and_published_as_main(hub: Hub, cache: Path):
    folder = fetch_model("acme/fake")
    assert folder == find(resolve("acme/fake"))
    assert folder.name == COMMIT
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == BIG
    assert [check.file for check in verify(folder) if check.digest] == sorted(BIG)
    assert [model.verified for model in installed()] == [True]


def test_a_catalogue_model_needs_no_question_about_its_files(hub: Hub, cache: Path):
    list(fetch(fake_model(BIG), using(HubSource())))
    assert {request.where.split("/")[1] for request in hub.requests} <= {
        "resolve", "resolve-cache", "model.bin",
    }  # fmt: skip
    before = len(hub.requests)
    ensure(fake_model(BIG), using(HubSource()))
    assert len(hub.requests) == before


def test_progress_grows_with_the_bytes_to_the_end(hub: Hub, cache: Path):
    hub.link = Link(total=8_000_000)
    seen = [
        progress.done
        for progress in fetch(fake_model(BIG), using(HubSource()))
        if progress.phase is Phase.download and progress.file == "model.bin"
    ]
    assert seen == sorted(seen)
    assert seen[-1] == len(BIG["model.bin"])
    assert len(set(seen)) > 4


def test_a_tag_names_a_revision_and_main_is_left_alone(hub: Hub, cache: Path):
    hub.add_repo("acme/fake", FILES, branch="next", tags=["v2"], sha=OTHER)
    main = fetch_model("acme/fake")
    assert fetch_model("acme/fake@v2").name == OTHER
    assert find(resolve("acme/fake")) == main


def test_huggingface_hub_and_faster_whisper_find_it_without_a_network(hub: Hub, cache: Path):
    from huggingface_hub import snapshot_download

    folder = fetch_model("acme/fake")
    found = snapshot_download("acme/fake", cache_dir=cache, local_files_only=True)
    code = (
        "from faster_whisper.utils import download_model\n"
        "print(download_model('acme/fake', local_files_only=True))"
    )
    output = subprocess.check_output([sys.executable, "-c", code], text=True)
    assert Path(found) == Path(output.strip()) == folder


def test_a_cdn_that_is_mute_gives_the_next_source_its_turn(hub: Hub, cache: Path):
    hub.faults.add("cdn/model.bin", faults.stall())
    with pytest.raises(DownloadError, match=r"hub: hub stalled: no byte of model\.bin"):
        fetch_model("acme/fake")
    assert find(resolve("acme/fake")) is None


@pytest.mark.parametrize(
    ("name", "code", "message"),
    [
        ("acme/missing", 4, 'no such repository: "acme/missing"'),
        ("acme/fake@v9", 4, '"acme/fake" has no revision "v9"'),
        ("acme/..fake", 4, 'no such repository: "acme/..fake"'),
        ("acme/gated", 5, '"acme/gated" is gated'),
        ("acme/other", 4, '"acme/other" is no faster-whisper model: it has no model.bin'),
    ],
)
def test_what_the_hub_does_not_give_is_said(
    hub: Hub, cache: Path, name: str, code: int, message: str
):
    hub.add_repo("acme/gated", FILES, gated=True)
    hub.add_repo("acme/other", {"config.json": b"{}", "vocabulary.json": b"[]"})
    with pytest.raises(ModelError) as caught:
        fetch_model(name)
    assert caught.value.message.startswith(message)
    assert caught.value.exit_code == code
    assert list(cache.glob("models--*")) == []


def test_a_token_opens_a_gated_model_and_stays_with_the_hub(
    hub: Hub, cache: Path, monkeypatch: pytest.MonkeyPatch
):
    hub.add_repo("acme/gated", FILES, gated=True)
    monkeypatch.setenv("HF_TOKEN", ADMITTED)
    assert fetch_model("acme/gated")
    sent = {request.where: request.headers.get("authorization") for request in hub.requests}
    assert sent["hub/resolve/model.bin"] == f"Bearer {ADMITTED}"
    assert sent["cdn/model.bin"] is None


def test_a_refused_token_is_said_and_not_shown(
    hub: Hub, cache: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("HF_TOKEN", BAD_TOKEN)
    with pytest.raises(DownloadError, match=r"127\.0\.0\.1 does not accept the token") as caught:
        fetch_model("acme/fake")
    assert "HF_TOKEN" in str(caught.value.hint)
    assert BAD_TOKEN not in caught.value.message


def test_a_mirror_without_a_catalogue_model_is_passed_over(hub: Hub, cache: Path):
    with pytest.raises(DownloadError, match=r"hub: .*: 401 Repository not found"):
        list(fetch(fake_model(repo="acme/missing"), using(HubSource())))


def test_a_login_page_instead_of_the_hub_is_passed_over(hub: Hub, cache: Path):
    hub.faults.add("hub/info", lambda request, answer: faults.text(200, "<html>log in</html>"))
    with pytest.raises(DownloadError, match=r"hub: .*/acme/fake/revision/main: no JSON"):
        fetch_model("acme/fake")


def test_a_hub_that_is_not_there_is_passed_over(cache: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("no_proxy", "*")
    with socket.create_server(("127.0.0.1", 0)) as server:
        closed = f"http://127.0.0.1:{server.getsockname()[1]}"
    with Hub() as hub:
        hub.add_repo("acme/fake", FILES, sha=COMMIT)
        assert ensure(fake_model(), using(HubSource(closed), HubSource(hub.endpoint)))


def test_a_hub_that_accepts_and_says_nothing_is_passed_over(
    cache: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("no_proxy", "*")
    with socket.create_server(("127.0.0.1", 0)) as server:
        mute = HubSource(f"http://127.0.0.1:{server.getsockname()[1]}")
        with pytest.raises(DownloadError, match=r"stalled: no byte of .* came in time"):
            list(fetch(fake_model(), using(mute, limits=QUICK)))


def test_an_endpoint_that_is_no_address_is_a_config_error(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("HF_ENDPOINT", "hf-mirror.com")
    with pytest.raises(ConfigError, match="is no address of a hub"):
        fetch_model("acme/fake")
