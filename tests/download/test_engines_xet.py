import threading
from dataclasses import replace

from tests.download.engines import DATA, FEW, hub_with, job_for, remote_file, run
from tests.fake_hub import Hub
from whisper_cli.download.engines.xet import Xet

PATIENT = replace(FEW, idle_timeout=60.0)  # a busy machine is no stall


def test_huggingface_hub_s_own_path_brings_the_file(tmp_path, caplog):
    with hub_with() as hub:
        job = job_for(tmp_path, remote_file(hub))
        run(Xet(), job, PATIENT)
        assert job.part.read_bytes() == DATA
        assert not caplog.records
        assert all("whisper" not in r.headers.get("user-agent", "") for r in hub.requests)
        assert [path.name for path in job.part.parent.iterdir() if path.is_dir()] == []


def test_a_content_store_that_does_not_answer_is_left_for_ranges(tmp_path, caplog):
    with Hub() as hub:
        hub.add_repo("me/model", {"model.bin": DATA}, lfs=(), xet=("model.bin",))
        job = job_for(tmp_path, remote_file(hub))
        run(Xet(), job, FEW)
        assert job.part.read_bytes() == DATA
        assert "ranges go on" in caplog.text


def test_closing_stops_it_at_once(tmp_path):
    with hub_with() as hub:
        job = job_for(tmp_path, remote_file(hub))
        stream = Xet().fetch(job, PATIENT, threading.Event())
        next(stream)
        stream.close()
        assert list(job.part.parent.iterdir()) == []
