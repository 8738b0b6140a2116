"""A batch that is killed again and again ends as one that was not: `KILLS=50 pytest -m soak`."""

import json
import os
import random
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import soundfile

from tests.batch.test_apart import engine_of
from tests.conftest import ROOT, clips

SIGNALS = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT)


@pytest.fixture(scope="module")
def recordings(tmp_path_factory: pytest.TempPathFactory, jfk: Path) -> Path:
    """Short clips, a damaged one among them, and a recording of some minutes."""
    folder = tmp_path_factory.mktemp("recordings")
    names = [c["path"] for c in clips("hard_formats") if c["expect"].startswith("transcript")]
    for number, name in enumerate(names[:10]):
        source = ROOT / "tests" / "speech" / name
        shutil.copy(source, folder / f"{number}{source.suffix}")
    (folder / "bad.mp3").write_bytes(b"no sound")
    sound, rate = soundfile.read(jfk, always_2d=True)
    parts = [part for _ in range(16) for part in (sound.mean(axis=1), np.zeros(rate))]
    soundfile.write(folder / "long.wav", np.concatenate(parts), rate)
    return folder


def texts(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text("utf-8") for path in folder.iterdir()}


@contextmanager
def small_disk(destination: Path, size: str) -> Iterator[Callable[[str], None]]:
    """Mount a disk of so many bytes, and give what makes it another size."""
    destination.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o"]
    if subprocess.run([*mount, f"size={size}", "none", destination], check=False).returncode:
        pytest.skip("mounting isn't allowed here")
    try:
        yield lambda size: subprocess.run([*mount, f"remount,size={size}", destination], check=True)
    finally:
        subprocess.run(["umount", destination], check=True)


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="mounting needs root")
def test_a_batch_goes_on_where_the_disk_was_full(run, tmp_path, recordings, tiny_en):
    arguments = ("transcribe", recordings, "-m", tiny_en, "-f", "srt,json", "--no-history")
    assert run(*arguments, "-o", f"{tmp_path}/whole/").code == 1
    out = tmp_path / "out"
    with small_disk(out, "32k") as resize:
        full = run(*arguments, "-o", f"{out}/")
        assert full.code == 1
        assert "No space left" in full.stderr
        assert len(list(out.glob("*.srt"))) < len(list((tmp_path / "whole").glob("*.srt")))
        resize("4m")
        assert run(*arguments, "-o", f"{out}/").code == 1  # the damaged one
        assert texts(out) == texts(tmp_path / "whole")


@pytest.mark.slow
@pytest.mark.soak
def test_what_is_killed_again_and_again_ends_as_what_was_not(
    run, start, tmp_path, recordings, tiny_en
):
    kills, chance = int(os.environ.get("KILLS", "4")), random.Random(3)
    out, whole = tmp_path / "out", tmp_path / "whole"
    arguments = ("transcribe", recordings, "-m", tiny_en, "-f", "srt,json", "--no-history")
    started_at = time.monotonic()
    assert run(*arguments, "-o", f"{whole}/").code == 1
    took = time.monotonic() - started_at
    published: dict[str, int] = {}
    for number in range(kills):
        child = start(*arguments, "-o", f"{out}/")
        time.sleep(chance.uniform(0.5, max(1.0, took / 2)))
        engine = engine_of(child.pid) if number % 4 == 3 else None
        if engine is not None:  # the program starts another, and is killed in its turn
            os.kill(engine, chance.choice([signal.SIGKILL, signal.SIGSEGV]))
            time.sleep(chance.uniform(0.5, 2.0))
        child.send_signal(SIGNALS[number % 3])
        child.wait(120)
        for path in out.glob("*.srt") if out.exists() else ():
            assert (
                published.setdefault(path.name, path.stat().st_mtime_ns) == path.stat().st_mtime_ns
            )
    assert run(*arguments, "-o", f"{out}/", "--summary", tmp_path / "s.json").code == 1
    assert texts(out) == texts(whole)
    summary = json.loads((tmp_path / "s.json").read_text("utf-8"))
    counts, failures = summary["counts"], [item.get("error") for item in summary["inputs"]]
    assert (counts["failed"], counts["left"]) == (1, 0), failures
    assert counts["done"] + counts["skipped"] == 11
    assert counts["skipped"] == len(published)
