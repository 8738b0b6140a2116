"""Completions: generated, shown, and right about models and formats."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent.parent / "completions"
FILES = {"bash": "whisper-cli.bash", "zsh": "_whisper-cli", "fish": "whisper-cli.fish"}


@pytest.mark.parametrize("shell", FILES)
def test_the_committed_script_is_the_generated_one(run, shell):
    shown = run("completion", shell)
    assert (shown.code, shown.stderr) == (0, "")
    assert (FOLDER / FILES[shell]).read_text() == shown.stdout


def test_an_unknown_shell_is_refused(run):
    assert run("completion", "tcsh").code == 2


def test_a_home_that_is_no_folder_is_2_with_another_way(run, tmp_path, monkeypatch):
    (tmp_path / "home").touch()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    result = run("completion", "bash", "--install")
    assert (result.code, result.stdout) == (2, "")
    assert "hint: whisper-cli completion bash" in result.stderr


def test_installing_sets_up_the_users_shell(run, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert run("completion", "bash", "--install").code == 0
    assert "whisper-cli" in "".join(path.read_text() for path in tmp_path.rglob("*.sh"))


def complete(line: str) -> list[str]:
    words = line.split(" ")
    environment = os.environ | {
        "_WHISPER_CLI_COMPLETE": "complete_bash",
        "COMP_WORDS": line,
        "COMP_CWORD": str(len(words) - 1),
    }
    done = subprocess.run(
        [sys.executable, "-m", "whisper_cli"],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == ""
    return done.stdout.split()


def test_models_formats_and_commands_are_completed():
    assert {"large-v3", "large-v3-turbo"} <= set(complete("whisper-cli pull large-"))
    assert set(complete("whisper-cli transcribe a.mp3 -f ")) >= {"srt", "vtt", "json"}
    assert complete("whisper-cli transcribe a.mp3 -f srt,vt") == ["srt,vtt"]
    assert complete("whisper-cli trans") == ["transcribe"]
    assert "--word-timestamps" in complete("whisper-cli transcribe --word")


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("transcribe a.mp3 --json-style ", {"native", "openai", "whisper"}),
        ("transcribe a.mp3 --channel ", {"left", "right", "mix"}),
        ("transcribe a.mp3 --mode ", {"fast", "exact"}),
        ("transcribe a.mp3 --speakers ", {"channels", "auto"}),
        ("watch in --progress ", {"auto", "plain", "json", "none"}),
        ("pull base --engine ", {"auto", "hf-transfer", "ranges", "xet"}),
        ("serve-lite --device ", {"auto", "cpu", "cuda"}),
        ("transcribe --vad-", {"--vad-threshold", "--vad-min-silence", "--vad-pad"}),
        ("completion ", {"bash", "zsh", "fish"}),
    ],
)
def test_choices_are_completed(line, offered):
    assert set(complete(f"whisper-cli {line}")) == offered


def test_bash_itself_completes_a_model(tmp_path):
    script = f"""
    PATH={Path(sys.executable).parent}:$PATH
    source {FOLDER / FILES["bash"]}
    COMP_WORDS=(whisper-cli pull medi) COMP_CWORD=2 COMP_LINE="whisper-cli pull medi" COMP_POINT=21
    _whisper_cli_completion whisper-cli medi pull
    printf '%s\\n' "${{COMPREPLY[@]}}"
    """
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["medium", "medium.en"]
