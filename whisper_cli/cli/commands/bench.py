"""`whisper-cli bench`."""

from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from whisper_cli.choices import Mode
from whisper_cli.cli import options as o
from whisper_cli.config.settings import Settings
from whisper_cli.console.console import Console, size
from whisper_cli.errors import ModelError

if TYPE_CHECKING:
    from whisper_cli.bench import Case, Measured

Audio = Annotated[
    Path | None,
    typer.Option("--audio", help="a recording of your own, instead of the clip that comes with us"),
]
Seconds = Annotated[
    int, typer.Option("--seconds", min=5, max=36000, help="how much of that clip, repeated")
]
Runs = Annotated[int, typer.Option("--runs", min=1, max=99, help="runs a row; medians are shown")]
Tune = Annotated[
    bool, typer.Option("--tune", help="try workers and threads, and remember what does best")
]


def command(
    ctx: typer.Context,
    models: o.AnyInstalledArg = None,
    mode: o.ModeOpt = None,
    audio: Audio = None,
    seconds: Seconds = 60,
    runs: Runs = 3,
    tune: Tune = False,
    threads: o.ThreadsOpt = None,
    json: o.JsonOpt = False,
    progress: o.ProgressOpt = None,
    quiet: o.QuietOpt = False,
) -> None:
    """Measure how fast this machine transcribes with the models that are here.

    RTFx is seconds of sound a second; the start of the program and the loading of the model count.

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
    cases = _splits(names, settings) if tune else _cases(names, modes, settings)
    rows = list(_measured(cases, audio, seconds, runs, console))
    if tune:
        _remember(rows, settings)
    _show(rows, console, json=json)


def _cases(names: Iterable[str], modes: Iterable[Mode], settings: Settings) -> "list[Case]":
    from whisper_cli.bench import Case

    modes = list(modes)
    return [Case(name, mode, threads=settings.threads) for name in names for mode in modes]


def _splits(names: Iterable[str], settings: Settings) -> "list[Case]":
    from whisper_cli.bench import Case
    from whisper_cli.engine.device import cores, splits

    threads = settings.threads or cores()
    return [Case(name, Mode.fast, item, threads) for name in names for item in splits(threads)]


def _measured(
    cases: "list[Case]", audio: Path | None, seconds: int, runs: int, console: Console
) -> "Iterable[Measured]":
    from contextlib import nullcontext

    from whisper_cli.bench import measure, recording

    with nullcontext(audio) if audio else recording(seconds) as sound:
        for done, case in enumerate(cases):
            console.progress("bench", f"{case.model} {case.mode}", done, len(cases), case.model)
            yield measure(case, sound, runs)
    console.finish()


def _remember(rows: "list[Measured]", settings: Settings) -> None:
    from whisper_cli.engine.device import tuning

    for name in dict.fromkeys(row.case.model for row in rows):
        best = max((row for row in rows if row.case.model == name), key=lambda row: row.rtfx)
        case = best.case
        tuning().remember(name, settings.compute_type, case.threads, case.workers)


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
