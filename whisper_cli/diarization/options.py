"""What a person asks about speakers."""

import re
from dataclasses import dataclass
from enum import StrEnum

from whisper_cli.config.settings import Settings
from whisper_cli.errors import ConfigError

CHANNELS = 2  # of a call: who speaks and who answers


class DiarizationMethod(StrEnum):
    """What speakers are told apart by."""

    channels = "channels"
    voices = "auto"


@dataclass(frozen=True, slots=True)
class DiarizationOptions:
    """How speakers are told apart, how many there are where that is known, and their names.

    `by` is None where they are as the transcript has them. `models` name what hears voices.
    """

    by: DiarizationMethod | None = None
    count: int | None = None
    names: tuple[str, ...] = ()
    models: str = ""

    def name(self, number: int) -> str:
        """Name a speaker, from 0."""
        return self.names[number] if number < len(self.names) else f"Speaker {number + 1}"


def parse_speakers(text: str) -> str:
    """Check what `--speakers` takes: channels, auto, or auto:N. Raises ConfigError."""
    text = text.strip().lower()
    if text and not re.fullmatch(r"channels|auto(:([1-9]|[1-4]\d|50))?", text, re.ASCII):
        raise ConfigError(
            f'"{text}" tells no speakers apart', hint="channels, auto, or auto:2 for two voices"
        )
    return text


def diarization_options_of(settings: Settings, *, told: bool = False) -> DiarizationOptions | None:
    """Tell what the settings ask; None where nothing. `told` says that a transcript tells them.

    Raises ConfigError for as many names as there can't be speakers.
    """
    names = settings.speaker_names
    if told or not settings.speakers:
        if names and not told:
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
