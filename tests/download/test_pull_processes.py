"""Real processes of the program: killed, interrupted, two at once."""

import json
import os
import random
import re
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.download.conftest import Pull
from tests.download.pulls import (
    CHUNK,
    FROM_HUB,
    REPO,
    WEIGHTS,
    check,
    check_nothing_published,
    weights_sent,
    work,
)
from tests.fake_hub import Hub, Link, faults
from tests.fake_hub.messages import Answer, Request

Start = Callable[..., "subprocess.Popen[bytes]"]

IN_FLIGHT = 4 * (CHUNK + (1 << 17))  # chunks, and what the hub sent and a killed client never read


@pytest.fixture
def begin(start: Start) -> Start:
    """Start a pull of the model, by the program, in small chunks."""
    return lambda *options: start("pull", REPO, *FROM_HUB, *options)


def until(hub: Hub, count: int) -> None:
    deadline = time.monotonic() + 120
    while weights_sent(hub) < count:
        assert time.monotonic() < deadline, "the download does not get on"
        time.sleep(0.02)


def until_quiet(hub: Hub) -> None:
    """Wait until nothing was sent for a second."""
    before, since = -1, time.monotonic()
    while time.monotonic() - since < 1:
        if before != (before := weights_sent(hub)):
            since = time.monotonic()
        time.sleep(0.1)


def kill(process: "subprocess.Popen[bytes]") -> None:
    process.kill()
    process.wait()


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("engine", ["ranges", "hf-transfer"])
def test_after_kill_9_the_next_run_fetches_only_what_is_missing(
    hub: Hub, begin: Start, pull: Pull, cache: Path, engine: str, seed: int
):
    hub.link = Link(total=1_000_000)
    killed = begin("--engine", engine)
    until(hub, random.Random(seed).randrange(len(WEIGHTS) // 2))
    kill(killed)
    until_quiet(hub)
    assert weights_sent(hub) < len(WEIGHTS), "it went on without its parent"
    check_nothing_published(cache)
    hub.link = Link()
    check(pull("--engine", engine))
    assert weights_sent(hub) <= len(WEIGHTS) + IN_FLIGHT


def test_kill_9_of_hf_transfer_s_own_process_costs_a_warning(hub: Hub, begin: Start, cache: Path):
    hub.link = Link(total=500_000)
    process = begin("--engine", "hf-transfer")
    until(hub, 500_000)
    for child in children(process.pid):
        os.kill(child, signal.SIGKILL)
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    assert b"warning: model.bin failed" in err
    assert (Path(out.decode().strip()) / "model.bin").read_bytes() == WEIGHTS


def children(pid: int) -> list[int]:
    threads = Path(f"/proc/{pid}/task").glob("*/children")
    found = [int(child) for thread in threads for child in thread.read_text().split()]
    assert found, "hf_transfer has no process of its own"
    return found


@pytest.mark.parametrize("stalled", [False, True])
@pytest.mark.parametrize("engine", ["ranges", "hf-transfer"])
def test_ctrl_c_ends_it_quietly_at_once_and_keeps_what_came(
    hub: Hub, begin: Start, pull: Pull, cache: Path, engine: str, stalled: bool
):
    hub.link = Link(total=300_000)
    if stalled:
        hub.faults.add("cdn/*", faults.stall(after=100_000))
    process = begin("--engine", engine)
    until(hub, 300_000)
    process.send_signal(signal.SIGINT)
    assert process.communicate(timeout=120) == (b"", b"")
    assert process.returncode == 130
    until_quiet(hub)
    assert weights_sent(hub) < len(WEIGHTS), "it went on to the end"
    check_nothing_published(cache)
    hub.faults.clear()
    hub.link = Link()
    check(pull())
    assert weights_sent(hub) <= len(WEIGHTS) + IN_FLIGHT


def test_of_two_at_once_one_pulls_and_the_other_shows_it_and_uses_it(hub: Hub, begin: Start):
    hub.link = Link(total=150_000)
    one = begin()
    until(hub, 100_000)
    two = begin("--progress", "json")
    (first, _), (second, reported) = one.communicate(timeout=120), two.communicate(timeout=120)
    assert (one.returncode, two.returncode) == (0, 0)
    assert first == second
    assert weights_sent(hub) <= len(WEIGHTS) + IN_FLIGHT  # less than for both
    assert [request.where for request in hub.requests].count("hub/info") == 1
    done = [
        line["done"]
        for line in map(json.loads, reported.splitlines())
        if line["file"] == "model.bin"
    ]
    assert len(set(done)) > 2
    assert done == sorted(done)


def test_the_one_that_waits_goes_on_when_the_other_is_killed(hub: Hub, begin: Start, cache: Path):
    hub.link = Link(total=200_000)
    one = begin()
    until(hub, 600_000)
    two = begin("--progress", "json")
    two.stderr.readline()  # it shows what the first one does
    hub.link = Link()
    kill(one)
    out, reported = two.communicate(timeout=120)
    assert two.returncode == 0, reported
    assert (Path(out.decode().strip()) / "model.bin").read_bytes() == WEIGHTS
    assert re.search(rb'"resumed": ?[1-9]', reported)
    assert weights_sent(hub) <= len(WEIGHTS) + IN_FLIGHT
    assert not work(cache).exists()


def test_two_models_do_not_wait_for_each_other(hub: Hub, begin: Start, start: Start):
    content = bytes(reversed(WEIGHTS))
    hub.add_repo(
        "acme/slow", {"config.json": b"{}", "vocabulary.txt": b"a\n", "model.bin": content}
    )

    def idle_timeout(request: Request, answer: Answer) -> Answer | None:
        slow = answer.body.content == content
        return faults.stall(after=50_000)(request, answer) if slow else None

    hub.faults.add("cdn/*", idle_timeout)
    slow = start("pull", "acme/slow", *FROM_HUB)
    until(hub, 50_000)
    quick = begin()
    quick.communicate(timeout=120)
    assert (quick.returncode, slow.poll()) == (0, None)
