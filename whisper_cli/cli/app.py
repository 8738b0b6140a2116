"""The Typer app and `main`: the one border that turns an error into a message and an exit code."""

import contextlib
import logging
import os
import sys
import traceback
from collections.abc import Sequence

import typer

from whisper_cli import __version__
from whisper_cli.cli.commands import COMMANDS
from whisper_cli.cli.commands.completion import COMPLETE_VARIABLE
from whisper_cli.cli.help import GroupedCommand, GroupedCommands
from whisper_cli.console.console import Console
from whisper_cli.errors import ConfigError, WhisperError, known_failure
from whisper_cli.signals import CLOSED_PIPE, Stopped, stop_on_signal

EXAMPLES = """Turn speech into text, subtitles and JSON, and keep the models that do it.

\b
Examples:
  whisper-cli transcribe talk.mp3
  whisper-cli transcribe interviews/ -f srt -m small
  ffmpeg -i film.mkv -f wav - | whisper-cli transcribe - -f vtt > film.vtt
  whisper-cli pull medium
"""

# What to type where a command is called without what it needs, or with a word that it has not.
HINTS = {
    "whisper-cli config": "whisper-cli config shows every setting; config get NAME shows one",
    "whisper-cli completion": "whisper-cli completion bash (or zsh, fish)",
    "whisper-cli pull": "whisper-cli pull base; whisper-cli list --remote names all models",
}

app = typer.Typer(
    name="whisper-cli",
    help=EXAMPLES,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    rich_markup_mode=None,
    cls=GroupedCommands,
)


def _version(ctx: typer.Context, show: bool) -> None:  # noqa: FBT001 - as Typer calls it
    if show:
        ctx.obj.write(f"whisper-cli {__version__}\n")
        raise typer.Exit


@app.callback()
def _root(
    version: bool = typer.Option(  # noqa: FBT001 - its callback handles it
        False,  # noqa: FBT003
        "--version",
        help="Show the version and exit.",
        callback=_version,
        is_eager=True,
    ),
) -> None:
    """Hold the options that stand before a command."""


for panel, command in COMMANDS:
    name = command.__name__.rpartition(".")[2].rstrip("_").replace("_", "-")
    if isinstance(getattr(command, "app", None), typer.Typer):
        app.add_typer(command.app, name=name, rich_help_panel=panel)
    else:
        app.command(name, cls=GroupedCommand, rich_help_panel=panel)(command.command)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code; every error ends here."""
    arguments = list(sys.argv[1:] if argv is None else argv) or ["--help"]
    console = Console()
    console.listen(logging.INFO)
    try:
        if COMPLETE_VARIABLE in os.environ:
            typer.completion.completion_init()
        with stop_on_signal():
            code = app(arguments, prog_name="whisper-cli", standalone_mode=False, obj=console)
        return int(code or 0)
    except SystemExit as done:  # Typer leaves that way after a completion, or a closed pipe
        return int(done.code or 0) if COMPLETE_VARIABLE in os.environ else 128 + CLOSED_PIPE
    except Stopped as stop:
        return stop.exit_code
    except Exception as error:  # noqa: BLE001 - the border: what isn't ours is a bug, shown whole
        known = _known(error)
        if known is None:
            traceback.print_exc()
            return 1
        console.error(known)
        return known.exit_code
    finally:
        console.finish()
        console.leave()


def run() -> None:
    """Be the program: `main`, then out at once, whatever a decoding thread is still busy with."""
    code = main()
    for stream in filter(None, (sys.stdout, sys.stderr)):
        with contextlib.suppress(OSError):
            stream.flush()
    os._exit(code)


def _known(error: Exception) -> WhisperError | None:
    """Tell what a person can act on from a bug."""
    if isinstance(error, typer.TyperException):
        return _usage(error)
    return known_failure(error)


def _usage(error: typer.TyperException) -> ConfigError:
    """Say what Typer says of a wrong command line in the words of the house."""
    message = getattr(error, "format_message", lambda: str(error))().rstrip(".")
    context = getattr(error, "ctx", None)
    path = context.command_path if context else "whisper-cli"
    incomplete = message.startswith(("Missing argument", "No such command"))
    hint = HINTS.get(path) if incomplete else None
    return ConfigError(message[:1].lower() + message[1:], hint=hint or f"{path} --help")
