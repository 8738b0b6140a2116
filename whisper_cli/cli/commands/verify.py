"""`whisper-cli verify`."""

from typing import TYPE_CHECKING

import typer

from whisper_cli.cli import options as o
from whisper_cli.console.console import Console
from whisper_cli.errors import ModelError

if TYPE_CHECKING:
    from whisper_cli.models.store import InstalledModel


@o.options(o.PROGRESS, o.QUIET)
def command(ctx: typer.Context, models: o.AnyInstalledArg = None) -> int:
    """Check the files of the models here against their hashes.

    \b
    whisper-cli verify
    whisper-cli verify base tiny.en
    """
    from whisper_cli.models.catalog import ModelKind
    from whisper_cli.models.store import select

    console: Console = o.begin(ctx)[1]
    corrupt = [model for model in select(models or (), *ModelKind) if not _verified(model, console)]
    return ModelError.exit_code if corrupt else 0


def _verified(model: "InstalledModel", console: Console) -> bool:
    from whisper_cli.models.verify import verify

    try:
        for check in verify(model.path):
            console.progress("verify", check.file, check.done, check.total, model.name)
    except ModelError as error:
        console.finish()
        console.error(error, model.name)
        return False
    console.finish()
    console.write(f"{model.name}\tverified\n")
    return True
