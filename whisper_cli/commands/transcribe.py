"""`whisper-cli transcribe`."""

import sys
from collections.abc import Generator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from whisper_cli import options as o
from whisper_cli.commands.pull import bring
from whisper_cli.console import Console
from whisper_cli.errors import WhisperError

if TYPE_CHECKING:
    from whisper_cli.batch.run import Finished, Outcome

Inputs = Annotated[
    list[str],
    typer.Argument(
        metavar="INPUT...",
        help="files, folders, globs, @list.txt, or - for standard input",
        show_default=False,
    ),
]


def command(
    ctx: typer.Context,
    inputs: Inputs,
    output: o.OutputOpt = None,
    format: o.FormatOpt = None,  # noqa: A002 - the flag's name
    name: o.NameOpt = None,
    json_style: o.JsonStyleOpt = None,
    preset: o.PresetOpt = None,
    max_line_width: o.MaxLineWidthOpt = None,
    max_lines: o.MaxLinesOpt = None,
    max_cps: o.MaxCpsOpt = None,
    min_duration: o.MinDurationOpt = None,
    max_duration: o.MaxDurationOpt = None,
    min_gap: o.MinGapOpt = None,
    max_words: o.MaxWordsOpt = None,
    overwrite: o.OverwriteOpt = False,
    strict: o.StrictOpt = False,
    model: o.ModelOpt = None,
    mode: o.ModeOpt = None,
    language: o.LanguageOpt = None,
    language_candidates: o.LanguageCandidatesOpt = None,
    multilingual: o.MultilingualOpt = None,
    task: o.TaskOpt = None,
    word_timestamps: o.WordTimestampsOpt = None,
    initial_prompt: o.InitialPromptOpt = None,
    hotwords: o.HotwordsOpt = None,
    beam_size: o.BeamSizeOpt = None,
    temperature: o.TemperatureOpt = None,
    compression_ratio_threshold: o.CompressionRatioThresholdOpt = None,
    log_prob_threshold: o.LogProbThresholdOpt = None,
    no_speech_threshold: o.NoSpeechThresholdOpt = None,
    suppress_tokens: o.SuppressTokensOpt = None,
    vad: o.VadOpt = None,
    clip: o.ClipOpt = None,
    track: o.TrackOpt = None,
    channel: o.ChannelOpt = None,
    raw: o.RawOpt = None,
    device: o.DeviceOpt = None,
    compute_type: o.ComputeTypeOpt = None,
    threads: o.ThreadsOpt = None,
    workers: o.WorkersOpt = None,
    batch_size: o.BatchSizeOpt = None,
    offline: o.OfflineOpt = None,
    source: o.SourceOpt = None,
    progress: o.ProgressOpt = None,
    quiet: o.QuietOpt = False,
    verbose: o.VerboseOpt = False,
) -> int:
    """Turn speech into text, subtitles or JSON, written as it is decoded.

    One input goes to standard output; several, or a folder, go beside each input.

    \b
    whisper-cli transcribe talk.mp3
    whisper-cli transcribe talk.mp3 -f srt,vtt -o subtitles/
    whisper-cli transcribe film.mkv -o film.srt --preset netflix
    whisper-cli transcribe recordings/ -f srt -m small --language de
    arecord -f S16_LE -r 16000 -d 9 | whisper-cli transcribe -
    """
    from whisper_cli.audio.inputs import expand
    from whisper_cli.audio.raw import parse_raw
    from whisper_cli.batch.run import run
    from whisper_cli.batch.targets import Naming, plan
    from whisper_cli.batch.work import work_for
    from whisper_cli.models.catalog import resolve

    settings, console = o.begin(ctx)
    found = expand(inputs, sys.stdin.buffer if sys.stdin else None)
    chosen = resolve(settings.model)
    model_name = (chosen.folder or Path(chosen.name)).absolute().name
    naming = Naming(settings.name, model_name, settings.language)
    if raw:
        parse_raw(raw.lower())
    asked = settings.format if format else None
    jobs = plan(found, output, asked, settings.format, naming)
    work = work_for(
        chosen,
        settings,
        bring=lambda: bring(chosen, settings, console),
        write=console.write,
        raw=raw.lower() if raw else None,
        overwrite=overwrite,
    )
    return _report(run(jobs, work), console, count=len(jobs), strict=strict)


def _report(outcomes: "Generator[Outcome]", console: Console, *, count: int, strict: bool) -> int:
    """Show what a run tells and settle its exit code."""
    from whisper_cli.batch.run import Failed, Finished, Heard

    failures: list[Failed] = []
    doubted = False
    with closing(outcomes):
        for outcome in outcomes:
            match outcome:
                case Heard(source, seconds, total):
                    console.progress("transcribe", source, seconds, total, source)
                case Finished():
                    console.finish()
                    _tell(outcome, console)
                    doubted = doubted or bool(outcome.warnings)
                case Failed(source, error):
                    console.finish()
                    named = count == 1 or source in error.message
                    console.error(error, "" if named else source)
                    failures.append(outcome)
    if count == 1:
        return failures[0].error.exit_code if failures else int(strict and doubted)
    if failures:
        names = ", ".join(failure.source for failure in failures)
        console.error(WhisperError(f"{len(failures)} of {count} inputs failed: {names}"))
    return int(bool(failures) or (strict and doubted))


def _tell(done: "Finished", console: Console) -> None:
    for doubt in done.warnings:
        console.warn(f"{done.source}: {doubt}")
    if done.skipped:
        console.info(f"{done.source}: its outputs are up to date")
    for path in done.outputs:
        speed = done.seconds / max(done.elapsed, 1e-3)
        console.info(
            f"{path}: {done.seconds:.1f} s in {done.elapsed:.1f} s, {speed:.1f}x real time"
        )
