"""What a person asks about speakers."""

import re
from dataclasses import dataclass
from enum import StrEnum

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
