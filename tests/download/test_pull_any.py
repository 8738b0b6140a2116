"""Any sequence of faults and kills, by any engine: the right bytes in the end, or an error."""

import os
import subprocess
import sys
import time
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.download.pulls import (
    EXTRA,
    MODEL,
    REPO,
    WEIGHTS,
    check_nothing_published,
    contents,
    weights_sent,
    work,
)
from tests.fake_hub import Hub, Link, faults

FAULTS = st.sampled_from(
    [
        ("cdn/*", faults.cut(after=50_000)),
        ("cdn/*", faults.cut(after=50_000, reset=False)),
        ("cdn/*", faults.short(7_000)),
        ("cdn/*", faults.no_ranges()),
        ("cdn/*", faults.chunked),
        ("cdn/*", faults.corrupt(1_234_567)),
        ("cdn/*", faults.changed(bytes(len(WEIGHTS)))),
        ("cdn/*", faults.reject(500)),
        ("cdn/*", faults.reject(403)),
        ("cdn/*", faults.reject(429, retry_after=0)),
        ("cdn/*", faults.stall(after=30_000, seconds=0.5)),
        ("cdn/*", faults.slow(400_000)),
        ("hub/*", faults.reject(503)),
        ("hub/*", faults.cut(after=60)),
        ("hub/resolve/*", faults.reject(429, rate_limit=0)),
    ]
)
RUNS = st.tuples(
    st.sampled_from(["ranges", "hf-transfer"]),
    st.sampled_from(["100kB", "256KiB", "1MB"]),
    st.one_of(st.none(), st.integers(0, len(WEIGHTS))),  # killed when so much has been sent
)


@settings(max_examples=12, deadline=None)
@given(
    plan=st.lists(st.tuples(FAULTS, st.integers(1, 3), st.integers(0, 9)), max_size=3),
    runs=st.lists(RUNS, min_size=1, max_size=2),
)
def test_any_sequence_of_faults_and_kills_ends_in_the_model(tmp_path_factory, plan, runs):
    cache = tmp_path_factory.mktemp("any") / "hub"
    with Hub(link=Link(total=6_000_000)) as hub:
        hub.add_repo(REPO, MODEL | EXTRA)
        for (where, fault), times, skip in plan:
            hub.faults.add(where, fault, times=times, skip=skip)
        for engine, chunk, stop in runs:
            if pulled(hub, cache, engine, chunk, stop) != 0:
                check_nothing_published(cache)
        hub.faults.clear()
        assert pulled(hub, cache, "ranges", "256KiB", None) == 0
        (folder,) = cache.glob("models--*/snapshots/*")
        assert contents(folder) == MODEL
        assert not work(cache).exists()


def pulled(hub: Hub, cache: Path, engine: str, chunk: str, stop: int | None) -> int:
    options = ["--source", "hub", "--engine", engine, "--chunk-size", chunk, "--connections", "4"]
    process = subprocess.Popen(
        [sys.executable, "-m", "whisper_cli", "pull", REPO, *options],
        env={
            **os.environ,
            "HF_ENDPOINT": hub.endpoint,
            "HF_HUB_CACHE": str(cache),
            "NO_PROXY": "*",
        },
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    before = weights_sent(hub)
    while stop is not None and process.poll() is None and weights_sent(hub) - before < stop:
        time.sleep(0.02)
    if stop is not None:
        process.kill()
    _, reported = process.communicate(timeout=240)
    assert process.returncode in {0, 5, *([-9] if stop is not None else [])}, reported
    return process.returncode
