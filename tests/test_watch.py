"""A watched folder: files that grow, failures, restarts."""

import os
import shutil
import signal
import sys
import time

import numpy as np
import pytest
import soundfile
import srt
import typer

from tests.batch.fakes import noise
from whisper_cli.audio.sources import Inputs, Source
from whisper_cli.batch.events import InputDone, InputError
from whisper_cli.batch.targets import NameOptions, plan
from whisper_cli.batch.watch import Watch, clear_mark, note_failure
from whisper_cli.cli.app import app
from whisper_cli.cli.commands.watch import _report
from whisper_cli.config.loader import NAMES
from whisper_cli.console.console import Console
from whisper_cli.errors import AudioError
from whisper_cli.formats.registry import Format


def until(what, seconds: float = 240.0) -> None:
    """Wait for something to become true."""
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end, "it never came"
        time.sleep(0.05)


def planned(inputs: Inputs):
    kinds = (Format.srt,)
    return plan(inputs, None, kinds, kinds, NameOptions("{stem}.{ext}", "m", None))


def test_a_growing_file_is_not_ready(tmp_path):
    path, watch = tmp_path / "a.wav", Watch(tmp_path, planned, settle=0.15)
    path.write_bytes(b"x")
    assert watch._ready() == []
    time.sleep(0.2)
    path.write_bytes(b"xx")
    assert watch._ready() == []
    time.sleep(0.2)
    assert watch._ready() == [path]
    assert watch._ready() == []
    path.write_bytes(b"xxx")
    assert watch._ready() == []
    time.sleep(0.2)
    assert watch._ready() == [path]


def test_two_files_of_one_output_do_not_overwrite_each_other(tmp_path, caplog):
    watch = Watch(tmp_path, planned, settle=0.1)
    for name in ("a.mp3", "a.wav", "b.wav"):
        (tmp_path / name).write_bytes(b"x")
    jobs = watch.jobs()
    assert [next(jobs).source.name for _ in range(2)] == [
        str(tmp_path / "a.mp3"),
        str(tmp_path / "b.wav"),
    ]
    assert "a.wav is left out" in caplog.text


def test_what_is_moved_away_leaves_no_mark(tmp_path):
    path = tmp_path / "a.wav"
    path.write_bytes(b"x")
    [job] = planned(Inputs((Source(path, tmp_path),), has_folder=True))
    failed = InputError(0, str(path), AudioError("no sound", hint="record it again"))
    note_failure(failed, job, None, tmp_path)
    assert (tmp_path / "a.wav.failed").read_text(
        "utf-8"
    ) == "error: no sound\nhint: record it again\n"
    note_failure(failed, job, tmp_path / "broken", tmp_path)
    assert [item.name for item in tmp_path.iterdir()] == ["broken"]
    assert sorted(item.name for item in (tmp_path / "broken").iterdir()) == [
        "a.wav",
        "a.wav.failed",
    ]


def test_a_file_that_changes_in_work_ends_twice(tmp_path):
    [job] = planned(Inputs((Source(tmp_path / "a.wav", tmp_path),), has_folder=True))
    ends = (InputDone(number, job.source.name, (), 1.0, 1.0) for number in range(2))
    watch = Watch(tmp_path, planned)
    assert _report(ends, {0: job, 1: job}, Console(), watch, None) == 0


def test_it_has_the_flags_of_transcribe_but_for_what_is_no_folder():
    commands = typer.main.get_command(app).commands
    flags = {name: {item.name for item in commands[name].params} for name in commands}
    urls = {"allow_private_urls", "max_url_size", "max_url_time"}
    assert (flags["transcribe"] - flags["watch"]) & set(NAMES) == {*urls, "colors", "server"}


def test_what_cant_be_watched_is_a_usage_error(run, tmp_path, monkeypatch):
    assert run("watch", tmp_path / "none").code == 2
    assert run("watch", tmp_path, "-o", "-").code == 2
    assert run("watch", tmp_path, "--settle", "nan").code == 2
    unmarked = run("watch", tmp_path, "-f", "csv", "--highlight", "words")
    assert unmarked.code == 2
    assert "words can't be marked in csv" in unmarked.stderr
    monkeypatch.setitem(sys.modules, "watchfiles", None)
    missing = run("watch", tmp_path)
    assert missing.code == 2
    assert "pip install '.[watch]'" in missing.stderr


@pytest.mark.slow
def test_a_folder_is_watched_through_failures_and_restarts(start, tmp_path, jfk, tiny_en):
    messages, out, broken = tmp_path / "inbox", tmp_path / "out", tmp_path / "broken"
    (messages / "deep").mkdir(parents=True)
    arguments = ("watch", messages, "-o", out, "-f", "srt", "-m", tiny_en, "--settle", "2", "-v",
        "--max-words", "4")  # fmt: skip
    child = start(*arguments)
    whole = jfk.read_bytes()
    with (messages / "talk.flac").open("wb") as file:
        for destination in range(0, len(whole), len(whole) // 8):
            file.write(whole[destination : destination + len(whole) // 8])
            file.flush()
            time.sleep(0.2)
            assert not (out / "talk.srt").exists()
    until((out / "talk.srt").exists)
    texts = [cue.content for cue in srt.parse((out / "talk.srt").read_text("utf-8"))]
    assert max(len(text.split()) for text in texts) <= 4
    assert "ask what you can do for your country" in " ".join(" ".join(texts).split())
    (messages / "bad.mp3").write_bytes(b"no sound")
    shutil.copy(jfk, messages / "deep" / "more.flac")
    until((out / "bad.mp3.failed").exists)
    until((out / "deep" / "more.srt").exists)
    assert (out / "bad.mp3.failed").read_text("utf-8").startswith("error: ")
    child.send_signal(signal.SIGTERM)
    assert child.wait(60) == 143
    assert sorted(path.name for path in out.rglob("*") if path.is_file()) == [
        "bad.mp3.failed", "more.srt", "talk.srt",
    ]  # fmt: skip

    before = (out / "talk.srt").stat().st_mtime_ns
    again = start(*arguments, "--failed", broken)
    shutil.copy(jfk, messages / "third.flac")
    until((out / "third.srt").exists)
    assert (out / "talk.srt").stat().st_mtime_ns == before
    assert (messages / "bad.mp3").exists()  # as it failed before, and did not change
    (messages / "worse.mp3").write_bytes(b"no sound either")
    until((broken / "worse.mp3.failed").exists)
    assert not (messages / "worse.mp3").exists()
    noise(messages / "bad.wav", 1.0).rename(messages / "bad.mp3")
    until((out / "bad.srt").exists)
    until(lambda: not (out / "bad.mp3.failed").exists())
    again.send_signal(signal.SIGINT)
    assert again.wait(60) == 130


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs Unix")
@pytest.mark.parametrize("kind", ["file", "link", "pipe"])
def test_what_others_put_in_the_place_of_a_mark_is_kept(tmp_path, caplog, kind):
    path, mark, target = (tmp_path / name for name in ("a.wav", "a.wav.failed", "target"))
    path.write_bytes(b"x")
    target.write_text("error: somebody's own")
    if kind == "file":
        mark.write_text("somebody's own")
    elif kind == "link":
        mark.symlink_to(target)
    else:
        os.mkfifo(mark)
    before = mark.lstat()
    [job] = planned(Inputs((Source(path, tmp_path),), has_folder=True))
    note_failure(InputError(0, str(path), AudioError("no sound")), job, None, tmp_path)
    clear_mark(job)
    assert mark.lstat() == before
    assert target.read_text() == "error: somebody's own"
    assert "can't note the failure" in caplog.text
    assert next(Watch(tmp_path, planned)._job(path)) == job  # it counts for nothing


def test_an_input_that_failed_is_not_moved_over_another(tmp_path):
    path, to = tmp_path / "in" / "a.wav", tmp_path / "failed"
    for folder, content in ((path.parent, b"second"), (to, b"first")):
        folder.mkdir()
        (folder / "a.wav").write_bytes(content)
    [job] = planned(Inputs((Source(path, path.parent),), has_folder=True))
    note_failure(InputError(0, str(path), AudioError("no sound")), job, to, path.parent)
    assert (to / "a.wav").read_bytes() == b"first"
    assert path.read_bytes() == b"second"
    assert (path.parent / "a.wav.failed").read_text() == "error: no sound\n"


@pytest.mark.slow
def test_a_recording_that_is_removed_while_it_is_read_ends_no_watch(start, tmp_path, jfk, tiny_en):
    messages, out = tmp_path / "inbox", tmp_path / "out"
    messages.mkdir()
    sound, rate = soundfile.read(jfk, always_2d=True)
    soundfile.write(tmp_path / "long.wav", np.tile(sound, (20, 1)), rate)
    (tmp_path / "long.wav").rename(messages / "long.wav")
    child = start("watch", messages, "-o", out, "-f", "srt", "-m", tiny_en, "--settle", "0.5")
    until((out / "long.srt.part").exists, 120)
    (messages / "long.wav").unlink()
    shutil.copy(jfk, messages / "next.flac")
    until((out / "next.srt").exists, 240)
    assert child.poll() is None
    child.send_signal(signal.SIGTERM)
    assert child.wait(60) == 143


@pytest.mark.parametrize("kind", [OSError, ValueError, UnicodeError])
def test_a_file_that_cannot_be_planned_is_left_out(tmp_path, caplog, kind):
    def broken(inputs: Inputs):
        if inputs.sources[0].stem == "bad":
            raise kind("no such name")
        return planned(inputs)

    for name in ("bad.wav", "good.wav"):
        (tmp_path / name).write_bytes(b"x")
    jobs = Watch(tmp_path, broken, settle=0.1).jobs()
    assert next(jobs).source.stem == "good"
    assert "bad.wav is left out" in caplog.text


def test_a_reason_that_utf8_cannot_hold_is_noted(tmp_path):
    path = tmp_path / "a.wav"
    path.write_bytes(b"x")
    [job] = planned(Inputs((Source(path, tmp_path),), has_folder=True))
    note_failure(InputError(0, str(path), AudioError("x\udcff.srt: kept")), job, None, tmp_path)
    assert (tmp_path / "a.wav.failed").read_text("utf-8") == "error: x?.srt: kept\n"
