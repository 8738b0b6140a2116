"""`whisper-cli rm`."""

import typer

from whisper_cli.cli import options as o
from whisper_cli.console.console import Console, size


@o.options(o.QUIET)
def command(ctx: typer.Context, models: o.InstalledArg) -> None:
    """Remove models from the cache.

    Files that other models share stay.

    \b
    whisper-cli rm tiny.en
    """
    from whisper_cli.models.catalog import ModelKind
    from whisper_cli.models.store import remove, select

    console: Console = o.begin(ctx)[1]
    for model in select(models, *ModelKind):
        remove(model)
        console.info(f"removed {model.name}, {size(model.size)}")
