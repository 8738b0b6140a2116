"""`whisper-cli bench`."""

from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from whisper_cli.choices import Mode
from whisper_cli.cli import options as o
from whisper_cli.config.settings import Settings
from whisper_cli.console.console import Console, size
from whisper_cli.errors import ModelError

if TYPE_CHECKING:
    from whisper_cli.bench import Case, Measured

AUDIO = o.flag(
    "Options",
    "--audio",
    kind=Path | None,
    metavar="FILE",
    about="recording to measure with, instead of the clip that comes with whisper-cli",
)
SECONDS = o.flag(
    "Options",
    "--seconds",
    kind=int,
    default=60,
    min=5,
    max=36000,
    about="seconds of audio: the clip is repeated for so long",
)
RUNS = o.flag(
    "Options",
    "--runs",
    kind=int,
    default=3,
    min=1,
    max=99,
    about="number of runs for each row, of which the median is shown",
)
TUNE = o.flag(
    "Options", "--tune", about="try numbers of workers and threads, and remember the fastest"
)


@o.options(o.MODE, AUDIO, SECONDS, RUNS, TUNE, o.THREADS, o.JSON, o.PROGRESS, o.QUIET)
def command(
    ctx: typer.Context,
    models: o.AnyInstalledArg = None,
    *,
    mode: str | None,
    audio: Path | None,
    seconds: int,
    runs: int,
    tune: bool,
    json: bool,
) -> None:
    """Measure how fast this machine transcribes with each model.

    RTFx is seconds of audio for each second of time, with starting and loading the model.

    \b
    whisper-cli bench
    whisper-cli bench base --audio talk.mp3
    whisper-cli bench base --tune
    """
    from whisper_cli.models.store import select

    settings, console = o.begin(ctx)
    names = [model.name for model in select(models or ())]
    if not names:
        raise ModelError("no models here yet", hint="whisper-cli pull base brings one")
    modes = [settings.mode] if mode else list(Mode)
    configs = _splits(names, settings) if tune else _configs(names, modes, settings)
    rows = list(_measured(configs, audio, seconds, runs, console))
    if tune:
        _save_best(rows, settings)
    _show(rows, console, json=json)


def _configs(names: Iterable[str], modes: Iterable[Mode], settings: Settings) -> "list[Case]":
    from whisper_cli.bench import Case

    modes = list(modes)
    return [Case(name, mode, threads=settings.threads) for name in names for mode in modes]


def _splits(names: Iterable[str], settings: Settings) -> "list[Case]":
    from whisper_cli.bench import Case
    from whisper_cli.engine.device import cores, splits

    threads = settings.threads or cores()
    return [Case(name, Mode.fast, item, threads) for name in names for item in splits(threads)]


def _measured(
    configs: "list[Case]", audio: Path | None, seconds: int, runs: int, console: Console
) -> "Iterable[Measured]":
    from contextlib import nullcontext

    from whisper_cli.bench import measure, recording

    with nullcontext(audio) if audio else recording(seconds) as sound:
        for done, case in enumerate(configs):
            console.progress("bench", f"{case.model} {case.mode}", done, len(configs), case.model)
            yield measure(case, sound, runs)
    console.finish()


def _save_best(rows: "list[Measured]", settings: Settings) -> None:
    from whisper_cli.engine.device import thread_settings

    for name in dict.fromkeys(row.case.model for row in rows):
        best = max((row for row in rows if row.case.model == name), key=lambda row: row.rtfx)
        case = best.case
        thread_settings().save(name, settings.compute_type, case.threads, case.workers)


def _show(rows: "list[Measured]", console: Console, *, json: bool) -> None:
    if json:
        console.write_json([asdict(row) | {"rtfx": row.rtfx} for row in rows])
        return
    headings = ("Model", "Mode", "Workers", "RTFx", "Seconds", "First cue", "Memory")
    console.table(
        headings,
        [
            (
                row.case.model,
                row.case.mode.value,
                str(row.case.workers or "auto"),
                f"{row.rtfx:.1f}",
                f"{row.seconds:.2f}",
                f"{row.first_cue:.2f}",
                size(row.memory),
            )
            for row in rows
        ],
    )
