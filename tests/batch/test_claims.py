"""Two runs of the same work at the same moment: one writes, the other waits."""

import multiprocessing
import threading
from multiprocessing.connection import Connection
from pathlib import Path

import pytest
import soundfile

from tests.batch.fakes import FakeEngine, jobs, noise, work
from whisper_cli.batch.claims import Claims
from whisper_cli.batch.events import JobInputProgress
from whisper_cli.batch.runner import run


def hold(file: Path, output: str, line: Connection) -> None:
    """Be another process that writes an output, until it is told to end."""
    claims = Claims(file)
    claims.take(0, "other", output)
    line.send("held")
    line.recv()


def test_a_claim_is_waited_for_until_its_process_is_gone(tmp_path, caplog):
    context = multiprocessing.get_context("spawn")
    owned, theirs = context.Pipe()
    file, output = tmp_path / "state" / "outputs.lock", str(tmp_path / "a")
    child = context.Process(target=hold, args=(file, output, theirs))
    child.start()
    assert owned.recv() == "held"
    claims, taken = Claims(file), threading.Event()
    claims.take(0, "another", f"{output}b")  # of another output, nobody waits

    def take() -> None:
        claims.take(1, "mine", output)
        taken.set()

    threading.Thread(target=take, daemon=True).start()
    assert not taken.wait(0.5)
    assert caplog.text.count("waiting until it is done") == 1
    owned.send("end")
    assert taken.wait(60)
    child.join(60)
    claims.close()


def test_a_file_that_comes_twice_is_waited_for_within_a_process_too(tmp_path):
    claims = Claims(tmp_path / "outputs.lock")
    claims.take(0, "a", str(tmp_path / "a"))
    second = threading.Thread(target=claims.take, args=(1, "a", str(tmp_path / "a")), daemon=True)
    second.start()
    second.join(0.3)
    assert second.is_alive()
    claims.leave(0)
    second.join(60)
    assert not second.is_alive()
    claims.close()


def test_where_no_lock_can_be_had_nobody_waits(tmp_path):
    (tmp_path / "file").write_text("")
    claims = Claims(tmp_path / "file" / "outputs.lock")
    claims.take(0, "a", "a")
    claims.leave(0)
    claims.close()


@pytest.mark.parametrize("kinds", ["srt", "json,srt"])
def test_a_run_leaves_what_it_claimed(tmp_path, kinds):
    remaining = jobs(noise(tmp_path / "a.wav"), output=f"{tmp_path}/out/", kinds=kinds)
    for fail in ({}, {1: KeyError("broken")}, {}):
        engine = FakeEngine(fail=fail)
        shared = work(tmp_path / "state" / "l.sqlite3", engine, overwrite=True)
        reported = [
            item for item in run(remaining, shared) if not isinstance(item, JobInputProgress)
        ]
        assert len(reported) == 1


@pytest.mark.slow
@pytest.mark.parametrize("history", ["--history", "--no-history"])
@pytest.mark.parametrize("formats", [("srt", "srt"), ("srt,vtt", "vtt")])
def test_two_equal_runs_at_once_share_the_work(start, tmp_path, jfk, tiny_en, history, formats):
    folder, out = tmp_path / "in", tmp_path / "out"
    folder.mkdir()
    sound, rate = soundfile.read(jfk)
    for number in range(6):
        soundfile.write(folder / f"{number}.wav", sound[: rate * (3 + number)], rate)
    common = ("transcribe", folder, "-m", tiny_en, "-o", f"{out}/", history)
    children = [
        start(*common, "-f", kinds, "--summary", tmp_path / f"{number}.json")
        for number, kinds in enumerate(formats)
    ]
    ends = [child.communicate(timeout=300) for child in children]
    assert [child.returncode for child in children] == [0, 0], ends
    contains = sorted(path.suffix for path in out.iterdir())
    assert contains == sorted(f".{kind}" for kind in formats[0].split(",") for _ in range(6))
