"""The options that commands share, each declared once; the settings have their defaults."""

import inspect
import logging
import os
from collections.abc import Callable, Iterable, Iterator
from enum import StrEnum
from functools import wraps
from inspect import Parameter
from pathlib import Path
from types import NoneType
from typing import Annotated, Any, TypeVar, get_args

import typer

from whisper_cli.choices import (
    ComputeType,
    Device,
    EngineName,
    Highlight,
    JsonStyle,
    Mode,
    ProgressMode,
    Task,
)
from whisper_cli.config import loader
from whisper_cli.config.settings import Settings
from whisper_cli.console.console import Console
from whisper_cli.decisions import VERBOSE
from whisper_cli.formats.registry import Format
from whisper_cli.texts import as_text

INPUT, DECODING, AUDIO, OUTPUT, CUES = "Input", "Decoding", "Audio", "Output", "Cues"
MACHINE, DOWNLOAD, GENERAL = "Machine and model", "Download", "General"
TEXT = "Text and speakers"


def begin(ctx: typer.Context) -> tuple[Settings, Console]:
    """Resolve a command's settings and let the console follow them. Raises ConfigError."""
    from whisper_cli.paths import config_path

    settings = loader.settings(loader.load(ctx.params, os.environ, config_path()))
    console: Console = ctx.obj
    quiet, verbose, debug, log_json = (
        bool(ctx.params.get(name)) for name in ("quiet", "verbose", "debug", "log_json")
    )
    console.configure(settings.progress, quiet=quiet, verbose=verbose or debug, log_json=log_json)
    console.listen(logging.DEBUG if debug else VERBOSE if verbose else logging.INFO)
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


def complete_speakers(incomplete: str) -> list[str]:
    """Complete how speakers are told apart."""
    return [way for way in ("channels", "auto") if way.startswith(incomplete)]


def complete_shell(incomplete: str) -> list[str]:
    """Complete a shell's name."""
    return [shell for shell in ("bash", "zsh", "fish") if shell.startswith(incomplete)]


def complete_key(incomplete: str) -> list[str]:
    """Complete a setting's name."""
    return [name for name in loader.NAMES if name.startswith(incomplete)]


def _one_of(kind: type[StrEnum]) -> Callable[[str], list[str]]:
    return lambda incomplete: [value for value in kind if value.startswith(incomplete)]


def _setting(
    panel: str, *names: str, complete: Callable[[str], Iterable[str]] | None = None
) -> object:
    """Declare the flag of a setting: its help and default are the setting's own."""
    setting = setting_of(names[0])
    default = as_text(loader.default(setting))
    shown = f"{loader.about(setting)} (default: {default})" if default else loader.about(setting)
    return typer.Option(
        *names, rich_help_panel=panel, show_default=False, autocompletion=complete, help=shown
    )


def setting_of(flag: str) -> str:
    """Name the setting of a flag, such as --vad/--no-vad."""
    return flag.partition("/")[0].removeprefix("--").replace("-", "_")


def _flag(panel: str, *names: str, about: str) -> object:
    return typer.Option(*names, rich_help_panel=panel, show_default=False, help=about)


ModelsArg = Annotated[
    list[str],
    typer.Argument(
        metavar="MODEL...",
        show_default=False,
        autocompletion=complete_any_model,
        help="short names, owner/name[@revision]",
    ),
]
InstalledArg = Annotated[
    list[str],
    typer.Argument(
        metavar="MODEL...",
        show_default=False,
        autocompletion=complete_installed,
        help="names as whisper-cli list shows them",
    ),
]
AnyInstalledArg = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[MODEL...]",
        show_default=False,
        autocompletion=complete_installed,
        help="names as whisper-cli list shows them; none: all",
    ),
]
ModelOpt = Annotated[str | None, _setting(DECODING, "--model", "-m", complete=complete_model)]
LanguageOpt = Annotated[
    str | None, _setting(DECODING, "--language", "-l", complete=complete_language)
]
ModeOpt = Annotated[str | None, _setting(DECODING, "--mode", complete=_one_of(Mode))]
LanguageCandidatesOpt = Annotated[
    list[str] | None, _setting(DECODING, "--language-candidates", complete=complete_language)
]
MultilingualOpt = Annotated[bool | None, _setting(DECODING, "--multilingual/--no-multilingual")]
TaskOpt = Annotated[str | None, _setting(DECODING, "--task", complete=_one_of(Task))]
BeamSizeOpt = Annotated[str | None, _setting(DECODING, "--beam-size")]
TemperatureOpt = Annotated[str | None, _setting(DECODING, "--temperature")]
CompressionRatioThresholdOpt = Annotated[
    str | None, _setting(DECODING, "--compression-ratio-threshold")
]
LogProbThresholdOpt = Annotated[str | None, _setting(DECODING, "--log-prob-threshold")]
NoSpeechThresholdOpt = Annotated[str | None, _setting(DECODING, "--no-speech-threshold")]
SuppressTokensOpt = Annotated[list[str] | None, _setting(DECODING, "--suppress-tokens")]
InitialPromptOpt = Annotated[str | None, _setting(DECODING, "--initial-prompt")]
HotwordsOpt = Annotated[str | None, _setting(DECODING, "--hotwords")]
WordTimestampsOpt = Annotated[
    bool | None, _setting(DECODING, "--word-timestamps/--no-word-timestamps")
]
DeviceOpt = Annotated[str | None, _setting(MACHINE, "--device", complete=_one_of(Device))]
ComputeTypeOpt = Annotated[
    str | None, _setting(MACHINE, "--compute-type", complete=_one_of(ComputeType))
]
ThreadsOpt = Annotated[str | None, _setting(MACHINE, "--threads")]
WorkersOpt = Annotated[str | None, _setting(MACHINE, "--workers")]
BatchSizeOpt = Annotated[str | None, _setting(MACHINE, "--batch-size")]
ServerOpt = Annotated[str | None, _setting(MACHINE, "--server")]
OfflineOpt = Annotated[bool | None, _setting(MACHINE, "--offline/--no-offline")]
SourceOpt = Annotated[list[str] | None, _setting(MACHINE, "--source", complete=complete_source)]
EngineOpt = Annotated[str | None, _setting(DOWNLOAD, "--engine", complete=_one_of(EngineName))]
ConnectionsOpt = Annotated[str | None, _setting(DOWNLOAD, "--connections")]
ChunkSizeOpt = Annotated[str | None, _setting(DOWNLOAD, "--chunk-size")]
LimitRateOpt = Annotated[str | None, _setting(DOWNLOAD, "--limit-rate")]
VadOpt = Annotated[bool | None, _setting(AUDIO, "--vad/--no-vad")]
ClipOpt = Annotated[list[str] | None, _setting(AUDIO, "--clip")]
TrackOpt = Annotated[str | None, _setting(AUDIO, "--track")]
ChannelOpt = Annotated[str | None, _setting(AUDIO, "--channel")]
LiveOpt = Annotated[
    bool, _flag(AUDIO, "--live", about="decode each phrase once it is over, while sound comes")
]
PartialsOpt = Annotated[
    bool, _flag(AUDIO, "--partials", about="with --live, -f jsonl: what a phrase says so far, too")
]
RawOpt = Annotated[
    str | None, _flag(AUDIO, "--raw", about="the input is bare PCM, such as s16le:16000:1")
]
FormatOpt = Annotated[
    list[str] | None, _setting(OUTPUT, "--format", "-f", complete=complete_formats)
]
OutputOpt = Annotated[
    str | None, _flag(OUTPUT, "--output", "-o", about="file, FOLDER/ or - for stdout")
]
NameOpt = Annotated[str | None, _setting(OUTPUT, "--name")]
JsonStyleOpt = Annotated[str | None, _setting(OUTPUT, "--json-style", complete=_one_of(JsonStyle))]
ReviewBelowOpt = Annotated[str | None, _setting(OUTPUT, "--review-below")]
ColorsOpt = Annotated[bool | None, _setting(OUTPUT, "--colors/--no-colors")]
PresetOpt = Annotated[str | None, _setting(CUES, "--preset", complete=complete_preset)]
MaxLineWidthOpt = Annotated[str | None, _setting(CUES, "--max-line-width")]
MaxLinesOpt = Annotated[str | None, _setting(CUES, "--max-lines")]
MaxCpsOpt = Annotated[str | None, _setting(CUES, "--max-cps")]
MinDurationOpt = Annotated[str | None, _setting(CUES, "--min-duration")]
MaxDurationOpt = Annotated[str | None, _setting(CUES, "--max-duration")]
MinGapOpt = Annotated[str | None, _setting(CUES, "--min-gap")]
MaxWordsOpt = Annotated[str | None, _setting(CUES, "--max-words")]
HighlightOpt = Annotated[str | None, _setting(CUES, "--highlight", complete=_one_of(Highlight))]
VttSettingsOpt = Annotated[str | None, _setting(CUES, "--vtt-settings")]
SpeakersOpt = Annotated[str | None, _setting(TEXT, "--speakers", complete=complete_speakers)]
SpeakerNamesOpt = Annotated[list[str] | None, _setting(TEXT, "--speaker-names")]
SegmentationModelOpt = Annotated[str | None, _setting(TEXT, "--segmentation-model")]
EmbeddingModelOpt = Annotated[str | None, _setting(TEXT, "--embedding-model")]
ReplaceOpt = Annotated[str | None, _setting(TEXT, "--replace")]
StripFillersOpt = Annotated[bool | None, _setting(TEXT, "--strip-fillers/--no-strip-fillers")]
MaskProfanityOpt = Annotated[bool | None, _setting(TEXT, "--mask-profanity/--no-mask-profanity")]
MaskWordsOpt = Annotated[list[str] | None, _setting(TEXT, "--mask-words")]
OverwriteOpt = Annotated[
    bool, _flag(OUTPUT, "--overwrite", about="replace outputs that aren't ours, redo current ones")
]
ResumeOpt = Annotated[
    bool,
    _flag(OUTPUT, "--resume/--no-resume", about="go on where a run was cut off, or start over"),
]
HistoryOpt = Annotated[bool | None, _setting(OUTPUT, "--history/--no-history")]
StrictOpt = Annotated[
    bool, _flag(OUTPUT, "--strict", about="speech that got no text fails: exit code 1")
]
FailFastOpt = Annotated[
    bool, _flag(OUTPUT, "--fail-fast", about="stop at the first input that fails")
]
SummaryOpt = Annotated[
    Path | None,
    _flag(OUTPUT, "--summary", about="FILE.json: what became of each input, for programs"),
]
StdinListOpt = Annotated[
    bool, _flag(INPUT, "--stdin-list", about="read further names from standard input, one a line")
]
NulOpt = Annotated[
    bool, _flag(INPUT, "-0", "--null", about="its names end in NUL, as from find -print0")
]
ShardOpt = Annotated[
    str | None, _flag(INPUT, "--shard", about="2/8: only the second of eight parts of the inputs")
]
AllowPrivateUrlsOpt = Annotated[
    bool | None, _setting(INPUT, "--allow-private-urls/--no-allow-private-urls")
]
MaxUrlSizeOpt = Annotated[str | None, _setting(INPUT, "--max-url-size")]
MaxUrlTimeOpt = Annotated[str | None, _setting(INPUT, "--max-url-time")]
ListJobsOpt = Annotated[
    bool,
    _flag(INPUT, "--list-jobs", about="print what would be done as JSON lines, and do nothing"),
]
ProgressOpt = Annotated[str | None, _setting(GENERAL, "--progress", complete=_one_of(ProgressMode))]
QuietOpt = Annotated[bool, _flag(GENERAL, "--quiet", "-q", about="errors only")]
VerboseOpt = Annotated[bool, _flag(GENERAL, "--verbose", "-v", about="say more on stderr")]
DebugOpt = Annotated[
    bool, _flag(GENERAL, "--debug", about="say on stderr how each decision was taken, with numbers")
]
LogJsonOpt = Annotated[
    bool, _flag(GENERAL, "--log-json", about="messages on stderr as lines of JSON, for programs")
]
JsonOpt = Annotated[bool, _flag(GENERAL, "--json", about="print JSON")]


T = TypeVar("T")

DecodingOpts = Annotated[
    None,
    ModelOpt,
    ModeOpt,
    LanguageOpt,
    LanguageCandidatesOpt,
    MultilingualOpt,
    TaskOpt,
    WordTimestampsOpt,
    InitialPromptOpt,
    HotwordsOpt,
    BeamSizeOpt,
    TemperatureOpt,
    CompressionRatioThresholdOpt,
    LogProbThresholdOpt,
    NoSpeechThresholdOpt,
    SuppressTokensOpt,
]
AudioOpts = Annotated[None, VadOpt, ClipOpt, TrackOpt, ChannelOpt]
UrlOpts = Annotated[None, AllowPrivateUrlsOpt, MaxUrlSizeOpt, MaxUrlTimeOpt]
NamingOpts = Annotated[None, NameOpt, JsonStyleOpt, ReviewBelowOpt]
CueOpts = Annotated[
    None,
    PresetOpt,
    MaxLineWidthOpt,
    MaxLinesOpt,
    MaxCpsOpt,
    MinDurationOpt,
    MaxDurationOpt,
    MinGapOpt,
    MaxWordsOpt,
    HighlightOpt,
    VttSettingsOpt,
]
SpeakerOpts = Annotated[None, SpeakersOpt, SpeakerNamesOpt, SegmentationModelOpt, EmbeddingModelOpt]
CareOpts = Annotated[None, ReplaceOpt, StripFillersOpt, MaskProfanityOpt, MaskWordsOpt]
MachineOpts = Annotated[None, DeviceOpt, ComputeTypeOpt, ThreadsOpt, WorkersOpt, BatchSizeOpt]


def spread(command: Callable[..., T]) -> Callable[..., T]:
    """Show Typer each option of a command's groups, where the group stands."""
    own = inspect.signature(command)
    shown = [item for parameter in own.parameters.values() for item in _options(parameter)]

    @wraps(command)
    def call(**given: Any) -> T:
        return command(**{name: given[name] for name in own.parameters if name in given})

    vars(call)["__signature__"] = own.replace(parameters=shown)
    return call


def _options(parameter: Parameter) -> Iterator[Parameter]:
    kind, *members = get_args(parameter.annotation) or (None,)
    if kind is not NoneType:
        yield parameter
        return
    for member in members:
        flag = member.__metadata__[0].default
        yield Parameter(setting_of(flag), parameter.kind, default=None, annotation=member)
