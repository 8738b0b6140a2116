import threading

import pytest

from tests.download.engines import DATA, FEW, hub_with, job_for, remote_file
from tests.fake_hub import Link, faults
from whisper_cli.download.engines.registry import EngineName, choose
from whisper_cli.download.pull import merge_progress
from whisper_cli.errors import DownloadError

SMALL = b'{"small": true}' * 30


def jobs(hub, folder):
    big = job_for(folder / "big", remote_file(hub))
    small = job_for(
        folder / "small", remote_file(hub, file="config.json"), data=SMALL, name="config.json"
    )
    return big, small


def test_files_come_side_by_side_and_the_small_one_ends_first(tmp_path):
    with hub_with(link=Link(per_connection=400_000)) as hub:
        big, small = jobs(hub, tmp_path)
        reported = list(
            merge_progress(choose(EngineName.auto), [big, small], FEW, threading.Event())
        )
        assert big.part.read_bytes() == DATA
        assert small.part.read_bytes() == SMALL
        ends = [progress.file for progress in reported if progress.done == progress.total]
        assert (ends[0], ends[-1]) == ("config.json", "model.bin")


def test_the_first_error_stops_the_others(tmp_path):
    with hub_with(link=Link(per_connection=50_000)) as hub:
        hub.faults.add("*/config.json", faults.reject(404))
        with pytest.raises(DownloadError, match=r"config\.json: 404"):
            list(
                merge_progress(choose(EngineName.auto), jobs(hub, tmp_path), FEW, threading.Event())
            )
        assert not [t for t in threading.enumerate() if t.name.startswith(("pull-", "fetch-"))]


@pytest.mark.parametrize("name", EngineName)
def test_every_engine_brings_the_file(tmp_path, name):
    with hub_with() as hub:
        job, _ = jobs(hub, tmp_path)
        list(choose(name).fetch(job, FEW, threading.Event()))
        assert job.part.read_bytes() == DATA
