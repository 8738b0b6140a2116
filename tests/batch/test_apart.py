"""A batch whose process dies: by real signals, over real clips and the real engine."""

import json
import os
import shutil
import signal
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile

from tests.conftest import ROOT
from whisper_cli.batch.supervisor import _Stdout


def engine_of(pid: int) -> int | None:
    """Find the process that works for the program; None where there is none now."""
    for child in Path(f"/proc/{pid}/task/{pid}/children").read_text("ascii").split():
        try:
            command = Path(f"/proc/{child}/cmdline").read_bytes()
        except OSError:
            continue
        if b"spawn_main" in command:
            return int(child)
    return None


@pytest.fixture(scope="module")
def recordings(tmp_path_factory: pytest.TempPathFactory, jfk: Path) -> Path:
    """Give two short clips and, between them, a recording of some minutes."""
    folder = tmp_path_factory.mktemp("recordings")
    shutil.copy(jfk, folder / "a.flac")
    shutil.copy(ROOT / "tests/speech/hard_formats/jfk.ogg", folder / "c.ogg")
    sound, rate = soundfile.read(jfk, always_2d=True)
    parts = [part for _ in range(12) for part in (sound.mean(axis=1), np.zeros(rate))]
    soundfile.write(folder / "b.wav", np.concatenate(parts), rate)
    return folder


def kill_while(child, journal: Path, number: int, times: int) -> int:
    """Kill the engine's process while the journal grows, so many times; say how often it was."""
    killed = lines = 0
    end = time.monotonic() + 240
    while child.poll() is None and time.monotonic() < end:
        reported = journal.read_bytes().count(b"\n") if journal.exists() else 0
        pid = engine_of(child.pid)
        if killed < times and pid is not None and reported > lines + 2:
            os.kill(pid, number)
            killed, lines = killed + 1, reported
        time.sleep(0.01)
    return killed


def texts(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text("utf-8") for path in folder.iterdir()}


@pytest.mark.slow
def test_a_crash_of_the_engine_is_gone_on_from(run, start, tmp_path, recordings, tiny_en):
    out, whole = tmp_path / "out", tmp_path / "whole"
    arguments = ("transcribe", recordings, "-m", tiny_en, "-f", "srt", "--no-history")
    assert run(*arguments, "-o", f"{whole}/").code == 0
    child = start(*arguments, "-o", f"{out}/")
    assert kill_while(child, out / "b.srt.journal", signal.SIGSEGV, 1) == 1
    assert child.wait(240) == 0
    assert b"was ended by SIGSEGV; it is started again" in child.stderr.read()
    assert texts(out) == texts(whole)


@pytest.mark.slow
def test_an_input_that_kills_two_processes_is_left_and_the_others_go_on(
    run, start, tmp_path, recordings, tiny_en
):
    out, reported = tmp_path / "out", tmp_path / "summary.json"
    arguments = ("transcribe", recordings, "-m", tiny_en, "-f", "srt", "--no-history")
    child = start(*arguments, "-o", f"{out}/", "--summary", reported)
    assert kill_while(child, out / "b.srt.journal", signal.SIGKILL, 2) == 2
    assert child.wait(240) == 1
    assert b"b.wav" in child.stderr.read()
    entries = {Path(e["input"]).name: e for e in json.loads(reported.read_text("utf-8"))["inputs"]}
    assert {name: item["status"] for name, item in entries.items()} == {
        "a.flac": "done",
        "b.wav": "failed",
        "c.ogg": "done",
    }
    assert entries["b.wav"]["error"]["class"] == "EngineError"
    assert "SIGKILL twice" in entries["b.wav"]["error"]["message"]
    again = run(*arguments, "-o", f"{out}/")
    assert again.code == 0
    assert sorted(path.name for path in out.iterdir()) == ["a.srt", "b.srt", "c.srt"]


@pytest.mark.slow
def test_what_was_written_to_stdout_before_a_crash_is_not_written_twice(
    run, start, tmp_path, recordings, tiny_en
):
    arguments = ("transcribe", recordings, "-m", tiny_en, "-f", "jsonl", "-o", "-", "--no-history")
    whole = run(*arguments)
    with (tmp_path / "out").open("wb") as out:
        child = start(*arguments, stdout=out)
        end = time.monotonic() + 240
        while (tmp_path / "out").read_bytes().count(b"\n") < 8 and time.monotonic() < end:
            time.sleep(0.01)
        os.kill(engine_of(child.pid) or 0, signal.SIGKILL)
        assert child.wait(240) == 0
    assert (tmp_path / "out").read_text("utf-8") == whole.stdout


@pytest.mark.slow
@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGKILL, -9)])
def test_the_engine_ends_with_the_program(start, tmp_path, recordings, tiny_en, number, code):
    child = start("transcribe", recordings, "-m", tiny_en, "-f", "srt", "-o", f"{tmp_path}/")
    end = time.monotonic() + 240
    while not list(tmp_path.glob("*.journal")) and time.monotonic() < end:
        time.sleep(0.02)
    pid = engine_of(child.pid)
    child.send_signal(number)
    assert child.wait(120) == code
    while Path(f"/proc/{pid}").exists() and time.monotonic() < end:
        time.sleep(0.02)
    assert not Path(f"/proc/{pid}").exists()


def test_only_what_is_new_is_written_of_an_input_that_is_tried_again():
    written: list[str] = []
    stdout = _Stdout(written.append)
    stdout.write("other\n")
    stdout.finish_line()
    stdout.write("one\n")
    stdout.write("two\n")
    stdout.again()
    for text in ("one\ntw", "o\nthree\n", "four\n"):
        stdout.write(text)
    assert "".join(written) == "other\none\ntwo\nthree\nfour\n"


@pytest.mark.slow
def test_a_recording_that_is_removed_while_it_is_read_fails_alone(
    start, tmp_path, recordings, tiny_en
):
    folder, out, reported = tmp_path / "in", tmp_path / "out", tmp_path / "summary.json"
    shutil.copytree(recordings, folder)
    child = start("transcribe", folder, "-m", tiny_en, "-f", "srt", "-o", f"{out}/",
        "--no-history", "--summary", reported)  # fmt: skip
    end = time.monotonic() + 120
    while not (out / "b.srt.part").exists() and time.monotonic() < end:
        time.sleep(0.01)
    (folder / "b.wav").unlink()
    _, complaints = child.communicate(timeout=300)
    entries = {Path(e["input"]).name: e for e in json.loads(reported.read_text("utf-8"))["inputs"]}
    assert [entries[name]["status"] for name in ("a.flac", "c.ogg")] == ["done", "done"]
    assert entries["b.wav"]["status"] in ("failed", "done"), complaints
    assert b"Traceback" not in complaints


@pytest.mark.slow
@pytest.mark.parametrize("bad_first", [True, False])
def test_inputs_whose_names_look_the_same_are_told_apart(run, tmp_path, jfk, tiny_en, bad_first):
    names = [tmp_path / os.fsdecode(name) for name in (b"\xfe.wav", b"\xff.wav")]
    bad, good = names if bad_first else reversed(names)
    bad.write_bytes(b"no sound")
    sound, rate = soundfile.read(jfk)
    with good.open("wb") as file:
        soundfile.write(file, sound[: 2 * rate], rate, format="WAV")
    reported = tmp_path / "summary.json"
    result = run(
        "transcribe", *names, "-m", tiny_en, "-o", f"{tmp_path}/out/", "--summary", reported
    )
    assert result.code == 1
    written = json.loads(reported.read_text("utf-8"))
    assert written["counts"] == {"done": 1, "skipped": 0, "failed": 1, "left": 0}
    assert written["inputs"][not bad_first]["status"] == "failed"
