"""`whisper-cli transcribe`."""

import os
import sys
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from whisper_cli.cli import options as o
from whisper_cli.cli.commands.pull import fetch_model
from whisper_cli.console.console import Console
from whisper_cli.errors import ConfigError, WhisperError
from whisper_cli.signals import Stopped

if TYPE_CHECKING:
    from whisper_cli.audio.sources import Inputs as Found
    from whisper_cli.batch.events import InputDone, Outcome
    from whisper_cli.batch.request import RunRequest
    from whisper_cli.batch.summary import Summary
    from whisper_cli.batch.targets import BatchJob
    from whisper_cli.config.settings import Settings
    from whisper_cli.engine.remote import ServerAddress

Inputs = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="INPUT...",
        help="audio or video files, folders, globs, @list.txt, URLs, or - for standard input",
        show_default=False,
    ),
]


@o.options(
    o.LIST_OPTIONS,
    o.URL_OPTIONS,
    o.OUTPUT_PATH,
    o.FORMAT,
    o.NAME_OPTIONS,
    o.COLORS,
    o.CUE_OPTIONS,
    o.SPEAKER_OPTIONS,
    o.TEXT_OPTIONS,
    o.OVERWRITE,
    o.RESUME,
    o.HISTORY,
    o.RUN_OPTIONS,
    o.DECODING_OPTIONS,
    o.AUDIO_OPTIONS,
    o.LIVE_OPTIONS,
    o.MACHINE_OPTIONS,
    o.SERVER,
    o.OFFLINE,
    o.SOURCE,
    o.PROGRESS,
    o.MESSAGE_OPTIONS,
    o.LOG_JSON,
)
def command(
    ctx: typer.Context,
    inputs: Inputs = None,
    *,
    stdin_list: bool,
    null: bool,
    shard: str | None,
    list_jobs: bool,
    output: str | None,
    format: list[str] | None,  # noqa: A002 - the flag's name
    overwrite: bool,
    resume: bool,
    strict: bool,
    fail_fast: bool,
    summary: Path | None,
    raw: str | None,
    live: bool,
    partials: bool,
) -> int:
    """Turn speech into text, subtitles or JSON.

    Outputs are written while the speech is decoded: of one input to standard output, of several
    or a folder beside each input.

    \b
    whisper-cli transcribe talk.mp3
    whisper-cli transcribe talk.mp3 -f srt,vtt -o subtitles/
    whisper-cli transcribe film.mkv -o film.srt --preset netflix
    whisper-cli transcribe film.mkv -o film.ass --highlight words
    whisper-cli transcribe talk.mp3 -o talk.html
    whisper-cli transcribe call.wav --speakers channels --speaker-names Alice,Bob
    whisper-cli transcribe recordings/ -f srt -m small --language de
    find . -name '*.mp3' -print0 | whisper-cli transcribe --stdin-list -0 -f vtt
    arecord -f S16_LE -r 16000 -d 9 | whisper-cli transcribe -
    """
    from whisper_cli.audio.pcm import parse_raw
    from whisper_cli.batch.request import RunFlags, RunRequest
    from whisper_cli.batch.summary import Summary, listing
    from whisper_cli.batch.targets import (
        NameOptions,
        check_highlight,
        formats_of,
        is_text_output,
        plan,
    )
    from whisper_cli.models.catalog import resolve

    settings, console = o.begin(ctx)
    found = _found(inputs or [], settings, shard, listed=stdin_list or null, nul=null)
    chosen = resolve(settings.model)
    pcm = raw.lower() if raw else None
    if pcm:
        parse_raw(pcm)
    requested = settings.format if format else None
    jobs = plan(
        found,
        output,
        requested,
        settings.format,
        NameOptions.of(settings.name, chosen, settings.language),
    )
    if partials and not all(item.tells_partials for job in jobs for item in job.targets):
        raise ConfigError("--partials are told on stdout, as JSON lines", hint="-f jsonl -o -")
    if list_jobs:
        console.write("".join(listing(jobs)))
        return 0
    formats = formats_of(jobs)
    check_highlight(formats, ctx.params["highlight"])
    colored = settings.colors and is_text_output(jobs) and console.colorful()
    flags = RunFlags(pcm, overwrite, resume, live, partials, formats, colored)
    outcomes = _outcomes(jobs, RunRequest(chosen, settings, flags), console)
    results = Summary(jobs, strict)
    with _written(results, summary):
        _report(outcomes, console, results, fail_fast=fail_fast)
    return results.exit_code


def _outcomes(
    jobs: "Sequence[BatchJob]", order: "RunRequest", console: Console
) -> "Generator[Outcome]":
    """Do the jobs: several in a process apart, where one of them can't take the others along."""
    from whisper_cli.batch.runner import run
    from whisper_cli.batch.session import session_for
    from whisper_cli.batch.supervisor import run_in_process

    model, settings, flags = order.model, order.settings, order.flags
    fetch = partial(fetch_model, settings=settings, console=console)
    server = _server(settings)
    replayable = not any(job.source.name == "-" for job in jobs)
    if len(jobs) > 1 and server is None and replayable:
        return run_in_process(iter(jobs), order, fetch_model=fetch, write=console.write)
    session = session_for(
        model, settings, flags, fetch_model=fetch, write=console.write, server=server
    )
    return run(jobs, session)


def _server(settings: "Settings") -> "ServerAddress | None":
    """Find the server that is to decode, if one is."""
    if settings.server == "never":
        return None
    from whisper_cli.engine.remote import server_for

    return server_for(settings.server, settings.mode, os.environ)


def _found(
    inputs: list[str], settings: "Settings", shard: str | None, *, listed: bool, nul: bool
) -> "Found":
    """Find the inputs. Raises ConfigError where none is named."""
    from whisper_cli.audio.sources import UrlLimits, expand, parse_shard, read_list

    if not inputs and not listed:
        raise ConfigError("missing argument 'INPUT...'", hint="whisper-cli transcribe --help")
    stdin = sys.stdin.buffer if sys.stdin else None
    part = parse_shard(shard) if shard else None
    names = read_list(stdin, nul=nul) if listed else None
    limits = UrlLimits(settings.allow_private_urls, settings.max_url_size, settings.max_url_time)
    found = expand(inputs, stdin, names, limits)
    return part.of(found) if part else found


@contextmanager
def _written(results: "Summary", path: Path | None) -> Iterator[None]:
    """Write the summary before the run, all of it left, and after it, whatever ends it."""
    code = 1
    if path is not None:
        results.write(path, None)
    try:
        yield
        code = results.exit_code
    except (Stopped, WhisperError) as error:
        code = error.exit_code
        raise
    finally:
        if path is not None:
            results.write(path, code)


def _report(
    outcomes: "Generator[Outcome]", console: Console, results: "Summary", *, fail_fast: bool
) -> None:
    """Show what a run tells, and note it."""
    from whisper_cli.batch.events import InputDone, InputError

    count = len(results.jobs)
    show = _shown(results, console)
    with closing(outcomes):
        for outcome in outcomes:
            results.add(outcome)
            show(outcome)
            match outcome:
                case InputDone():
                    tell(outcome, console)
                case InputError(_, source, error):
                    console.failure(error, "" if count == 1 else source)
                    if fail_fast:
                        break
    if results.failures and count > 1:
        names = ", ".join(failure.source for failure in results.failures)
        left = count - len(results.done)
        unfinished = f"; {left} not done" if left else ""
        failed = f"{len(results.failures)} of {count} inputs failed: {names}{unfinished}"
        console.error(WhisperError(failed))


def _shown(results: "Summary", console: Console) -> "Callable[[Outcome], None]":
    """Give what shows progress: of one input, or of many together."""
    from whisper_cli.batch.events import InputDone, InputError, JobInputProgress
    from whisper_cli.console.console import BatchProgress

    def one(outcome: "Outcome") -> None:
        if isinstance(outcome, JobInputProgress):
            name = outcome.source
            console.progress("transcribe", name, outcome.seconds, outcome.total, name)
        else:
            console.finish()

    if len(results.jobs) == 1:
        return one
    batch = BatchProgress(results.sizes())

    def many(outcome: "Outcome") -> None:
        match outcome:
            case JobInputProgress(number, source, seconds, total):
                batch.update(number, source, seconds, total)
            case InputDone(number, source):
                batch.finish(number, source, outcome.seconds, skipped=outcome.skipped)
            case InputError(number):
                batch.fail(number)
        console.batch(batch)

    return many


def tell(done: "InputDone", console: Console) -> None:
    """Say what became of an input."""
    for problem in done.warnings:
        console.warn(f"{done.source}: {problem}")
    if done.skipped:
        console.info(f"{done.source}: its outputs are up to date")
    for path in done.outputs:
        speed = done.seconds / max(done.elapsed, 1e-3)
        console.info(
            f"{path}: {done.seconds:.1f} s in {done.elapsed:.1f} s, {speed:.1f}x real time"
        )
