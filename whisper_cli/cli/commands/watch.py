"""`whisper-cli watch`."""

from collections.abc import Generator, Iterator
from contextlib import closing
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from whisper_cli.cli import options as o
from whisper_cli.cli.commands.pull import bring
from whisper_cli.console.console import Console
from whisper_cli.errors import ConfigError

if TYPE_CHECKING:
    from whisper_cli.batch.events import Outcome
    from whisper_cli.batch.targets import BatchJob
    from whisper_cli.batch.watch import Watch

Folder = Annotated[Path, typer.Argument(metavar="DIR", help="the folder", show_default=False)]
FailedOpt = Annotated[
    Path | None,
    typer.Option(
        "--failed",
        rich_help_panel=o.OUTPUT,
        show_default=False,
        help="FOLDER to move inputs to that fail; else NAME.failed says why",
    ),
]
SettleOpt = Annotated[
    float,
    typer.Option(
        "--settle", min=0.1, rich_help_panel=o.INPUT, help="seconds without growth until it is done"
    ),
]


def command(
    ctx: typer.Context,
    folder: Folder,
    output: o.OutputOpt = None,
    format: o.FormatOpt = None,  # noqa: A002 - the flag's name
    names: o.NamingOpts = None,
    cues: o.CueOpts = None,
    voices: o.SpeakerOpts = None,
    care: o.CareOpts = None,
    failed: FailedOpt = None,
    settle: SettleOpt = 2.0,
    history: o.HistoryOpt = None,
    decoding: o.DecodingOpts = None,
    audio: o.AudioOpts = None,
    machine: o.MachineOpts = None,
    offline: o.OfflineOpt = None,
    source: o.SourceOpt = None,
    progress: o.ProgressOpt = None,
    quiet: o.QuietOpt = False,
    verbose: o.VerboseOpt = False,
    debug: o.DebugOpt = False,
    log_json: o.LogJsonOpt = False,
) -> int:
    """Transcribe what comes into a folder, until it is stopped; the model stays loaded.

    A file is taken up once it has stopped growing. What is done is not done again after a restart.

    \b
    whisper-cli watch recordings/ -o transcripts/ -f srt
    whisper-cli watch inbox/ -o done/ -f txt,json --failed broken/
    whisper-cli watch films/ -f srt --preset netflix --highlight words
    """
    from functools import partial

    from whisper_cli.batch.request import RunFlags, RunRequest
    from whisper_cli.batch.supervisor import run_supervised
    from whisper_cli.batch.targets import Naming, check_highlight, plan
    from whisper_cli.batch.watch import Watch
    from whisper_cli.iterators import in_background
    from whisper_cli.models.catalog import resolve

    settings, console = o.begin(ctx)
    if output == "-" or not folder.is_dir():
        what = "watch writes files" if output == "-" else f"{folder} is no folder"
        raise ConfigError(what, hint="whisper-cli watch DIR -o FOLDER/")
    if not isfinite(settle):
        raise ConfigError("--settle takes a number of seconds", hint="--settle 2")
    chosen = resolve(settings.model)
    naming = Naming.of(settings.name, chosen, settings.language)
    place = f"{output}/" if output else None
    kinds = settings.format
    check_highlight(frozenset(kinds), ctx.params["highlight"])
    planned = partial(plan, output=place, asked=kinds, default=kinds, naming=naming)
    fetch = partial(bring, settings=settings, console=console)
    order = RunRequest(chosen, settings, RunFlags(formats=frozenset(kinds)))
    jobs: dict[int, BatchJob] = {}
    watch = Watch(folder, planned, settle)
    console.info(f"watching {folder}")
    coming = in_background(lambda: _noted(watch, jobs))
    outcomes = run_supervised(coming, order, bring=fetch, write=console.write)
    return _report(outcomes, jobs, console, watch, failed)


def _noted(watch: "Watch", jobs: "dict[int, BatchJob]") -> "Iterator[BatchJob]":
    """Remember jobs by their numbers until they are over."""
    for number, job in enumerate(watch.jobs()):
        jobs[number] = job
        yield job


def _report(
    outcomes: "Generator[Outcome]",
    jobs: "dict[int, BatchJob]",
    console: Console,
    watch: "Watch",
    failed: Path | None,
) -> int:
    from whisper_cli.batch.events import InputDone, InputError, InputProgressed
    from whisper_cli.batch.watch import clear_mark, note_failure
    from whisper_cli.cli.commands.transcribe import tell

    with closing(outcomes):
        for outcome in outcomes:
            match outcome:
                case InputProgressed(_, source, seconds, total):
                    console.progress("transcribe", source, seconds, total, source)
                case InputDone():
                    console.finish()
                    tell(outcome, console)
                    clear_mark(jobs.pop(outcome.number))
                case InputError(number, source, error):
                    console.finish()
                    console.failure(error, source)
                    note_failure(outcome, jobs.pop(number), failed, watch.folder)
    return 0
