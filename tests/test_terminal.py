"""What a person sees, on a real pseudo-terminal: a bar on stderr, data untouched on stdout."""

import json
import os
import pty
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow


def on_terminal(*argv: str | Path, stdout: int | None = None) -> tuple[int, str]:
    """Run the program with stderr (and stdout, unless given) on a terminal; give what it showed."""
    master, slave = pty.openpty()
    environment = os.environ | {"TERM": "xterm-256color", "COLUMNS": "100"}
    child = subprocess.Popen(
        [sys.executable, "-m", "whisper_cli", *map(str, argv)],
        stdin=subprocess.DEVNULL,
        stdout=slave if stdout is None else stdout,
        stderr=slave,
        env=environment,
    )
    os.close(slave)
    shown = b""
    while True:
        try:
            data = os.read(master, 65536)
        except OSError:  # the last writer has gone
            break
        if not data:
            break
        shown += data
    os.close(master)
    return child.wait(30), shown.decode()


def test_a_name_does_not_steer_the_terminal():
    code, shown = on_terminal("transcribe", "\x1b[2J\x1b]0;title\x07.mp3", "--offline")
    assert code == 3
    assert "\x1b[2J" not in shown
    assert "title" in shown


def test_with_a_bar_on_the_terminal_the_file_gets_every_byte(jfk, tiny_en, tmp_path):
    with (tmp_path / "out.srt").open("wb") as file:
        code, shown = on_terminal(
            "transcribe", jfk, "-m", tiny_en, "-f", "srt", stdout=file.fileno()
        )
    assert code == 0
    assert "0:11" in shown  # the bar's position
    text = (tmp_path / "out.srt").read_text()
    assert text.startswith("1\n00:00:00,")
    assert "\x1b" not in text


def test_text_and_bar_share_a_terminal_without_mixing(jfk, tiny_en):
    code, shown = on_terminal("transcribe", jfk, "-m", tiny_en)
    assert code == 0
    lines = [
        line.rpartition("\x1b[2K")[2].strip() for line in shown.replace("\r\n", "\n").split("\n")
    ]
    assert any(line.startswith("And so") and "/" not in line for line in lines)
    assert any(line.startswith("ask what") for line in lines)


def test_quiet_shows_nothing_but_the_text(jfk, tiny_en):
    code, shown = on_terminal("transcribe", jfk, "-m", tiny_en, "-q")
    assert code == 0
    assert "\x1b" not in shown
    assert shown.startswith("And so")


def test_in_a_pipe_stderr_stays_empty(run, jfk, tiny_en):
    result = run("transcribe", jfk, "-m", tiny_en)
    assert (result.code, result.stderr) == (0, "")


def test_progress_json_is_one_object_a_line(run, jfk, tiny_en):
    result = run("transcribe", jfk, "-m", tiny_en, "--progress", "json")
    events = [json.loads(line) for line in result.stderr.splitlines()]
    assert events
    for event in events:
        assert {"type", "phase", "source", "done", "total", "speed", "eta"} <= set(event)
        assert (event["type"], event["phase"]) == ("progress", "transcribe")
    assert events[-1]["done"] == events[-1]["total"] == 11.0
    assert "country" in result.stdout


def test_plain_progress_is_lines(run, jfk, tiny_en):
    result = run("transcribe", jfk, "-m", tiny_en, "--progress", "plain")
    assert "transcribe" in result.stderr
    assert "100 %" in result.stderr


def test_a_failure_is_coloured_on_a_terminal_only(tmp_path):
    code, shown = on_terminal("transcribe", tmp_path / "none.wav")
    assert code == 3
    assert "error" in shown
    assert "\x1b[31m" in shown


def test_many_inputs_have_one_bar_for_the_whole(jfk, tiny_en, tmp_path):
    shutil.copy(jfk, tmp_path / "one.flac")
    shutil.copy(jfk, tmp_path / "two.flac")
    (tmp_path / "three.mp3").write_bytes(b"no sound")
    code, shown = on_terminal("transcribe", tmp_path, "-m", tiny_en, "-f", "srt")
    assert code == 1
    assert "2 done, 1 failed, 0 left" in shown
    assert "0:22/0:22" in shown
    assert "1 of 3 inputs failed" in shown
