"""Doubtful words in colour: on a terminal, and nowhere else."""

import re
from dataclasses import replace

import pytest

from tests.formats.samples import INFO, SPEECH, written
from tests.test_terminal import on_terminal
from whisper_cli.console.console import Console
from whisper_cli.formats.registry import Format, FormatOptions, writer_for

RED, YELLOW, PLAIN = "\x1b[31m", "\x1b[33m", "\x1b[0m"


def test_a_word_is_yellow_under_the_limit_and_red_under_half_of_it():
    format_options = FormatOptions(colors=True, review_below=0.95)
    first, words = SPEECH[0], SPEECH[0].words
    unsure = replace(first, speaker="Ana", words=(words[0], replace(words[1], probability=0.4)))
    text = written(writer_for(Format.txt, format_options), INFO, [unsure, *SPEECH[1:]])
    rest = f'tal?", dijo; 1 < 2 & 3 --> 4{PLAIN}'
    assert text.splitlines()[0] == f'Ana: {YELLOW}"¿Qué{PLAIN} {RED}{rest}'
    assert text.splitlines()[2] == "世界、こんにちは。"
    assert text.count("\x1b") == 4


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, False),
        ({"FORCE_COLOR": "1"}, True),
        ({"FORCE_COLOR": "1", "NO_COLOR": "1"}, False),
        ({"FORCE_COLOR": "1", "TERM": "dumb"}, False),
    ],
)
def test_a_pipe_is_coloured_only_by_force_and_never_against_no_color(
    monkeypatch, environment, expected
):
    for name in ("NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert Console().colorful() is expected


@pytest.mark.slow
def test_text_on_a_terminal_is_coloured_and_a_file_is_not(jfk, tiny_en, tmp_path, monkeypatch):
    ask = ("transcribe", jfk, "-m", tiny_en, "--colors", "--review-below", "0.9", "-q")
    code, shown = on_terminal(*ask)
    assert code == 0
    assert f"{RED}ask{PLAIN}" in shown
    assert f"{YELLOW}And{PLAIN} so" in shown
    with (tmp_path / "out.txt").open("wb") as file:
        code, _ = on_terminal(*ask, stdout=file.fileno())
    plain = (tmp_path / "out.txt").read_text()
    assert (code, "\x1b" in plain) == (0, False)
    assert re.sub(r"\x1b\[\d+m", "", shown).split() == plain.split()
    code, _ = on_terminal(*ask, "-o", tmp_path / "named.txt")
    assert (code, (tmp_path / "named.txt").read_text()) == (0, plain)
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b[3" not in on_terminal(*ask)[1]


@pytest.mark.slow
def test_colors_by_force_reach_a_pipe_but_no_other_format(run, jfk, tiny_en, monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm-256color")
    ask = ("transcribe", jfk, "-m", tiny_en, "--colors")
    assert f"{YELLOW}ask{PLAIN}" in run(*ask).stdout
    assert "\x1b" not in run(*ask, "-f", "srt").stdout
    assert "\x1b" not in run(*ask, "--no-colors").stdout
