"""Real processes killed for real, and random sequences of faults: a whole file or an error."""

import os
import random
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.download.engines import CHUNK, DATA, FEW, hub_with, job_for, remote_file, run, sent
from tests.fake_hub import Link, faults
from whisper_cli.download.engines.hf_transfer import HfTransfer
from whisper_cli.download.engines.ranges import Ranges
from whisper_cli.download.part_file import PartJournal
from whisper_cli.errors import DownloadError

ROOT = Path(__file__).parents[2]
PULL = """
import sys, threading
from pathlib import Path
from tests.download.engines import FEW, job_for
from whisper_cli.download.engines.{module} import {engine}
from whisper_cli.download.types import RemoteFile
job = job_for(Path(sys.argv[2]), RemoteFile("hub", sys.argv[1]))
for progress in {engine}().fetch(job, FEW, threading.Event()):
    print(progress.done, flush=True)
"""


def start(engine, job, folder):
    script = PULL.format(module=engine.__module__.rpartition(".")[2], engine=engine.__name__)
    command = [sys.executable, "-c", script, job.remote_files[0].url, str(folder)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE)


def kill_at(process, done):
    with process:
        for line in process.stdout:
            if int(line) >= done:
                break
        process.kill()
    assert process.returncode == -signal.SIGKILL


@pytest.mark.parametrize("seed", range(4))
def test_kill_9_costs_at_most_the_chunks_in_flight(tmp_path, seed):
    chosen = random.Random(seed)
    with hub_with(link=Link(per_connection=300_000)) as hub:
        job = job_for(tmp_path, remote_file(hub))
        kill_at(start(Ranges, job, tmp_path), chosen.randrange(len(DATA) * 8 // 10))
        there = PartJournal(job).read().total
        wait_until_quiet(hub)
        downloaded = min(sent(hub), len(DATA))
        hub.link = Link()
        hub.requests.clear()
        run(Ranges(), job)
        assert job.part.read_bytes() == DATA
        assert sent(hub) <= len(DATA) - there + FEW.connections * CHUNK
        assert downloaded - there <= FEW.connections * (CHUNK + SOCKET_BUFFERS)


SOCKET_BUFFERS = 1 << 17  # what the hub counts as sent, and a killed client never read


def wait_until_quiet(hub):
    before = -1
    while before != (before := sent(hub)):
        time.sleep(0.1)


def test_kill_9_of_hf_transfer_s_parent_ends_the_child_and_keeps_what_came(tmp_path):
    pytest.importorskip("hf_transfer")
    with hub_with(link=Link(per_connection=200_000)) as hub:
        job = job_for(tmp_path, remote_file(hub))
        kill_at(start(HfTransfer, job, tmp_path), 400_000)
        wait_until_quiet(hub)
        assert sent(hub) < len(DATA), "the child went on without its parent"
        there = PartJournal(job).read().total
        assert there >= 400_000 - FEW.connections * CHUNK
        hub.link = Link()
        hub.requests.clear()
        run(Ranges(), job)
        assert job.part.read_bytes() == DATA
        assert sent(hub) <= len(DATA) - there + FEW.connections * CHUNK


def test_kill_9_of_hf_transfer_itself_is_finished_by_ranges(tmp_path, caplog):
    pytest.importorskip("hf_transfer")
    with hub_with(link=Link(per_connection=200_000)) as hub:
        job = job_for(tmp_path, remote_file(hub))
        killed, rest = False, children(os.getpid())
        for progress in HfTransfer().fetch(job, FEW, threading.Event()):
            if progress.done > 300_000 and not killed:
                killed = True
                for child in children(os.getpid()) - rest:
                    os.kill(child, signal.SIGKILL)
        assert killed
        assert job.part.read_bytes() == DATA


def children(pid):
    path = Path(f"/proc/{pid}/task/{pid}/children")
    return {int(child) for child in path.read_text().split()}


def test_after_a_power_cut_only_what_was_synced_is_believed(tmp_path, monkeypatch):
    with hub_with() as hub:
        job = job_for(tmp_path, remote_file(hub))
        run(Ranges(), job)
        journal = PartJournal(job)
        journal.sync([(0, 300_000)])
        job.part.write_bytes(DATA[:300_000] + bytes(len(DATA) - 300_000))
        monkeypatch.setattr("whisper_cli.download.part_file._boot", lambda: "another boot")
        assert list(journal.read()) == [(0, 300_000)]
        hub.requests.clear()
        run(Ranges(), job)
        assert job.part.read_bytes() == DATA
        assert sent(hub) < len(DATA) - 300_000 + 3 * CHUNK


FAULTS = st.sampled_from(
    [
        faults.cut(after=10_000),
        faults.cut(after=40_000, reset=False),
        faults.short(5000),
        faults.short(5000, reported=True),
        faults.reject(500),
        faults.reject(429, retry_after=0),
        faults.reject(403),
        faults.no_ranges(),
        faults.chunked,
        faults.corrupt(77_777),
        faults.changed(bytes(len(DATA))),
        faults.stall(after=9000),
    ]
)


@settings(max_examples=25, deadline=None)
@given(
    plan=st.lists(st.tuples(FAULTS, st.integers(1, 3), st.integers(0, 9)), max_size=4),
    stops=st.lists(st.integers(0, len(DATA)), max_size=2),
    chunks=st.lists(st.sampled_from([20_000, CHUNK, 300_000]), min_size=3, max_size=3),
)
def test_any_sequence_of_faults_and_stops_ends_in_the_file_or_an_error_and_then_the_file(
    tmp_path_factory, plan, stops, chunks
):
    limits = replace(FEW, idle_timeout=0.3, tries=2)
    with hub_with() as hub:
        job = job_for(tmp_path_factory.mktemp("any"), remote_file(hub))
        for fault, times, skip in plan:
            hub.faults.add("cdn/*", fault, times=times, skip=skip)
        for stop, chunk in zip([*stops, None], chunks, strict=False):
            pull_until(job, stop, replace(limits, chunk_size=chunk))
        hub.faults.clear()
        run(Ranges(), job, limits)
        assert job.part.read_bytes() == DATA


def pull_until(job, stop, limits):
    stream = Ranges().fetch(job, limits, threading.Event())
    try:
        for progress in stream:
            if stop is not None and progress.done >= stop:
                break
        else:
            assert job.part.read_bytes() == DATA
    except DownloadError:
        pass  # the right one is for the other tests; here the next run must succeed
    finally:
        stream.close()
