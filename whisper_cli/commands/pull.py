"""`whisper-cli pull`."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from whisper_cli import options as o
from whisper_cli.console import Console
from whisper_cli.errors import ConfigError
from whisper_cli.settings import Settings

if TYPE_CHECKING:
    from whisper_cli.download.progress import Progress
    from whisper_cli.download.sources import ModelSource
    from whisper_cli.models.catalog import Model

Force = Annotated[bool, typer.Option("--force", help="Fetch again what is there already.")]


def command(
    ctx: typer.Context,
    models: o.ModelsArg,
    source: o.SourceOpt = None,
    force: Force = False,
    progress: o.ProgressOpt = None,
    quiet: o.QuietOpt = False,
    verbose: o.VerboseOpt = False,
) -> None:
    """Download models, verify them, and print the folder of each.

    A model that is here already is not fetched again.

    \b
    whisper-cli pull medium
    whisper-cli pull tiny.en large-v3 Systran/faster-whisper-small
    """
    from whisper_cli.models.catalog import resolve

    settings, console = o.begin(ctx)
    for model in [resolve(name) for name in models]:
        console.write(f"{bring(model, settings, console, force=force)}\n")


def bring(model: "Model", settings: Settings, console: Console, *, force: bool = False) -> Path:
    """Give the folder of a model, pulled first where it isn't here, and show how that goes."""
    from whisper_cli.download.fetch import ensure

    def show(events: "Iterator[Progress]") -> None:
        for event in events:
            console.progress(event.phase, event.file, event.done, event.total, event.source)
        console.finish()

    return ensure(
        model, sources=_sources(settings), offline=settings.offline, force=force, show=show
    )


def _sources(settings: Settings) -> "list[ModelSource]":
    from whisper_cli.download.sources import SOURCES

    for name in settings.source:
        if name not in SOURCES:
            raise ConfigError(f'no source is called "{name}"', hint=f"one of: {', '.join(SOURCES)}")
    return [SOURCES[name]() for name in settings.source]
