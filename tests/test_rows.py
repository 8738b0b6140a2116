"""What is added as a file and a row is complete: formats, sources, presets, commands."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from whisper_cli.config.loader import about
from whisper_cli.download.sources import SOURCES
from whisper_cli.formats.registry import Format
from whisper_cli.subtitles.presets import PRESETS

ROOT = Path(__file__).parents[1]
NEW_FORMAT = '''"""A cue a line."""

from whisper_cli.formats.base import CueFile

SBV = CueFile(lambda _, segment, lines: f"{segment.start},{segment.end} {'|'.join(lines)}\\n")
'''
NEW_COMMAND = '''"""A command."""


def command() -> int:
    """Say hello."""
    print("hello")
    return 0
'''
ROWS = {
    "formats/registry.py": (
        "    tsv = FormatSpec(",
        '    sbv = FormatSpec("sbv", _CUE, "text/sbv", "sbv.SBV", suffix="sub.sbv", in_api=True)\n',
    ),
    "download/sources/__init__.py": (
        '    "hub": lambda',
        '    "attic": lambda *_: IndexSource(),\n',
    ),
    "subtitles/presets.py": ('    "plain": CuePreset', '    "tiny": CuePreset(10, 1),\n'),
    "cli/commands/__init__.py": ('    ("Models", pull),', '    ("Speech", hello),\n'),
}
TALK = {
    "language": "en",
    "segments": [
        {"start": 0.0, "end": 4.0, "text": " And so my fellow Americans ask not what you can do."}
    ],
}
SERVER = """
import json, sys
from whisper_cli.choices import Task
from whisper_cli.serve import fields, requests, responses
from whisper_cli.transcript import DecodingOptions, Info, Provenance, Segment

pairs = [("model", "m"), ("response_format", "sbv")]
ask = requests.read(pairs, Task.TRANSCRIBE)
info = Info("", Provenance("", "", None, None, "", "", DecodingOptions(), ""))
_, body = responses.answer(ask, info, [Segment(0.0, 1.0, " Hello.")])
offered = fields.schema(Task.TRANSCRIBE)["properties"]["response_format"]["enum"]
print(json.dumps({"offered": offered, "body": body}))
"""


@pytest.fixture(scope="module")
def grown(tmp_path_factory):
    """Copy the package, with a file and a row more of each kind."""
    root = tmp_path_factory.mktemp("grown")
    ignored = shutil.ignore_patterns("__pycache__")
    package = shutil.copytree(ROOT / "whisper_cli", root / "whisper_cli", ignore=ignored)
    (package / "formats" / "sbv.py").write_text(NEW_FORMAT)
    (package / "cli" / "commands" / "hello.py").write_text(NEW_COMMAND)
    for name, (before, row) in ROWS.items():
        text = (package / name).read_text()
        assert text.count(before) == 1
        (package / name).write_text(text.replace(before, row + before))
    commands = package / "cli" / "commands" / "__init__.py"
    text = commands.read_text()
    commands.write_text(text.replace("    completion,\n", "    completion,\n    hello,\n"))
    (root / "talk.json").write_text(json.dumps(TALK))
    return root


def python(root: Path, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    homes = {"HOME": str(root), "XDG_STATE_HOME": str(root), "XDG_CONFIG_HOME": str(root)}
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=root,
        env=os.environ | homes | {"PYTHONPATH": str(root)} | environ,
        capture_output=True,
        text=True,
    )


def program(root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return python(root, "-m", "whisper_cli", *arguments)


def completed(root: Path, line: str) -> list[str]:
    count = str(len(line.split(" ")) - 1)
    asked = {"_WHISPER_CLI_COMPLETE": "complete_bash", "COMP_WORDS": line, "COMP_CWORD": count}
    return python(root, "-m", "whisper_cli", **asked).stdout.split()


def test_a_new_cue_format_is_shaped_by_a_new_preset(grown):
    done = program(grown, "render", "talk.json", "-f", "sbv", "--preset", "tiny", "-o", "out/")
    assert done.returncode == 0, done.stderr
    lines = (grown / "out" / "talk.sub.sbv").read_text().splitlines()
    assert len(lines) > 3
    assert all(len(line.partition(" ")[2]) <= 10 for line in lines)


def test_a_new_format_is_known_by_its_suffix(grown):
    done = program(grown, "render", "talk.json", "-o", "named.sub.sbv")
    assert done.returncode == 0
    assert (grown / "named.sub.sbv").read_text().startswith("0.0,4.0 And so")


def test_a_new_format_that_marks_no_words_refuses_to(grown):
    done = program(grown, "render", "talk.json", "-f", "sbv", "--highlight", "words")
    assert done.returncode == 2
    assert "can't be marked in sbv" in done.stderr


def test_a_new_format_does_not_share_stdout(grown):
    shutil.copy(grown / "talk.json", grown / "other.json")
    done = program(grown, "render", "talk.json", "other.json", "-f", "sbv", "-o", "-")
    assert done.returncode == 2
    assert "as sbv" in done.stderr


def test_a_new_format_is_served_as_its_row_says(grown):
    done = python(grown, "-c", SERVER)
    assert done.stderr == ""
    reported = json.loads(done.stdout)
    assert "sbv" in reported["offered"]
    assert reported["body"] == "0.0,1.0 Hello.\n"


def test_a_new_command_runs_and_is_shown(grown):
    assert program(grown, "hello").stdout == "hello\n"
    assert "Say hello." in program(grown, "--help").stdout


def test_a_new_source_is_one_that_a_pull_may_name(grown):
    done = program(grown, "pull", "base", "--source", "cellar", "--dry-run")
    assert done.returncode == 2
    assert "attic" in done.stderr


@pytest.mark.parametrize(
    ("line", "word"),
    [
        ("whisper-cli render talk.json -f srt,sb", "srt,sbv"),
        ("whisper-cli render talk.json --preset ti", "tiny"),
        ("whisper-cli pull base --source at", "attic"),
        ("whisper-cli hel", "hello"),
    ],
)
def test_each_new_row_is_completed(grown, line, word):
    assert word in completed(grown, line)


@pytest.mark.parametrize(
    ("setting", "names"),
    [
        ("highlight", [kind for kind in Format if kind.spec.highlight]),
        ("preset", PRESETS),
        ("source", SOURCES),
    ],
)
def test_the_help_names_each_row(setting, names):
    assert not set(names) - set(re.findall(r"\w+", about(setting)))
