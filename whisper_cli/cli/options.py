"""The options that commands share, each declared once; the settings have their defaults."""

import inspect
import logging
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import wraps
from inspect import Parameter
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer

from whisper_cli.config import loader
from whisper_cli.config.settings import Settings
from whisper_cli.console.console import Console
from whisper_cli.decisions import VERBOSE as VERBOSE_LEVEL
from whisper_cli.formats.registry import Format
from whisper_cli.texts import as_text

INPUT, DECODING, AUDIO, OUTPUT, CUES = "Input", "Decoding", "Audio", "Output", "Cues"
MACHINE, DOWNLOAD, GENERAL = "Machine and model", "Download", "General"
TEXT = "Text and speakers"

T = TypeVar("T")
Complete = Callable[[str], Iterable[str]]


def begin(ctx: typer.Context) -> tuple[Settings, Console]:
    """Resolve a command's settings and let the console follow them. Raises ConfigError."""
    from whisper_cli.paths import config_path

    settings = loader.settings(loader.load(ctx.params, os.environ, config_path()))
    console: Console = ctx.obj
    quiet, verbose, debug, log_json = (
        bool(ctx.params.get(name)) for name in ("quiet", "verbose", "debug", "log_json")
    )
    console.configure(settings.progress, quiet=quiet, verbose=verbose or debug, log_json=log_json)
    console.listen(logging.DEBUG if debug else VERBOSE_LEVEL if verbose else logging.INFO)
    return settings, console


def complete_model(incomplete: str) -> list[str]:
    """Complete a model's name from the catalogue."""
    from whisper_cli.models.catalog import names

    return [name for name in names() if name.startswith(incomplete)]


def complete_any_model(incomplete: str) -> list[str]:
    """Complete the name of a model of any kind from the catalogue."""
    from whisper_cli.models.catalog import ModelKind, names

    return [name for name in names(*ModelKind) if name.startswith(incomplete)]


def complete_installed(incomplete: str) -> list[str]:
    """Complete the name of a model that is here."""
    from whisper_cli.models.catalog import ModelKind
    from whisper_cli.models.store import installed

    return [model.name for model in installed(*ModelKind) if model.name.startswith(incomplete)]


def complete_formats(incomplete: str) -> Iterator[str]:
    """Complete the last of several formats."""
    before, comma, last = incomplete.rpartition(",")
    chosen = before.split(",")
    return (
        before + comma + kind for kind in Format if kind.startswith(last) and kind not in chosen
    )


def complete_language(incomplete: str) -> list[str]:
    """Complete a language's code."""
    from whisper_cli.languages import LANGUAGES

    return [code for code in LANGUAGES if code.startswith(incomplete)]


def complete_preset(incomplete: str) -> list[str]:
    """Complete a preset's name."""
    from whisper_cli.subtitles.presets import PRESETS

    return [name for name in PRESETS if name.startswith(incomplete)]


def complete_source(incomplete: str) -> list[str]:
    """Complete the name of a source of models."""
    from whisper_cli.download.sources import SOURCES

    return [name for name in (*SOURCES, "folder:") if name.startswith(incomplete)]


def complete_key(incomplete: str) -> list[str]:
    """Complete a setting's name."""
    return [name for name in loader.NAMES if name.startswith(incomplete)]


def one_of(values: Iterable[str]) -> Complete:
    """Complete one of these values."""
    return lambda incomplete: [value for value in values if value.startswith(incomplete)]


@dataclass(frozen=True, slots=True)
class OptionSpec:
    """An option as Typer takes it: the name of its parameter, its annotation, its default."""

    name: str
    annotation: Any
    default: Any = None


def flag(
    panel: str,
    *names: str,
    about: str,
    kind: Any = bool,
    name: str = "",
    default: Any = None,
    **more: Any,
) -> OptionSpec:
    """Declare an option that is no setting, such as --strict; `more` is for Typer.

    Its help shows a default that is a number or a text.
    """
    shown = default is not None and not isinstance(default, bool)
    default = False if kind is bool and default is None else default
    given: dict[str, Any] = {"rich_help_panel": panel, "show_default": shown} | more
    option = typer.Option(*names, help=about, **given)
    return OptionSpec(name or setting_of(names[0]), Annotated[kind, option], default)


def setting(
    panel: str, flag_name: str, short: str = "", complete: Complete | None = None, kind: Any = None
) -> OptionSpec:
    """Declare the option of a setting: type, choices, help and default are the setting's own."""
    name = setting_of(flag_name)
    switch = loader.kind(name) is bool
    names = [f"{flag_name}/--no-{flag_name.removeprefix('--')}" if switch else flag_name, short]
    default = as_text(loader.default(name))
    shown = f"{loader.about(name)} (default: {default})" if default else loader.about(name)
    choices = loader.kind(name)
    if complete is None and issubclass(choices, StrEnum):
        complete = one_of(choices)
    option = typer.Option(
        *filter(None, names),
        rich_help_panel=panel,
        show_default=False,
        autocompletion=complete,
        metavar=None if switch else loader.metavar(name),
        help=shown,
    )
    typed = bool if switch else kind or (list[str] if choices is tuple else str)
    return OptionSpec(name, Annotated[typed | None, option])


def setting_of(flag_name: str) -> str:
    """Name the setting of a flag, such as --vad/--no-vad."""
    return flag_name.partition("/")[0].removeprefix("--").replace("-", "_")


def options(*groups: OptionSpec | tuple[OptionSpec, ...]) -> Callable[[Callable[..., T]], Any]:
    """Give a command options, in the order in which its help lists them.

    The command gets those that it has a parameter for, by name; all are in `ctx.params`, from
    where `begin` takes the settings. Raises TypeError where it has a parameter that none gives.
    """
    specs = [spec for group in groups for spec in (group if isinstance(group, tuple) else (group,))]
    added = {
        spec.name: Parameter(
            spec.name, Parameter.KEYWORD_ONLY, default=spec.default, annotation=spec.annotation
        )
        for spec in specs
    }

    def decorate(command: Callable[..., T]) -> Callable[..., T]:
        signature = inspect.signature(command)
        own = [item for item in signature.parameters.values() if item.name not in added]
        if plain := [item.name for item in own[1:] if not _is_declared(item)]:
            raise TypeError(f"{command.__module__}: no option gives {', '.join(plain)}")

        @wraps(command)
        def call(**given: Any) -> T:
            return command(**{name: given[name] for name in signature.parameters})

        vars(call)["__signature__"] = signature.replace(parameters=[*own, *added.values()])
        return call

    return decorate


def _is_declared(parameter: Parameter) -> bool:
    return hasattr(parameter.annotation, "__metadata__")


ModelsArg = Annotated[
    list[str],
    typer.Argument(
        metavar="MODEL...",
        show_default=False,
        autocompletion=complete_any_model,
        help="short names as in whisper-cli list --remote, or owner/name[@revision]",
    ),
]
InstalledArg = Annotated[
    list[str],
    typer.Argument(
        metavar="MODEL...",
        show_default=False,
        autocompletion=complete_installed,
        help="names of models as whisper-cli list shows them",
    ),
]
AnyInstalledArg = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[MODEL...]",
        show_default=False,
        autocompletion=complete_installed,
        help="names of models as whisper-cli list shows them; all where none is named",
    ),
]

MODE = setting(DECODING, "--mode")
LANGUAGE = setting(DECODING, "--language", "-l", complete_language)
DECODING_OPTIONS = (
    setting(DECODING, "--model", "-m", complete_model),
    MODE,
    LANGUAGE,
    setting(DECODING, "--language-candidates", complete=complete_language),
    setting(DECODING, "--multilingual"),
    setting(DECODING, "--task"),
    setting(DECODING, "--word-timestamps"),
    setting(DECODING, "--initial-prompt"),
    setting(DECODING, "--hotwords"),
    setting(DECODING, "--beam-size"),
    setting(DECODING, "--temperature", kind=str),  # several are one list: the last one counts
    setting(DECODING, "--compression-ratio-threshold"),
    setting(DECODING, "--log-prob-threshold"),
    setting(DECODING, "--no-speech-threshold"),
    setting(DECODING, "--suppress-tokens"),
)
AUDIO_OPTIONS = (
    setting(AUDIO, "--vad"),
    setting(AUDIO, "--vad-threshold"),
    setting(AUDIO, "--vad-min-silence"),
    setting(AUDIO, "--vad-pad"),
    setting(AUDIO, "--max-chunk"),
    setting(AUDIO, "--clip"),
    setting(AUDIO, "--track"),
    setting(AUDIO, "--channel", complete=one_of(("left", "right", "mix"))),
)
LIVE_OPTIONS = (
    flag(
        AUDIO,
        "--raw",
        kind=str | None,
        metavar="ENCODING:RATE:CHANNELS",
        about="the input is raw PCM without a header, such as s16le:16000:1",
    ),
    flag(AUDIO, "--live", about="decode each phrase as soon as it is over, while audio comes in"),
    flag(
        AUDIO,
        "--partials",
        about="with --live and -f jsonl: also write the text of a phrase so far, every second",
    ),
)
OUTPUT_PATH = flag(
    OUTPUT,
    "--output",
    "-o",
    kind=str | None,
    metavar="PATH",
    about="output file, FOLDER/, or - for standard output",
)
FORMAT = setting(OUTPUT, "--format", "-f", complete_formats)
NAME_OPTIONS = (
    setting(OUTPUT, "--name"),
    setting(OUTPUT, "--json-style"),
    setting(OUTPUT, "--review-below"),
)
COLORS = setting(OUTPUT, "--colors")
HISTORY = setting(OUTPUT, "--history")
OVERWRITE = flag(
    OUTPUT, "--overwrite", about="replace outputs that others made, and make current ones again"
)
RESUME = flag(
    OUTPUT,
    "--resume/--no-resume",
    default=True,
    about="continue where an earlier run was interrupted, or start over (default: true)",
)
RUN_OPTIONS = (
    flag(OUTPUT, "--strict", about="exit with 1 where speech was found and no text"),
    flag(OUTPUT, "--fail-fast", about="stop at the first input that fails"),
    flag(
        OUTPUT,
        "--summary",
        kind=Path | None,
        metavar="FILE.json",
        about="JSON file for programs that says what became of each input",
    ),
)
CUE_OPTIONS = (
    setting(CUES, "--preset", complete=complete_preset),
    setting(CUES, "--max-line-width"),
    setting(CUES, "--max-lines"),
    setting(CUES, "--max-cps"),
    setting(CUES, "--min-duration"),
    setting(CUES, "--max-duration"),
    setting(CUES, "--min-gap"),
    setting(CUES, "--max-words"),
    setting(CUES, "--highlight"),
    setting(CUES, "--vtt-settings"),
)
PRESET = CUE_OPTIONS[0]
SPEAKER_NAMES = setting(TEXT, "--speaker-names")
SPEAKER_OPTIONS = (
    setting(TEXT, "--speakers", complete=one_of(("channels", "auto"))),
    SPEAKER_NAMES,
    setting(TEXT, "--segmentation-model"),
    setting(TEXT, "--embedding-model"),
)
TEXT_OPTIONS = (
    setting(TEXT, "--replace"),
    setting(TEXT, "--strip-fillers"),
    setting(TEXT, "--mask-profanity"),
    setting(TEXT, "--mask-words"),
)
LIST_OPTIONS = (
    flag(INPUT, "--stdin-list", about="read more input names from standard input, one a line"),
    flag(
        INPUT,
        "-0",
        "--null",
        name="null",
        about="as --stdin-list, with names that end in NUL, as find -print0 writes them",
    ),
    flag(
        INPUT,
        "--shard",
        kind=str | None,
        metavar="K/N",
        about="do only the K-th of N parts of the inputs, such as 2/8",
    ),
    flag(INPUT, "--list-jobs", about="print what would be done as JSON lines, and do nothing"),
)
URL_OPTIONS = (
    setting(INPUT, "--allow-private-urls"),
    setting(INPUT, "--max-url-size"),
    setting(INPUT, "--max-url-time"),
)
THREADS = setting(MACHINE, "--threads")
MACHINE_OPTIONS = (
    setting(MACHINE, "--device"),
    setting(MACHINE, "--compute-type"),
    THREADS,
    setting(MACHINE, "--workers"),
    setting(MACHINE, "--batch-size"),
)
SERVER = setting(MACHINE, "--server")
OFFLINE = setting(MACHINE, "--offline")
SOURCE = setting(MACHINE, "--source", complete=complete_source)
DOWNLOAD_OPTIONS = (
    setting(DOWNLOAD, "--engine"),
    setting(DOWNLOAD, "--connections"),
    setting(DOWNLOAD, "--chunk-size"),
    setting(DOWNLOAD, "--limit-rate"),
)
PROGRESS = setting(GENERAL, "--progress")
QUIET = flag(GENERAL, "--quiet", "-q", about="show errors only")
VERBOSE = flag(GENERAL, "--verbose", "-v", about="show more details on standard error")
DEBUG = flag(
    GENERAL, "--debug", about="tell on standard error how each decision was taken, with numbers"
)
MESSAGE_OPTIONS = (QUIET, VERBOSE, DEBUG)
LOG_JSON = flag(
    GENERAL, "--log-json", about="messages on standard error as lines of JSON, for programs"
)
JSON = flag(GENERAL, "--json", about="print JSON")
JsonOpt = JSON.annotation
