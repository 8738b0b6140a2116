"""Help: what each option takes, in whole sentences; and options that nobody reads."""

import ast
import inspect
import re
import textwrap

import pytest
import typer

from whisper_cli.cli import options as o
from whisper_cli.cli.commands import COMMANDS
from whisper_cli.formats.registry import Format

MODULES = {module.__name__.rpartition(".")[2]: module for _, module in COMMANDS}
NAMES = [name.rstrip("_").replace("_", "-") for name in MODULES]


@pytest.mark.parametrize(
    "command", [*NAMES, "config get", "config set", "config path", ""], ids=lambda name: name or "-"
)
def test_help_says_what_each_option_takes(run, command):
    shown = run(*command.split(), "--help")
    assert shown.code == 0
    assert not re.findall(r"<\w[\w ]*>", shown.stdout)
    assert "..." not in re.sub(
        r"(INPUT|TRANSCRIPT|MODEL|FILE|,)\.\.\.|\[ARGS\]\.\.\.", "", shown.stdout
    )


@pytest.mark.parametrize(
    "shown",
    [
        "--beam-size INTEGER",
        "--vad-threshold FLOAT",
        "--json-style [native|openai|whisper]",
        "--channel [left|right|mix|N]",
        "--mode [fast|exact]",
        "--task [transcribe|translate]",
        "--name TEMPLATE",
        "--max-url-size SIZE",
        ", ".join(Format),
        "list --remote",
    ],
)
def test_types_and_choices_are_shown(run, shown):
    reported = " ".join(run("transcribe", "--help").stdout.split())
    assert shown in reported


def test_every_description_is_whole_in_80_columns(run, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    lines = run("--help").stdout.splitlines()
    for name in NAMES:
        [line] = [item for item in lines if item.startswith(f"  {name} ")]
        assert line.endswith(".")
        assert not line.endswith("...")
        assert len(line) < 80


@pytest.mark.parametrize("name", [name for name in MODULES if name != "config"])
def test_a_command_has_no_parameter_that_it_does_not_read(name):
    source = textwrap.dedent(inspect.getsource(inspect.unwrap(MODULES[name].command)))
    tree = ast.parse(source).body[0]
    assert isinstance(tree, ast.FunctionDef)
    given = {item.arg for item in (*tree.args.args, *tree.args.kwonlyargs)}
    read = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    assert given <= read


def test_a_parameter_that_no_option_gives_is_refused():
    def command(ctx: typer.Context, *, format: str, colour: str) -> None:  # noqa: A002
        raise AssertionError

    with pytest.raises(TypeError, match="no option gives colour"):
        o.options(o.FORMAT)(command)


@pytest.mark.parametrize(
    ("line", "hint"),
    [
        ("config list", "whisper-cli config shows every setting"),
        ("config show", "whisper-cli config shows every setting"),
        ("completion", "bash (or zsh, fish)"),
        ("pull", "whisper-cli list --remote"),
    ],
)
def test_what_is_missing_is_named(run, line, hint):
    result = run(*line.split())
    assert (result.code, result.stdout) == (2, "")
    assert hint in result.stderr
