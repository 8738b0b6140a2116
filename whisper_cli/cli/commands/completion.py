"""`whisper-cli completion`."""

from typing import Annotated

import typer

from whisper_cli.cli import options as o
from whisper_cli.errors import ConfigError, OutputError

COMPLETE_VARIABLE = "_WHISPER_CLI_COMPLETE"  # the variable by which a shell asks the program

SHELLS = ("bash", "zsh", "fish")
Shell = Annotated[
    str,
    typer.Argument(
        metavar=f"[{'|'.join(SHELLS)}]",
        show_default=False,
        help="shell that is to complete",
        autocompletion=o.one_of(SHELLS),
    ),
]
INSTALL = o.flag("Options", "--install", about="set it up for this user instead of showing it")


@o.options(INSTALL)
def command(ctx: typer.Context, shell: Shell, *, install: bool) -> None:
    """Print or install the completion script of a shell.

    \b
    source <(whisper-cli completion bash)
    whisper-cli completion zsh --install
    """
    from typer import completion

    if shell not in SHELLS:
        raise ConfigError(f'no completion for "{shell}"', hint="bash, zsh or fish")
    if install:
        try:
            _, path = completion.install(shell, "whisper-cli", COMPLETE_VARIABLE)
        except (OSError, RuntimeError) as error:  # RuntimeError: there is no home
            hint = f"whisper-cli completion {shell} shows it, to be put elsewhere"
            raise OutputError(f"can't install it: {error}", hint=hint) from error
        ctx.obj.info(f"{path} is set up; open a new terminal to use it")
    else:
        ctx.obj.write(script(shell))


def script(shell: str) -> str:
    """Generate the completion script of one shell."""
    from typer.completion import get_completion_script

    text = get_completion_script(
        prog_name="whisper-cli", complete_var=COMPLETE_VARIABLE, shell=shell
    )
    return text.strip() + "\n"
