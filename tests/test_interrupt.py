"""Signals, kills and closed pipes, on the real program with the real model."""

import fcntl
import json
import os
import signal
import struct
import subprocess
import sys
import termios
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile
import srt
import webvtt

from tests.formats.documents import read_html, read_ttml

pytestmark = pytest.mark.slow


@pytest.fixture
def long(jfk: Path, tmp_path: Path) -> Path:
    """JFK thirty times over: five and a half minutes, a cue every few seconds."""
    samples, rate = soundfile.read(jfk, dtype="float32")
    path = tmp_path / "long.wav"
    soundfile.write(path, np.tile(samples, (30, 1)), rate)
    return path


def wait_for(path: Path, text: str, seconds: float = 240) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if path.exists() and text in path.read_text():
            return
        time.sleep(0.05)
    raise TimeoutError(f"{text!r} did not appear in {path}")


def check_valid(folder: Path, *, json_text: bool) -> None:
    cues = list(srt.parse((folder / "long.srt.part").read_text(), ignore_errors=False))
    assert cues
    assert webvtt.read(str(folder / "long.vtt.part")).captions
    assert read_ttml((folder / "long.ttml.part").read_text())
    page = (folder / "long.html.part").read_text()
    assert read_html(page)
    assert page.rstrip(" ").endswith("</html>\n")
    transcript = json.loads((folder / "long.json.part").read_text())
    assert len(transcript["segments"]) >= len(cues) - 1
    assert bool(transcript["text"]) is json_text
    assert transcript["provenance"]["complete"] is False
    for line in (folder / "long.jsonl.part").read_text().splitlines():
        json.loads(line)
    assert {path.suffix for path in folder.iterdir()} == {".part", ".journal"}


@pytest.mark.parametrize(
    ("how", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGKILL, -9)]
)
def test_what_was_decoded_is_valid_on_disk_after_a_signal(
    start, long, tiny_en, tmp_path, how, code
):
    out = tmp_path / "out"
    kinds = "srt,vtt,json,jsonl,ttml,html"
    child = start("transcribe", long, "-m", tiny_en, "-f", kinds, "-o", f"{out}/")
    wait_for(out / "long.srt.part", "2\n00:")
    child.send_signal(how)
    _, stderr = child.communicate(timeout=60)
    assert child.returncode == code
    assert stderr == b""
    check_valid(out, json_text=how is not signal.SIGKILL)


def test_a_run_after_a_kill_makes_the_output_whole(run, start, long, tiny_en, tmp_path):
    out = tmp_path / "out"
    asked = ("transcribe", long, "-m", tiny_en, "-f", "srt", "-o", f"{out}/")
    child = start(*asked)
    part = out / f"{long.stem}.srt.part"
    deadline = time.monotonic() + 120
    while not (part.exists() and part.stat().st_size) and time.monotonic() < deadline:
        time.sleep(0.05)
    child.kill()
    child.wait(60)
    assert part.exists()
    assert run(*asked).code == 0
    assert [path.name for path in out.iterdir()] == [f"{long.stem}.srt"]


@pytest.mark.parametrize("kind", ["srt", "json"])
def test_a_stream_cut_by_ctrl_c_is_valid(start, long, tiny_en, kind):
    child = start("transcribe", long, "-m", tiny_en, "-f", kind)
    read = os.read(child.stdout.fileno(), 65536)
    while b"country" not in read:
        read += os.read(child.stdout.fileno(), 65536)
    child.send_signal(signal.SIGINT)
    rest, stderr = child.communicate(timeout=60)
    assert (child.returncode, stderr) == (130, b"")
    text = (read + rest).decode()
    assert json.loads(text)["text"] if kind == "json" else list(srt.parse(text))


def test_cues_come_while_decoding_and_a_closed_pipe_ends_it(start, long, tiny_en):
    child = start("transcribe", long, "-m", tiny_en, "-f", "srt")
    first = child.stdout.readline()
    assert first == b"1\n"
    assert child.poll() is None
    child.stdout.close()
    stderr = child.stderr.read()
    assert (child.wait(30), stderr) == (141, b"")


def test_ctrl_c_during_a_download_is_quiet_and_publishes_nothing(start, tmp_path, monkeypatch):
    import socket

    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{silent.getsockname()[1]}")
        monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
        child = start("pull", "tiny.en", "--source", "hub")
        connection, _ = silent.accept()
        while not connection.recv(1):  # one only tried whether there is a way here
            connection.close()
            connection, _ = silent.accept()
        with connection:
            child.send_signal(signal.SIGINT)
            out, stderr = child.communicate(timeout=60)
    assert (child.returncode, out, stderr) == (130, b"", b"")
    assert [path.name for path in (tmp_path / "hub").iterdir()] == [".whisper-cli"]


def test_a_reader_that_leaves_a_listing_is_no_error(start):
    child = start("list", "--remote", stderr=subprocess.PIPE)
    child.stdout.close()
    stderr = child.stderr.read()
    assert child.wait(60) in (0, 141)  # it may have written everything before we left
    assert stderr == b""


def test_a_reader_that_leaves_is_no_error_at_any_stage(run, start, tmp_path, jfk, tiny_en):
    reported, cues, both = (tmp_path / name for name in ("a.json", "a.srt", "both"))
    assert run("transcribe", jfk, "-m", tiny_en, "-o", reported).code == 0
    assert run("render", reported, "-o", cues).code == 0
    both.mkdir()
    for name in ("1.flac", "2.flac"):
        (both / name).symlink_to(jfk)
    batch = ("transcribe", both, "-m", tiny_en, "--no-history")
    for command in (
        (*batch, "--list-jobs"),
        (*batch, "-f", "jsonl", "-o", "-"),
        (*batch, "-f", "txt", "-o", "-", "--progress", "json"),
        ("render", reported, "-f", "vtt", "-o", "-"),
        ("check", cues, "--json"),
    ):
        child = start(*command)
        child.stdout.close()
        if "--progress" in command:
            child.stderr.close()
            assert child.wait(60) == 141
        else:
            assert (child.stderr.read(), child.wait(60)) == (b"", 141)


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_a_quiet_pipe_on_stdin_does_not_hold_up_the_end(start, tiny_en, how):
    child = start("transcribe", "-", "-m", tiny_en, "--raw", "s16le:16000:1", stdin=subprocess.PIPE)
    child.stdin.write(b"\0\1" * 30000)
    child.stdin.flush()
    while struct.unpack("i", fcntl.ioctl(child.stdin, termios.FIONREAD, bytes(4)))[0]:
        time.sleep(0.05)  # until it has read all that came
    child.send_signal(how)
    assert child.wait(60) == 128 + how
    assert child.stderr.read() == b""


def test_ctrl_c_while_the_program_loads_is_quiet(start):
    child = start("list", env=os.environ | {"PYTHONPROFILEIMPORTTIME": "1"})
    for line in child.stderr:  # each module as it is there
        if b"typer" in line:
            break
    child.send_signal(signal.SIGINT)
    _, stderr = child.communicate(timeout=60)
    assert child.returncode in (-signal.SIGINT, 130, 0)
    assert b"Traceback" not in stderr


def test_stdout_as_a_path_reaches_the_file(jfk, tiny_en, tmp_path):
    with (tmp_path / "out.txt").open("wb") as file:
        done = subprocess.run(
            [
                sys.executable,
                "-m",
                "whisper_cli",
                "transcribe",
                jfk,
                "-m",
                tiny_en,
                "-o",
                "/dev/stdout",
            ],
            stdout=file,
            stderr=subprocess.PIPE,
            check=False,
        )
    assert (done.returncode, done.stderr) == (0, b"")
    assert "country" in (tmp_path / "out.txt").read_text()
