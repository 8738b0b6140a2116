"""`whisper-cli check`."""

from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from whisper_cli.cli import options as o
from whisper_cli.errors import ConfigError

if TYPE_CHECKING:
    from whisper_cli.subtitles.check import Problem
    from whisper_cli.transcript import Segment

Files = Annotated[
    list[Path],
    typer.Argument(metavar="FILE...", help="subtitle files: SRT, VTT or ASS, made by any tool"),
]
STRICT = o.flag("Options", "--strict", about="exit with 1 where a rule is broken")
ENCODING = o.flag(
    "Options",
    "--encoding",
    kind=str | None,
    metavar="NAME",
    about="encoding of files without a mark for UTF-8 or UTF-16, such as cp1252 (utf-8)",
)


@o.options(o.PRESET, o.LANGUAGE, ENCODING, STRICT, o.JSON)
def command(
    ctx: typer.Context, files: Files, *, encoding: str | None, strict: bool, json: bool
) -> int:
    """Check subtitles against the rules of a preset (netflix).

    A file that can't be read is told of, and the others are checked.

    \b
    whisper-cli check film.srt
    whisper-cli check film.vtt --preset bbc --json
    """
    from whisper_cli.config.derived import cue_options_of
    from whisper_cli.formats.subtitle_reader import check_encoding
    from whisper_cli.subtitles.check import check
    from whisper_cli.subtitles.presets import CueOptions

    settings, console = o.begin(ctx)
    cue_options = cue_options_of(settings) or CueOptions("netflix")
    preset, rules = cue_options.preset, cue_options.rules(settings.language)
    if encoding is not None:
        check_encoding(encoding)
    checked, failures = _read(files, encoding)
    for file, error in failures:
        console.failure(error, str(file))
    found = [(file, problem) for file, cues in checked.items() for problem in check(cues, rules)]
    counts = Counter(problem.rule for _, problem in found)
    avoidable = {(file, problem.cue) for file, problem in found if not problem.no_room}
    no_room = {(file, problem.cue) for file, problem in found} - avoidable
    broken = len(avoidable)
    cues = sum(map(len, checked.values()))
    if json:
        rows = [{"file": str(file), **asdict(problem)} for file, problem in found]
        failed = [{"file": str(file), "error": error.message} for file, error in failures]
        whole = {"cues": cues, "broken": broken, "no_room": len(no_room), "rules": counts}
        console.write_json(whole | {"problems": rows, "failed": failed})
    elif checked:
        headings = ("File", "Cue", "Rule", "Measured", "Limit", "Room")
        console.table(headings, [_row(*item) for item in found])
        console.info(_summary(counts, broken, len(no_room), cues) if found else "good")
    if found and settings.language is None and (hint := _language_hint(preset)):
        console.info(hint)
    return max([int(strict and bool(broken)), *(error.exit_code for _, error in failures)])


def _read(
    files: list[Path], encoding: str | None
) -> tuple[dict[Path, "list[Segment]"], list[tuple[Path, ConfigError]]]:
    """Read every file, and give those that can't be read with their failures."""
    from whisper_cli.formats.subtitle_reader import read

    checked, failures = {}, []
    for file in files:
        try:
            checked[file] = read(file, encoding)
        except ConfigError as error:
            failures.append((file, error))
    return checked, failures


def _row(file: Path, problem: "Problem") -> tuple[str, ...]:
    room = "no room" if problem.no_room else ""
    measures = (f"{problem.measured:g}", f"{problem.limit:g}")
    return (str(file), str(problem.cue), problem.rule, *measures, room)


def _summary(counts: "Counter[str]", broken: int, no_room: int, cues: int) -> str:
    rules = ", ".join(f"{rule} {count}" for rule, count in counts.items())
    beside = f", {no_room} have no room before the next one" if no_room else ""
    return f"{broken} of {cues} cues break a rule{beside} ({rules})"


def _language_hint(preset: str) -> str:
    """Say that a preset asks something else of some languages; empty where it doesn't."""
    from whisper_cli.subtitles.presets import BY_LANGUAGE

    languages = ", ".join(BY_LANGUAGE.get(preset, ()))
    return f"hint: -l names the language; {preset} has limits for {languages}" if languages else ""
