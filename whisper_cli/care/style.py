"""What a person asks of the text, before the language is known."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from whisper_cli.care.fillers import Strip
from whisper_cli.care.mask import Mask
from whisper_cli.care.rules import Rule, read_rules
from whisper_cli.care.text import Pass
from whisper_cli.care.words import profane
from whisper_cli.settings import Settings


@dataclass(frozen=True, slots=True)
class Care:
    """Rules for replacing, whether fillers go and profanity is masked, and further words to mask.

    It decides what outputs hold, together with the words that were decoded.
    """

    rules: tuple[Rule, ...] = ()
    fillers: bool = False
    profanity: bool = False
    masked: tuple[str, ...] = ()

    def passes(self, language: str | None) -> Iterator[Pass]:
        """Give what is to be done, in order: replace, strip fillers, mask."""
        yield from self.rules
        if self.fillers:
            yield Strip(language)
        yield Mask((profane(language) if self.profanity else ()) + self.masked)


def care_of(settings: Settings) -> Care:
    """Tell what the settings ask. Raises ConfigError for a file of rules that can't be used."""
    return Care(
        read_rules(Path(settings.replace).expanduser()) if settings.replace else (),
        settings.strip_fillers,
        settings.mask_profanity,
        settings.mask_words,
    )
