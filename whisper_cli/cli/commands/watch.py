"""`whisper-cli watch`."""

from collections.abc import Generator, Iterator
from contextlib import closing
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from whisper_cli.cli import options as o
from whisper_cli.cli.commands.pull import fetch_model
from whisper_cli.console.console import Console
from whisper_cli.errors import ConfigError

if TYPE_CHECKING:
    from whisper_cli.batch.events import Outcome
    from whisper_cli.batch.targets import BatchJob
    from whisper_cli.batch.watch import Watch

Folder = Annotated[Path, typer.Argument(metavar="DIR", help="folder to watch", show_default=False)]
FAILED = o.flag(
    o.OUTPUT,
    "--failed",
    kind=Path | None,
    metavar="FOLDER",
    about="folder to move inputs to that fail; without it NAME.failed says why",
)
SETTLE = o.flag(
    o.INPUT,
    "--settle",
    kind=float,
    default=2.0,
    min=0.1,
    about="seconds without growth after which a file is complete",
)


@o.options(
    o.OUTPUT_PATH,
    o.FORMAT,
    o.NAME_OPTIONS,
    o.CUE_OPTIONS,
    o.SPEAKER_OPTIONS,
    o.TEXT_OPTIONS,
    FAILED,
    SETTLE,
    o.HISTORY,
    o.DECODING_OPTIONS,
    o.AUDIO_OPTIONS,
    o.MACHINE_OPTIONS,
    o.OFFLINE,
    o.SOURCE,
    o.PROGRESS,
    o.MESSAGE_OPTIONS,
    o.LOG_JSON,
)
def command(
    ctx: typer.Context, folder: Folder, *, output: str | None, failed: Path | None, settle: float
) -> int:
    """Transcribe files as they come into a folder, until Ctrl-C.

    The model stays loaded. A file is read once it has stopped growing. What is done is not done
    again after a restart.

    \b
    whisper-cli watch recordings/ -o transcripts/ -f srt
    whisper-cli watch inbox/ -o done/ -f txt,json --failed broken/
    whisper-cli watch films/ -f srt --preset netflix --highlight words
    """
    from functools import partial

    from whisper_cli.batch.request import RunFlags, RunRequest
    from whisper_cli.batch.supervisor import run_in_process
    from whisper_cli.batch.targets import NameOptions, check_highlight, plan
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
    name_options = NameOptions.of(settings.name, chosen, settings.language)
    folder_pattern = f"{output}/" if output else None
    kinds = settings.format
    check_highlight(frozenset(kinds), ctx.params["highlight"])
    plan_jobs = partial(
        plan, output=folder_pattern, requested=kinds, default=kinds, name_options=name_options
    )
    fetch = partial(fetch_model, settings=settings, console=console)
    order = RunRequest(chosen, settings, RunFlags(formats=frozenset(kinds)))
    jobs: dict[int, BatchJob] = {}
    watch = Watch(folder, plan_jobs, settle)
    console.info(f"watching {folder}")
    job_stream = in_background(lambda: _with_jobs(watch, jobs))
    outcomes = run_in_process(job_stream, order, fetch_model=fetch, write=console.write)
    return _report(outcomes, jobs, console, watch, failed)


def _with_jobs(watch: "Watch", jobs: "dict[int, BatchJob]") -> "Iterator[BatchJob]":
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
    from whisper_cli.batch.events import InputDone, InputError, JobInputProgress
    from whisper_cli.batch.watch import clear_mark, note_failure
    from whisper_cli.cli.commands.transcribe import tell

    with closing(outcomes):
        for outcome in outcomes:
            match outcome:
                case JobInputProgress(_, source, seconds, total):
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
