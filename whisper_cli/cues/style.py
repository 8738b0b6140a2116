"""What a person asks of cues, before the language is known that rules depend on."""

from dataclasses import dataclass

from whisper_cli.cues.rules import NAMES, Change, Rules, changed, rules_for
from whisper_cli.settings import Settings


@dataclass(frozen=True, slots=True)
class Style:
    """A preset, the rules set by hand as (name, value), and the presets of the configuration."""

    preset: str = "plain"
    by_hand: tuple[tuple[str, float], ...] = ()
    presets: tuple[Change, ...] = ()

    def rules(self, language: str | None) -> Rules:
        """Settle the rules for a language."""
        return changed(rules_for(self.preset, language, self.presets), dict(self.by_hand))


def style_of(settings: Settings) -> Style | None:
    """Tell what the settings ask; None where they leave cues as they are decoded.

    Raises ConfigError for an unknown preset.
    """
    found = ((name, getattr(settings, name)) for name in NAMES if hasattr(settings, name))
    by_hand = tuple((name, value) for name, value in found if value is not None)
    if settings.preset is None and not by_hand:
        return None
    style = Style(settings.preset or "plain", by_hand, settings.presets)
    style.rules(None)
    return style
