"""The cache that a pull writes, as other programs read it."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from threading import Event, Thread

import pytest

from tests.conftest import MODELS, Result
from tests.download.conftest import Pull
from tests.download.pulls import FROM_HUB, REPO, WEIGHTS, check, weights_sent
from tests.fake_hub import Hub, Link
from whisper_cli.models.catalog import resolve
from whisper_cli.models.store import find


def hf(*options: str) -> str:
    program = Path(sys.executable).with_name("hf")
    done = subprocess.run([program, *options], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_hf_lists_it_finds_it_right_and_prunes_nothing_of_it(hub: Hub, pull: Pull):
    folder = check(pull())
    (listed,) = json.loads(hf("cache", "ls", "--revisions", "--json"))
    assert folder.name in json.dumps(listed)
    hf("cache", "verify", REPO, "--fail-on-extra-files")
    hf("cache", "prune", "--yes")
    check(pull())
    assert weights_sent(hub) == len(WEIGHTS)


def test_hf_prune_all_the_while_breaks_nothing(hub: Hub, pull: Pull):
    hub.add_repo("acme/other", {"config.json": b"{}"})
    hf("download", "acme/other", "--quiet")  # prune wants a cache
    hub.link = Link(total=1_500_000)
    finished = Event()

    def prune() -> None:
        while not finished.is_set():
            hf("cache", "prune", "--yes")

    pruning = Thread(target=prune)
    pruning.start()
    try:
        check(pull())
    finally:
        finished.set()
        pruning.join()
    assert weights_sent(hub) == len(WEIGHTS)
    check(pull())


def test_what_huggingface_hub_downloaded_is_taken_as_it_is(hub: Hub, pull: Pull):
    folder = hf("download", REPO, "--quiet", "--exclude", "README.md", "--exclude", "data/*")
    hub.requests.clear()
    assert pull().stdout.strip() in folder
    assert hub.requests == []


def test_a_file_whose_blob_another_tool_left_is_not_fetched(hub: Hub, pull: Pull, cache: Path):
    folder = check(pull())
    for link in folder.iterdir():
        link.unlink()
    hub.requests.clear()
    check(pull())
    assert weights_sent(hub) == 0


def test_huggingface_hub_and_faster_whisper_find_it_without_a_network(hub: Hub, pull: Pull):
    folder = check(pull())
    code = (
        "from huggingface_hub import snapshot_download\n"
        "from faster_whisper.utils import download_model\n"
        f"print(snapshot_download({REPO!r}, local_files_only=True))\n"
        f"print(download_model({REPO!r}, local_files_only=True))"
    )
    offline = {**os.environ, "HF_HUB_OFFLINE": "1"}
    reported = subprocess.check_output([sys.executable, "-c", code], env=offline, text=True)
    assert reported.splitlines() == [str(folder)] * 2


@pytest.mark.slow
def test_the_real_base_is_pulled_by_its_short_name_and_runs(
    hub: Hub,
    run: Callable[..., Result],
    jfk: Path,
    base: str,
    cache: Path,
    monkeypatch: pytest.MonkeyPatch,
):
    real = find(resolve(base))
    assert real
    assert real.is_relative_to(MODELS)
    model = resolve(base)
    hub.add_repo(model.repo or "", {path.name: path for path in real.iterdir()}, sha=model.revision)
    monkeypatch.setenv("HF_HUB_CACHE", str(cache))
    folder = Path(run("pull", base, *FROM_HUB).stdout.strip())
    assert folder == cache / "models--Systran--faster-whisper-base" / "snapshots" / real.name
    hub.requests.clear()
    code = (
        "import sys; from faster_whisper import WhisperModel\n"
        "model = WhisperModel('base', local_files_only=True, compute_type='int8')\n"
        "print(*(segment.text for segment in model.transcribe(sys.argv[1])[0]))"
    )
    reported = subprocess.check_output([sys.executable, "-c", code, jfk], text=True)
    assert "ask not what your country can do for you" in reported
    assert hub.requests == []
