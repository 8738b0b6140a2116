"""What the settings ask of each room, as that room's own options: rooms know no Settings."""

from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING

from whisper_cli.config.settings import Settings
from whisper_cli.diarization.options import CHANNELS, DiarizationMethod, DiarizationOptions
from whisper_cli.errors import ConfigError
from whisper_cli.formats.options import FormatOptions
from whisper_cli.subtitles.presets import NAMES, CueOptions

if TYPE_CHECKING:
    from whisper_cli.download.options import PullOptions
    from whisper_cli.text.editor import TextOptions


def format_options_of(settings: Settings, *, colors: bool = False) -> FormatOptions:
    """Pick the settings that are about looks; whether `colors` fit is for a terminal to say."""
    names = {item.name for item in fields(FormatOptions)} & {item.name for item in fields(Settings)}
    chosen = {name: getattr(settings, name) for name in names}
    return FormatOptions(**chosen | {"colors": colors})


def cue_options_of(settings: Settings) -> CueOptions | None:
    """Tell what the settings ask; None where they leave cues as they are decoded.

    Raises ConfigError for an unknown preset.
    """
    found = ((name, getattr(settings, name)) for name in NAMES if hasattr(settings, name))
    overrides = tuple((name, value) for name, value in found if value is not None)
    if settings.preset is None and not overrides:
        return None
    style = CueOptions(settings.preset or "plain", overrides, settings.presets)
    style.rules(None)
    return style


def text_options_of(settings: Settings) -> "TextOptions | None":
    """Tell what is asked of the text; what does it is loaded only then.

    Raises ConfigError for a file of rules that can't be used.
    """
    names = ("replace", "strip_fillers", "mask_profanity", "mask_words")
    if not any(getattr(settings, name) for name in names):
        return None
    from whisper_cli.text.editor import TextOptions
    from whisper_cli.text.replacements import read_rules

    return TextOptions(
        read_rules(Path(settings.replace).expanduser()) if settings.replace else (),
        settings.strip_fillers,
        settings.mask_profanity,
        settings.mask_words,
    )


def diarization_options_of(
    settings: Settings, *, from_transcript: bool = False
) -> DiarizationOptions | None:
    """Return the options asked for, or None. `from_transcript`: a transcript has the speakers.

    Raises ConfigError for as many names as there can't be speakers.
    """
    names = settings.speaker_names
    if from_transcript or not settings.speakers:
        if names and not from_transcript:
            raise ConfigError(
                "--speaker-names without speakers", hint="--speakers channels, or auto"
            )
        return DiarizationOptions(names=names) if names else None
    kind, _, count = settings.speakers.partition(":")
    by = DiarizationMethod(kind)
    known = CHANNELS if by is DiarizationMethod.channels else int(count) if count else None
    if names and known is not None and len(names) != known:
        raise ConfigError(
            f"{known} speakers have {len(names)} names: {', '.join(names)}",
            hint="one name for each, by commas: --speaker-names Alice,Bob",
        )
    if by is DiarizationMethod.channels and settings.channel != "mix":
        raise ConfigError(f"--speakers channels hears both channels, not {settings.channel}")
    return DiarizationOptions(by, known, names)


def pull_options_of(
    settings: Settings, token: str | None = None, folder: Path | None = None
) -> "PullOptions":
    """Put what the settings say of a pull together. Raises ConfigError for an unknown source."""
    from whisper_cli.download.destinations import Cache, PlainFolder
    from whisper_cli.download.options import PullOptions
    from whisper_cli.download.sources import source
    from whisper_cli.download.types import TransferLimits

    return PullOptions(
        sources=tuple(source(name, token, settings.peers) for name in settings.source),
        engine=settings.engine,
        limits=TransferLimits(
            connections=settings.connections or None, limit_rate=settings.limit_rate or None
        ),
        chunk_size=settings.chunk_size or None,
        destination=PlainFolder(folder) if folder else Cache(),
        offline=settings.offline,
    )
