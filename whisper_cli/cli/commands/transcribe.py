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
from whisper_cli.cli.commands.pull import bring
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
        help="files, folders, globs, @list.txt, URLs, or - for standard input",
        show_default=False,
    ),
]


def command(
    ctx: typer.Context,
    inputs: Inputs = None,
    stdin_list: o.StdinListOpt = False,
    null: o.NulOpt = False,
    shard: o.ShardOpt = None,
    list_jobs: o.ListJobsOpt = False,
    urls: o.UrlOpts = None,
    output: o.OutputOpt = None,
    format: o.FormatOpt = None,  # noqa: A002 - the flag's name
    names: o.NamingOpts = None,
    colors: o.ColorsOpt = None,
    cues: o.CueOpts = None,
    voices: o.SpeakerOpts = None,
    care: o.CareOpts = None,
    overwrite: o.OverwriteOpt = False,
    resume: o.ResumeOpt = True,
    history: o.HistoryOpt = None,
    strict: o.StrictOpt = False,
    fail_fast: o.FailFastOpt = False,
    summary: o.SummaryOpt = None,
    decoding: o.DecodingOpts = None,
    audio: o.AudioOpts = None,
    raw: o.RawOpt = None,
    live: o.LiveOpt = False,
    partials: o.PartialsOpt = False,
    machine: o.MachineOpts = None,
    server: o.ServerOpt = None,
    offline: o.OfflineOpt = None,
    source: o.SourceOpt = None,
    progress: o.ProgressOpt = None,
    quiet: o.QuietOpt = False,
    verbose: o.VerboseOpt = False,
    debug: o.DebugOpt = False,
    log_json: o.LogJsonOpt = False,
) -> int:
    """Turn speech into text, subtitles or JSON, written as it is decoded.

    One input goes to standard output; several, or a folder, go beside each input.

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
        Naming,
        check_highlight,
        formats_of,
        plan,
        prints_text,
    )
    from whisper_cli.models.catalog import resolve

    settings, console = o.begin(ctx)
    found = _found(inputs or [], settings, shard, listed=stdin_list or null, nul=null)
    chosen = resolve(settings.model)
    pcm = raw.lower() if raw else None
    if pcm:
        parse_raw(pcm)
    asked = settings.format if format else None
    jobs = plan(
        found, output, asked, settings.format, Naming.of(settings.name, chosen, settings.language)
    )
    if partials and not all(item.tells_partials for job in jobs for item in job.targets):
        raise ConfigError("--partials are told on stdout, as JSON lines", hint="-f jsonl -o -")
    if list_jobs:
        console.write("".join(listing(jobs)))
        return 0
    formats = formats_of(jobs)
    check_highlight(formats, ctx.params["highlight"])
    colored = settings.colors and prints_text(jobs) and console.colorful()
    wanted = RunFlags(pcm, overwrite, resume, live, partials, formats, colored)
    outcomes = _outcomes(jobs, RunRequest(chosen, settings, wanted), console)
    told = Summary(jobs, strict)
    with _written(told, summary):
        _report(outcomes, console, told, fail_fast=fail_fast)
    return told.exit_code


def _outcomes(
    jobs: "Sequence[BatchJob]", order: "RunRequest", console: Console
) -> "Generator[Outcome]":
    """Do the jobs: several in a process apart, where one of them can't take the others along."""
    from whisper_cli.batch.runner import run
    from whisper_cli.batch.session import session_for
    from whisper_cli.batch.supervisor import run_supervised

    model, settings, wanted = order.model, order.settings, order.wanted
    fetch = partial(bring, settings=settings, console=console)
    server = _server(settings)
    replayable = not any(job.source.name == "-" for job in jobs)
    if len(jobs) > 1 and server is None and replayable:
        return run_supervised(iter(jobs), order, bring=fetch, write=console.write)
    work = session_for(model, settings, wanted, bring=fetch, write=console.write, server=server)
    return run(jobs, work)


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
def _written(told: "Summary", path: Path | None) -> Iterator[None]:
    """Write the summary before the run, all of it left, and after it, whatever ends it."""
    code = 1
    if path is not None:
        told.write(path, None)
    try:
        yield
        code = told.exit_code
    except (Stopped, WhisperError) as error:
        code = error.exit_code
        raise
    finally:
        if path is not None:
            told.write(path, code)


def _report(
    outcomes: "Generator[Outcome]", console: Console, told: "Summary", *, fail_fast: bool
) -> None:
    """Show what a run tells, and note it."""
    from whisper_cli.batch.events import InputDone, InputError

    count = len(told.jobs)
    show = _shown(told, console)
    with closing(outcomes):
        for outcome in outcomes:
            told.add(outcome)
            show(outcome)
            match outcome:
                case InputDone():
                    tell(outcome, console)
                case InputError(_, source, error):
                    console.failure(error, "" if count == 1 else source)
                    if fail_fast:
                        break
    if told.failures and count > 1:
        names = ", ".join(failure.source for failure in told.failures)
        left = count - len(told.done)
        unfinished = f"; {left} not done" if left else ""
        failed = f"{len(told.failures)} of {count} inputs failed: {names}{unfinished}"
        console.error(WhisperError(failed))


def _shown(told: "Summary", console: Console) -> "Callable[[Outcome], None]":
    """Give what shows progress: of one input, or of many together."""
    from whisper_cli.batch.events import InputDone, InputError, InputProgressed
    from whisper_cli.console.console import BatchProgress

    def one(outcome: "Outcome") -> None:
        if isinstance(outcome, InputProgressed):
            name = outcome.source
            console.progress("transcribe", name, outcome.seconds, outcome.total, name)
        else:
            console.finish()

    if len(told.jobs) == 1:
        return one
    batch = BatchProgress(told.sizes())

    def many(outcome: "Outcome") -> None:
        match outcome:
            case InputProgressed(number, source, seconds, total):
                batch.hear(number, source, seconds, total)
            case InputDone(number, source):
                batch.finish(number, source, outcome.seconds, skipped=outcome.skipped)
            case InputError(number):
                batch.fail(number)
        console.batch(batch)

    return many


def tell(done: "InputDone", console: Console) -> None:
    """Say what became of an input."""
    for doubt in done.warnings:
        console.warn(f"{done.source}: {doubt}")
    if done.skipped:
        console.info(f"{done.source}: its outputs are up to date")
    for path in done.outputs:
        speed = done.seconds / max(done.elapsed, 1e-3)
        console.info(
            f"{path}: {done.seconds:.1f} s in {done.elapsed:.1f} s, {speed:.1f}x real time"
        )
