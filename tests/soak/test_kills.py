"""SIGKILL at any moment, again and again: what is there in the end is whole."""

import os
import random
import shutil
import signal
import subprocess
import time
from contextlib import suppress

import pytest

from tests.batch.test_apart import engine_of, texts
from tests.conftest import ROOT, clips
from tests.download.conftest import hub, pull
from tests.download.pulls import (
    FROM_HUB,
    REPO,
    WEIGHTS,
    check,
    check_nothing_published,
    weights_sent,
)
from tests.fake_hub import Link
from tests.models.fakes import cache
from tests.soak.tally import forms

__all__ = ["cache", "hub", "pull"]
WHO = ("parent", "worker", "both")
SERIES = 3  # kills, after which a batch is let end


def recordings(folder, count):
    folder.mkdir()
    names = [c["path"] for c in clips("hard_formats") if c["expect"].startswith("transcript")]
    for number, name in enumerate(names[:count]):
        source = ROOT / "tests" / "speech" / name
        shutil.copy(source, folder / f"{number}{source.suffix}")
    return folder


def kill(child, who, chance, longest):
    """Let a batch work for a moment, and kill it, its worker, or both."""
    with suppress(subprocess.TimeoutExpired):
        child.wait(chance.uniform(0.3, longest))
    worker = engine_of(child.pid) if child.poll() is None and who != "parent" else None
    if worker is not None:
        with suppress(ProcessLookupError):
            os.kill(worker, signal.SIGKILL)
    if who == "worker":
        with suppress(subprocess.TimeoutExpired):  # it starts another
            child.wait(chance.uniform(0.5, longest))
    child.kill()
    child.wait(30)


@pytest.mark.slow
@forms(2, 40)
def test_a_batch_that_is_killed(run, start, tmp_path, tally, count, tiny_en):
    """Every output is whole in the end, and says what the undisturbed one says."""
    chance, size = random.Random(6), 3 if count < 10 else 16
    folder, whole = recordings(tmp_path / "in", size), tmp_path / "whole"
    command = ("transcribe", folder, "-m", tiny_en, "-f", "srt,txt,vtt", "--no-history")
    started_at = time.monotonic()
    child = start(*command, "-o", f"{whole}/", stderr=subprocess.DEVNULL)
    assert child.wait(600) == 0
    took = time.monotonic() - started_at
    for series in range(-(-count // SERIES)):
        out = tmp_path / f"out{series}"
        for number in range(series * SERIES, min(count, (series + 1) * SERIES)):
            with tally.trial(f"kill {number}"):
                child = start(*command, "-o", f"{out}/", stderr=subprocess.DEVNULL)
                kill(child, WHO[number % 3], chance, max(1.0, took * 0.6))
                for path in out.glob("*") if out.exists() else ():
                    if path.suffix in (".srt", ".txt", ".vtt"):  # published: whole already
                        assert path.read_text("utf-8") == (whole / path.name).read_text("utf-8")
        with tally.trial(f"series {series}"):
            child = start(*command, "-o", f"{out}/", stderr=subprocess.DEVNULL)
            assert child.wait(600) == 0
            assert texts(out) == texts(whole)


@forms(3, 20)
def test_a_pull_that_is_killed(hub, start, pull, cache, tally, count):
    """Nothing can be taken for a model before it is one; the next run goes on."""
    chance = random.Random(8)
    for series in range(-(-count // SERIES)):
        for number in range(series * SERIES, min(count, (series + 1) * SERIES)):
            with tally.trial(f"kill {number}"):
                hub.link = Link(total=3_000_000)
                before, needed = weights_sent(hub), chance.randrange(len(WEIGHTS) // SERIES)
                child = start("pull", REPO, *FROM_HUB, stderr=subprocess.DEVNULL)
                while child.poll() is None and weights_sent(hub) < before + needed:
                    time.sleep(0.01)
                child.kill()
                child.wait(30)
                check_nothing_published(cache)
        with tally.trial(f"series {series}"):
            hub.link = Link()
            check(pull())
            shutil.rmtree(cache)
