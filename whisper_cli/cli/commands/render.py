"""`whisper-cli render`."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from whisper_cli.cli import options as o
from whisper_cli.console.console import Console
from whisper_cli.errors import ConfigError

if TYPE_CHECKING:
    from whisper_cli.batch.events import Outcome
    from whisper_cli.batch.summary import Summary

Transcripts = Annotated[
    list[str],
    typer.Argument(
        metavar="TRANSCRIPT...",
        help="transcripts: JSON files, globs, @list.txt, or - for standard input",
        show_default=False,
    ),
]


@o.options(
    o.OUTPUT_PATH,
    o.FORMAT,
    o.NAME_OPTIONS,
    o.CUE_OPTIONS,
    o.SPEAKER_NAMES,
    o.TEXT_OPTIONS,
    o.OVERWRITE,
    o.MESSAGE_OPTIONS,
)
def command(
    ctx: typer.Context,
    transcripts: Transcripts,
    *,
    output: str | None,
    format: list[str] | None,  # noqa: A002 - the flag's name
    overwrite: bool,
) -> int:
    """Write other formats of finished transcripts, without decoding.

    Reads the JSON of whisper-cli, openai-whisper, whisperX and the OpenAI API (verbose_json).

    \b
    whisper-cli render talk.json -f srt
    whisper-cli render transcripts/*.json -f srt,vtt -o subtitles/
    whisper-cli render talk.json -f srt --preset netflix
    whisper-cli render talk.json -o talk.html
    whisper-cli render talk.json -f txt --strip-fillers --mask-profanity
    """
    from whisper_cli.audio.sources import expand
    from whisper_cli.batch.render import render
    from whisper_cli.batch.session import rendering_session
    from whisper_cli.batch.summary import Summary
    from whisper_cli.batch.targets import NameOptions, check_highlight, formats_of, plan

    settings, console = o.begin(ctx)
    if folders := [item for item in transcripts if Path(item).is_dir()]:
        raise ConfigError(f"{folders[0]} is a folder", hint=f"name its files: {folders[0]}/*.json")
    found = expand(transcripts, sys.stdin.buffer if sys.stdin else None)
    name_options = NameOptions(settings.name, "transcript", None)
    jobs = plan(found, output, settings.format if format else None, settings.format, name_options)
    check_highlight(formats_of(jobs), ctx.params["highlight"])
    session = rendering_session(settings, write=console.write, overwrite=overwrite)
    return _report(render(jobs, session), console, Summary(jobs))


def _report(outcomes: "Iterator[Outcome]", console: Console, summary: "Summary") -> int:
    from whisper_cli.batch.events import InputDone, InputError

    for outcome in outcomes:
        summary.add(outcome)
        match outcome:
            case InputError(_, source, error):
                console.failure(error, "" if len(summary.jobs) == 1 else source)
            case InputDone():
                for item in outcome.warnings:
                    console.warn(f"{outcome.source}: {item}")
                for path in outcome.outputs:
                    console.info(f"{path}: written")
    return summary.exit_code
