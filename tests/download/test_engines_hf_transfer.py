import threading
import time
from dataclasses import replace

import pytest

from tests.download.engines import (
    CHUNK,
    DATA,
    FEW,
    hub_with,
    job_for,
    on_cdn,
    remote_file,
    run,
    sent,
)
from tests.fake_hub import ADMITTED, Link, faults
from whisper_cli.download.engines.child_process import ChildProcess
from whisper_cli.download.engines.hf_transfer import HfTransfer
from whisper_cli.download.part_file import PartJournal

pytest.importorskip("hf_transfer")


@pytest.fixture
def hub():
    with hub_with() as hub:
        yield hub


def owned(hub):
    return [
        request for request in on_cdn(hub) if "whisper" in request.headers.get("user-agent", "")
    ]


def test_a_fresh_file_comes_by_hf_transfer_and_is_verified(hub, tmp_path):
    job = job_for(tmp_path, remote_file(hub, Authorization=f"Bearer {ADMITTED}"))
    progress = run(HfTransfer(), job)
    assert job.part.read_bytes() == DATA
    assert progress[-1].phase == "verify"
    assert [request.range for request in owned(hub)] == ["bytes=0-0"]
    assert not any("authorization" in request.headers for request in on_cdn(hub))
    assert len(list(job.part.parent.glob("*.hf_transfer"))) == 0


@pytest.mark.parametrize(
    "fault", [faults.cut(after=9000), faults.stall(after=9000), faults.short(5000, reported=False),
              faults.reject(500), faults.corrupt(600_000)],
)  # fmt: skip
def test_what_hf_transfer_loses_is_fetched_by_ranges(hub, tmp_path, fault, caplog):
    hub.faults.add("cdn/*", fault, times=8, skip=4)
    if "corrupt" in fault.__qualname__:
        hub.faults.clear()
        hub.faults.add("cdn/*", fault, times=1)
    job = job_for(tmp_path, remote_file(hub))
    run(HfTransfer(), job)
    assert job.part.read_bytes() == DATA


def test_a_signed_address_is_not_shown_where_it_fails(tmp_path):
    order = {
        "url": "http://127.0.0.1:9/model.bin?Signature=secret",
        "filename": str(tmp_path / "x"),
    }
    with ChildProcess("hf_transfer", {**order, "max_files": 1, "chunk_size": CHUNK}) as child:
        while child.code is None:
            time.sleep(0.01)
        said = child.error_output()
    assert "http://127.0.0.1:9/model.bin" in said
    assert "secret" not in said


def test_a_source_without_ranges_is_left_to_the_other_engine(hub, tmp_path):
    hub.faults.add("cdn/*", faults.no_ranges())
    job = job_for(tmp_path, remote_file(hub))
    run(HfTransfer(), job)
    assert job.part.read_bytes() == DATA


def test_closing_kills_it_at_once_and_ranges_go_on_from_what_came(hub, tmp_path, caplog):
    hub.link = Link(per_connection=150_000)
    job = job_for(tmp_path, remote_file(hub))
    stream = HfTransfer().fetch(job, FEW, threading.Event())
    next(progress for progress in stream if progress.done > 400_000)
    stream.close()
    there = PartJournal(job).read().total
    assert there > 400_000 - FEW.connections * CHUNK
    hub.link = Link()
    hub.requests.clear()
    run(HfTransfer(), job, replace(FEW, chunk_size=50_000))
    assert "partly here" in caplog.text
    assert job.part.read_bytes() == DATA
    assert sent(hub) < len(DATA) - there + 3 * CHUNK


def test_two_sources_or_a_rate_are_left_to_ranges(hub, tmp_path, caplog):
    job = job_for(tmp_path, remote_file(hub), remote_file(hub, "again"))
    run(HfTransfer(), job)
    assert "only one source" in caplog.text
    run(
        HfTransfer(),
        replace(job, remote_files=job.remote_files[:1]),
        replace(FEW, limit_rate=10**7),
    )
    assert "limited to a rate" in caplog.text
    assert job.part.read_bytes() == DATA
