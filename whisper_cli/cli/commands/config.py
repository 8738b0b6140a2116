"""`whisper-cli config`."""

import os
from typing import Annotated

import typer

from whisper_cli.cli import options as o
from whisper_cli.cli.help import GroupedCommand, GroupedCommands
from whisper_cli.config import loader as settings
from whisper_cli.errors import ConfigError
from whisper_cli.paths import config_path
from whisper_cli.texts import as_text

app = typer.Typer(
    help="Show or change settings, and where each value comes from.",
    cls=GroupedCommands,
    invoke_without_command=True,
    rich_markup_mode=None,
)
Key = Annotated[str, typer.Argument(help="name of a setting", autocompletion=o.complete_key)]
NewValue = Annotated[
    str, typer.Argument(metavar="VALUE", help='value of the setting; "" goes back to the default')
]


@app.callback()
def show(ctx: typer.Context, json: o.JsonOpt = False) -> None:
    """Show every setting and where its value comes from."""
    if ctx.invoked_subcommand:
        return
    values = settings.load({}, os.environ, config_path())
    if json:
        ctx.obj.write_json({v.name: {"value": v.value, "origin": v.origin} for v in values})
    else:
        rows = [(v.name, as_text(v.value), v.origin) for v in values]
        ctx.obj.table(("Setting", "Value", "From"), rows)


@app.command(cls=GroupedCommand)
def get(ctx: typer.Context, key: Key) -> None:
    """Print one setting's value."""
    for value in settings.load({}, os.environ, config_path()):
        if value.name == key.replace("-", "_"):
            ctx.obj.write(as_text(value.value) + "\n")
            return
    raise ConfigError(f'unknown key "{key}"', hint="whisper-cli config shows every key")


@app.command(name="set", cls=GroupedCommand)
def set_(ctx: typer.Context, key: Key, value: NewValue) -> None:
    """Write one setting into the configuration file, keeping its comments."""
    settings.set_value(config_path(), key.replace("-", "_"), value)
    ctx.obj.info(f"{config_path()}: {key} = {value or 'default'}")


@app.command(cls=GroupedCommand)
def path(ctx: typer.Context) -> None:
    """Print where the configuration file is, whether it exists or not."""
    ctx.obj.write(f"{config_path()}\n")
