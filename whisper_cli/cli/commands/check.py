"""`whisper-cli check`."""

from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from whisper_cli.cli import options as o

Files = Annotated[
    list[Path],
    typer.Argument(metavar="FILE...", help="subtitle files: SRT, VTT or ASS, made by any tool"),
]
STRICT = o.flag("Options", "--strict", about="exit with 1 where a rule is broken")


@o.options(o.PRESET, o.LANGUAGE, STRICT, o.JSON)
def command(ctx: typer.Context, files: Files, *, strict: bool, json: bool) -> int:
    """Check subtitles against the rules of a preset (netflix).

    \b
    whisper-cli check film.srt
    whisper-cli check film.vtt --preset bbc --json
    """
    from whisper_cli.config.derived import cue_options_of
    from whisper_cli.formats.subtitle_reader import read
    from whisper_cli.subtitles.check import check
    from whisper_cli.subtitles.presets import CueOptions

    settings, console = o.begin(ctx)
    rules = (cue_options_of(settings) or CueOptions("netflix")).rules(settings.language)
    checked = {file: read(file) for file in files}
    found = [(file, problem) for file, cues in checked.items() for problem in check(cues, rules)]
    counts = Counter(problem.rule for _, problem in found)
    broken = len({(file, problem.cue) for file, problem in found})
    cues = sum(map(len, checked.values()))
    if json:
        rows = [{"file": str(file), **asdict(problem)} for file, problem in found]
        console.write_json({"cues": cues, "broken": broken, "rules": counts, "problems": rows})
    else:
        cells = [(str(f), str(p.cue), p.rule, f"{p.measured:g}", f"{p.limit:g}") for f, p in found]
        console.table(("File", "Cue", "Rule", "Measured", "Limit"), cells)
        console.info(f"{broken} of {cues} cues break a rule: {dict(counts)}" if found else "good")
    return int(strict and bool(found))
