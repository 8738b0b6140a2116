"""Exit codes and messages: each class of failure says what, and what to do next."""

import subprocess
import sys
from pathlib import Path

import pytest

from whisper_cli.formats.registry import Format
from whisper_cli.models.catalog import names


def test_an_unknown_model_is_4_with_a_suggestion(run, jfk):
    result = run("transcribe", jfk, "-m", "smal")
    assert (result.code, result.stdout) == (4, "")
    assert 'error: no such model: "smal"' in result.stderr
    assert 'did you mean "small"?' in result.stderr


def test_an_absent_model_offline_is_4(run, jfk):
    result = run("transcribe", jfk, "-m", "tiny", "--offline")
    assert result.code == 4
    assert 'model "tiny" is not here' in result.stderr
    assert "hint: whisper-cli pull tiny" in result.stderr


@pytest.mark.parametrize(
    "name", ["zero_byte.mp3", "html_error_page.mp3", "video_without_audio.mp4", "header_only.wav"]
)
def test_what_cannot_be_heard_is_3(run, speech, name):
    result = run("transcribe", speech / "hard_corrupt" / name, "-m", "tiny.en", "--offline")
    assert (result.code, result.stdout) == (3, "")
    assert result.stderr.startswith("error: ")
    assert name in result.stderr
    assert "hint: " in result.stderr


def test_a_missing_file_is_3_before_any_model_is_needed(run, tmp_path):
    result = run("transcribe", tmp_path / "none.mp3", "-m", "tiny.en", "--offline")
    assert (result.code, result.stdout) == (3, "")
    assert "none.mp3" in result.stderr


def test_a_folder_without_audio_is_3(run, tmp_path):
    (tmp_path / "notes.txt").write_text("no sound")
    assert run("transcribe", tmp_path, "--offline").code == 3


def test_several_inputs_of_which_all_fail_are_1(run, tmp_path):
    result = run("transcribe", tmp_path / "a.mp3", tmp_path / "b.mp3", "--offline")
    assert result.code == 1
    assert "2 of 2 inputs failed" in result.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ("-f", "docx"),
        ("--task", "sing"),
        ("--language", "klingonese"),
        ("--temperature", "2"),
        ("--beam-size", "0"),
        ("--channel", "middle"),
        ("--clip", "20-10"),
        ("--raw", "s17le:16000:1"),
        ("--name", "{title}"),
        ("--device", "tpu"),
        ("--compute-type", "int3"),
        ("--source", "nowhere"),
        ("--progress", "dots"),
        ("--no-such-flag",),
        ("-f", "srt,vtt"),
        ("-o", "/nowhere/at/all/x.srt"),
        ("--language", "de", "-m", "tiny.en"),
        ("--task", "translate", "-m", "tiny.en"),
    ],
)
def test_impossible_wishes_are_2(run, jfk, arguments):
    result = run("transcribe", jfk, *arguments, "--offline")
    assert (result.code, result.stdout) == (2, "")
    assert result.stderr.startswith("error: ")


def test_an_unwritable_output_is_2(run, jfk, tmp_path):
    (tmp_path / "file").touch()
    result = run("transcribe", jfk, "-m", "tiny.en", "-o", f"{tmp_path}/file/", "--offline")
    assert result.code == 2
    assert "file" in result.stderr
    proc = run("transcribe", jfk, "-m", "tiny.en", "-o", "/proc/none/x/", "--offline")
    assert proc.code == 2


def test_an_unknown_command_and_no_input_are_2(run):
    assert run("transcrib", "x").code == 2
    missing = run("transcribe")
    assert missing.code == 2
    assert "hint: whisper-cli transcribe --help" in missing.stderr


def test_a_bug_is_shown_whole_and_is_1(run, jfk, monkeypatch):
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("whisper_cli.audio.sources.expand", broken)
    result = run("transcribe", jfk)
    assert result.code == 1
    assert "ZeroDivisionError" in result.stderr


def test_help_and_version_work_without_the_engine():
    code = (
        "import sys; from whisper_cli.cli.app import main; code = main({!r}.split());"
        "heavy = {{'numpy', 'av', 'soundfile', 'faster_whisper', 'huggingface_hub'}};"
        "print(sorted(heavy & set(sys.modules)), file=sys.stderr); sys.exit(code)"
    )
    for arguments in ("--help", "--version", "transcribe --help", "list", "config"):
        done = subprocess.run(
            [sys.executable, "-c", code.format(arguments)],
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stderr.strip().endswith("[]"), arguments


def test_python_m_is_the_program():
    done = subprocess.run(
        [sys.executable, "-m", "whisper_cli", "--version"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.startswith("whisper-cli ")


def test_no_argument_shows_the_help(run):
    result = run()
    assert result.code == 0
    assert "Examples:" in result.stdout
    for panel in ("Speech", "Models", "Setup"):
        assert panel in result.stdout


def test_the_docs_name_every_exit_code_format_and_model():
    docs = Path(__file__).parent.parent / "docs"
    codes = (docs / "reference/exit-codes.md").read_text(encoding="utf-8")
    formats = (docs / "reference/formats.md").read_text(encoding="utf-8")
    models = (docs / "guides/models.md").read_text(encoding="utf-8")
    for code in (0, 1, 2, 3, 4, 5, 6, 130, 143, 141):
        assert f"| {code} |" in codes
    for kind in Format:
        assert f"`{kind}`" in formats
    for name in names():
        assert f"`{name}`" in models


def test_a_model_that_cannot_translate_is_said_to(run, jfk):
    result = run("transcribe", jfk, "-m", "turbo", "--task", "translate", "--offline")
    assert result.code == 4
    assert "warning: large-v3-turbo was not trained to translate" in result.stderr


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-"])
def test_a_closed_stream_is_no_crash(closed, tmp_path):
    command = f"{sys.executable} -m whisper_cli transcribe {tmp_path}/none.wav {closed}"
    done = subprocess.run(command, shell=True, capture_output=True, text=True)
    assert done.returncode == 3
    assert "Traceback" not in done.stderr
    shown = subprocess.run(
        f"{sys.executable} -m whisper_cli list --remote {closed}",
        shell=True,
        capture_output=True,
        text=True,
    )
    assert shown.returncode == (2 if closed == ">&-" else 0)
    assert "Traceback" not in shown.stderr


def test_an_empty_list_is_2(run, tmp_path):
    (tmp_path / "list.txt").write_text("\n")
    result = run("transcribe", f"@{tmp_path}/list.txt")
    assert result.code == 2
    assert "names no file" in result.stderr


def test_a_folder_without_audio_does_not_harm_the_others(run, tmp_path):
    (tmp_path / "empty").mkdir()
    result = run("transcribe", tmp_path / "empty", tmp_path / "none.wav", "-o", f"{tmp_path}/out/")
    assert result.code == 1
    assert "2 of 2 inputs failed" in result.stderr


def test_a_log_reader_that_left_stops_nothing(tmp_path):
    command = f"{sys.executable} -m whisper_cli list --remote 2> /dev/full"
    assert subprocess.run(command, shell=True, stdout=subprocess.PIPE).returncode == 0
    missing = f"{sys.executable} -m whisper_cli transcribe {tmp_path}/none.wav 2> /dev/full"
    assert subprocess.run(missing, shell=True, stdout=subprocess.PIPE).returncode == 3


def test_a_full_disk_behind_the_help_is_2():
    done = subprocess.run(
        f"{sys.executable} -m whisper_cli --help > /dev/full",
        shell=True,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2
    assert "no space left" in done.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ("render", "NAME"),
        ("watch", "NAME", "-o", "x"),
        ("pull", "tiny", "--output", "NAME"),
        ("serve-lite", "--ssl-certfile", "NAME", "--ssl-keyfile", "NAME"),
    ],
)
def test_a_name_longer_than_the_system_allows_is_2(run, arguments):
    result = run(*(item.replace("NAME", "x" * 300) for item in arguments))
    assert (result.code, result.stdout) == (2, "")
    assert "file name too long" in result.stderr


def test_an_input_whose_name_is_too_long_does_not_harm_the_others(run, tmp_path):
    result = run("transcribe", "x" * 300, tmp_path / "none.mp3", "--offline")
    assert result.code == 1
    assert "2 of 2 inputs failed" in result.stderr


@pytest.mark.slow
def test_an_output_whose_name_is_too_long_does_not_harm_the_others(run, tiny_en, jfk, tmp_path):
    long = tmp_path / ("x" * 250 + ".flac")  # as .flac it can be, as .jsonl not
    long.symlink_to(jfk)
    (tmp_path / "short.wav").write_bytes((jfk.parent / "austen.wav").read_bytes())
    result = run("transcribe", tmp_path, "-m", tiny_en, "-f", "jsonl")
    assert (result.code, result.stdout) == (1, "")
    assert "File name too long" in result.stderr
    assert "--name gives a shorter name" in result.stderr
    assert (tmp_path / "short.jsonl").stat().st_size
    assert sorted(path.suffix for path in tmp_path.iterdir()) == [".flac", ".jsonl", ".wav"]


@pytest.mark.slow
def test_a_link_to_itself_is_replaced_as_an_output_and_refused_as_a_setting(
    run, tiny_en, jfk, tmp_path, monkeypatch
):
    loop = tmp_path / "loop.txt"
    loop.symlink_to(loop)
    assert run("transcribe", jfk, "-m", tiny_en, "-o", loop).code == 0
    assert "country" in loop.read_text()
    loop.unlink()
    loop.symlink_to(loop)
    monkeypatch.setenv("WHISPER_CLI_CONFIG", str(loop))
    result = run("config", "set", "model", "base")
    assert (result.code, result.stdout) == (2, "")
    assert "can't read" in result.stderr
