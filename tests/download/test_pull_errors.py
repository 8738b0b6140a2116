"""What a person is told when a model can't come, and what must never be told or sent."""

import errno
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.conftest import CLOSED, Result
from tests.download.conftest import Pull
from tests.download.pulls import (
    FROM_HUB,
    MODEL,
    REPO,
    WEIGHTS,
    check,
    check_nothing_published,
    contents,
    only_until,
    weights_asked,
    weights_sent,
    work,
)
from tests.fake_hub import ADMITTED, STRANGER, Hub, Proxy, make_authority
from tests.fake_hub.messages import text

BAD_TOKEN = "hf_nobody_has_this_one"


@pytest.mark.parametrize(
    ("name", "code", "error", "hint"),
    [
        ("acme/modle", 4, 'no such repository: "acme/modle"', "needs HF_TOKEN or --token"),
        (
            "Systran/faster-whisper-tinyy",
            4,
            'no such repository: "Systran/faster-whisper-tinyy"',
            'did you mean "Systran/faster-whisper-tiny"?',
        ),
        ("acme/model@v9", 4, '"acme/model" has no revision "v9"', "/acme/model/tree/main"),
        ("acme/other", 4, '"acme/other" is no faster-whisper model: it has no', "CTranslate2"),
        ("acme/gated", 5, '"acme/gated" is gated', "ask for access at http"),
        ("acme/disabled", 5, "disabled", ""),
    ],
)
def test_what_the_hub_does_not_give_is_said(
    hub: Hub, run: Callable[..., Result], cache: Path, name: str, code: int, error: str, hint: str
):
    hub.add_repo("acme/gated", MODEL, gated=True)
    hub.add_repo("acme/disabled", MODEL, disabled=True)
    hub.add_repo("acme/other", {"config.json": b"{}"})
    result = run("pull", name, *FROM_HUB)
    assert (result.code, result.stdout) == (code, "")
    assert error in result.stderr
    assert hint in result.stderr.partition("hint: ")[2]
    check_nothing_published(cache)


@pytest.mark.parametrize("how", ["--token", "HF_TOKEN"])
@pytest.mark.parametrize("engine", ["ranges", "hf-transfer"])
def test_a_token_opens_a_gated_model_and_goes_nowhere_else(
    hub: Hub, pull: Pull, how: str, engine: str, monkeypatch: pytest.MonkeyPatch
):
    hub.add_repo(REPO, MODEL, gated=True)
    if how == "HF_TOKEN":
        monkeypatch.setenv(how, ADMITTED)
    result = pull("--engine", engine, "-v", *(["--token", ADMITTED] if how == "--token" else []))
    check(result)
    assert ADMITTED not in result.stderr
    bearers = {(r.where.partition("/")[0], r.headers.get("authorization")) for r in hub.requests}
    assert bearers == {("hub", f"Bearer {ADMITTED}"), ("cdn", None)}


@pytest.mark.parametrize(
    ("token", "message"),
    [(BAD_TOKEN, "does not accept the token"), (STRANGER, '"acme/model" is gated')],
)
def test_a_token_that_does_not_open_is_said_and_not_shown(
    hub: Hub, pull: Pull, cache: Path, token: str, message: str
):
    hub.add_repo(REPO, MODEL, gated=True)
    result = pull("--token", token, "-v")
    assert result.code == 5
    assert message in result.stderr
    assert "--token" in result.stderr.partition("hint: ")[2]
    assert token not in result.stderr
    check_nothing_published(cache)


def test_a_redirect_to_another_port_takes_no_token_along(hub: Hub, pull: Pull):
    with Hub() as other:
        other.add_repo(REPO, MODEL)
        hub.faults.add("hub/*", lambda request, _: moved(other.endpoint + request.target))
        check(pull("--token", ADMITTED))
        assert {request.headers.get("authorization") for request in hub.requests} == {
            f"Bearer {ADMITTED}"
        }
        assert {request.headers.get("authorization") for request in other.requests} == {None}


def moved(url: str):
    return text(307, headers={"Location": url})


def test_a_mirror_gets_no_token(hub: Hub, run: Callable[..., Result]):
    check(run("pull", REPO, "--source", hub.endpoint, "--token", ADMITTED))
    assert {request.headers.get("authorization") for request in hub.requests} == {None}


def test_offline_nothing_is_asked(hub: Hub, pull: Pull, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    result = pull()
    assert result.code == 4
    assert "HF_HUB_OFFLINE" in result.stderr
    assert hub.requests == []


@pytest.mark.parametrize(
    ("endpoint", "message"),
    [
        (CLOSED, "no connection to 127.0.0.1: connection refused"),
        ("http://no-such-host.invalid", "no connection to no-such-host.invalid"),
    ],
)
def test_a_hub_that_is_not_there_is_exit_5(
    pull: Pull, cache: Path, monkeypatch: pytest.MonkeyPatch, endpoint: str, message: str
):
    monkeypatch.setenv("HF_ENDPOINT", endpoint)
    monkeypatch.setenv("NO_PROXY", "*")
    result = pull()
    assert result.code == 5
    assert message in result.stderr.lower()
    assert "HF_ENDPOINT" in result.stderr.partition("hint: ")[2]
    check_nothing_published(cache)


@pytest.mark.parametrize("engine", ["ranges", "hf-transfer"])
def test_a_proxy_is_gone_through(
    hub: Hub, pull: Pull, engine: str, monkeypatch: pytest.MonkeyPatch
):
    with Proxy(credentials="me:secret") as proxy:
        through(proxy.url.replace("//", "//me:secret@"), monkeypatch)
        result = pull("--engine", engine, "-v")
        check(result)
        assert "secret" not in result.stderr
        assert len(proxy.requests) >= len(hub.requests) > 4


def test_a_proxy_that_is_not_there_or_refuses_is_named(
    hub: Hub, pull: Pull, cache: Path, monkeypatch: pytest.MonkeyPatch
):
    through(CLOSED, monkeypatch)
    result = pull()
    assert result.code == 5
    assert "127.0.0.1" in result.stderr
    with Proxy(credentials="me:secret") as proxy:
        through(proxy.url.replace("//", "//me:wrong@"), monkeypatch)
        result = pull()
        assert result.code == 5
        assert "407" in result.stderr
        assert "wrong" not in result.stderr
    check_nothing_published(cache)


def through(proxy: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    for name in ("http_proxy", "HTTP_PROXY"):
        monkeypatch.setenv(name, proxy)


@pytest.mark.skipif(not shutil.which("openssl"), reason="needs the openssl program")
@pytest.mark.parametrize("engine", ["ranges", "hf-transfer"])
def test_a_company_s_certificates_are_trusted_when_named(
    cache: Path, tmp_path: Path, pull: Pull, engine: str, monkeypatch: pytest.MonkeyPatch
):
    authority = make_authority(tmp_path)
    with Hub(authority=authority) as hub:
        hub.add_repo(REPO, MODEL)
        monkeypatch.setenv("HF_ENDPOINT", hub.endpoint)
        monkeypatch.setenv("NO_PROXY", "*")
        result = pull("--engine", engine)
        assert result.code == 5
        assert "its certificate is not trusted" in result.stderr
        assert "SSL_CERT_FILE" in result.stderr.partition("hint: ")[2]
        check_nothing_published(cache)
        monkeypatch.setenv("SSL_CERT_FILE", str(authority.ca))
        check(pull("--engine", engine))


def test_too_little_space_is_an_error_before_any_byte(
    hub: Hub, pull: Pull, cache: Path, monkeypatch: pytest.MonkeyPatch
):
    free = type("Usage", (), {"free": 50_000_000})
    with monkeypatch.context() as patched:
        patched.setattr(shutil, "disk_usage", lambda _: free)
        result = pull()
        assert result.code == 5
        assert "not enough space" in result.stderr
        assert "3 MB to fetch, 50 MB free" in result.stderr
        assert "HF_HUB_CACHE" in result.stderr.partition("hint: ")[2]
        assert not weights_asked(hub)
    check_nothing_published(cache)
    check(pull())


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Callable[[str], Path]]:
    """Mount a file system in memory with the options given."""
    mounted: list[Path] = []

    def mount(options: str) -> Path:
        folder = tmp_path / f"disk-{len(mounted)}"
        folder.mkdir()
        command = ["mount", "-t", "tmpfs", "-o", options, "none", str(folder)]
        if not shutil.which("mount") or subprocess.run(command, capture_output=True).returncode:
            pytest.skip("file systems can't be mounted here")
        mounted.append(folder)
        return folder

    yield mount
    for folder in mounted:
        subprocess.run(["umount", str(folder)], check=True)


@pytest.mark.parametrize("engine", ["ranges", "hf-transfer"])
def test_a_disk_full_in_the_middle_is_said_and_gone_on_after_it(
    hub: Hub,
    pull: Pull,
    engine: str,
    small_disk: Callable[[str], Path],
    monkeypatch: pytest.MonkeyPatch,
):
    disk = small_disk("size=4m")
    monkeypatch.setenv("HF_HUB_CACHE", str(disk / "hub"))
    monkeypatch.setattr("whisper_cli.download.plan.MARGIN", -(1 << 40))
    ballast = disk / "ballast"
    ballast.write_bytes(bytes(2_500_000))
    result = pull("--engine", engine)
    assert result.code == 5
    reported, _, hint = result.stderr.partition("hint: ")  # by who met it, the engine or the rest
    assert "the disk is full" in reported or os.strerror(errno.ENOSPC) in reported
    assert "goes on where it stopped" in hint or "what came is kept" in hint
    check_nothing_published(disk / "hub")
    ballast.unlink()
    hub.requests.clear()
    check(pull("--engine", engine))
    assert weights_sent(hub) < len(WEIGHTS)


def test_a_cache_that_cannot_be_written_is_said(
    hub: Hub,
    pull: Pull,
    small_disk: Callable[[str], Path],
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setenv("HF_HUB_CACHE", str(small_disk("size=1m,ro") / "hub"))
    result = pull()
    assert result.code == 5
    assert os.strerror(errno.EROFS) in result.stderr
    assert "a folder that you can write" in result.stderr.partition("hint: ")[2]
    assert not weights_asked(hub)


def test_a_model_in_a_cache_that_cannot_be_written_is_used(
    hub: Hub, pull: Pull, small_disk: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
):
    disk = small_disk("size=80m")
    monkeypatch.setenv("HF_HUB_CACHE", str(disk / "hub"))
    folder = check(pull())
    subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
    hub.requests.clear()
    assert pull() == Result(0, f"{folder}\n", "")
    assert hub.requests == []


def test_a_leftover_of_another_content_is_not_gone_on_with(hub: Hub, pull: Pull, cache: Path):
    hub.faults.add("cdn/model.bin", only_until(1_300_000))
    assert pull("--connections", "1").code == 5
    hub.faults.clear()
    changed = {**MODEL, "model.bin": WEIGHTS[::-1]}
    hub.add_repo(REPO, changed)
    result = pull()
    assert contents(Path(result.stdout.strip())) == changed
    assert [path.name for path in (work(cache) / "parts").glob("*")]
