"""What a cue may be: presets as one table, changed by options and by language."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from math import isfinite

from whisper_cli.errors import ConfigError


@dataclass(frozen=True, slots=True)
class CuePreset:
    """The limits of a cue; times in seconds, widths in columns, 0 where there is no limit.

    A full-width character has 2 columns, an emoji or a letter with its marks counts once.
    A gap shorter than `chain` is closed to `min_gap`. `word_duration` is the least time for each
    word, `max_cps` the most characters a second that people are asked to read.
    """

    max_line_width: int = 42
    max_lines: int = 2
    max_cps: float = 0.0
    min_duration: float = 0.0
    max_duration: float = 7.0
    min_gap: float = 0.0
    chain: float = 0.0
    max_words: int = 0
    word_duration: float = 0.0


# Netflix: partnerhelp.netflixstudios.com 215758617 (general), 360051554394 (timing: two frames at
# 24 per second, gaps under half a second are closed), 217350977 (English). BBC: its subtitle
# guidelines; they name no longest cue, so 7 s stands there. TED: its tips for transcribers.
# YouTube, social and plain are ours: a phone held upright shows 24 columns.
PRESETS: Mapping[str, CuePreset] = {
    "netflix": CuePreset(42, 2, 17, 0.833, 7, 0.083, 0.5),
    "bbc": CuePreset(37, 2, 15, 0.3, 7, 0, 1, word_duration=0.3),
    "ted": CuePreset(42, 2, 21, 1, 7),
    "youtube": CuePreset(40, 2, 20, 1, 7),
    "social": CuePreset(24, 2, 20, 0.5, 5),
    "plain": CuePreset(),
}

# The same guides, where they ask something else of a language.
BY_LANGUAGE: Mapping[str, Mapping[str, Mapping[str, float]]] = {
    "netflix": {
        "en": {"max_cps": 20},
        "ar": {"max_cps": 20},
        "hi": {"max_cps": 22},
        "th": {"max_line_width": 35},
        "ja": {"max_line_width": 26, "max_cps": 4},
        "zh": {"max_line_width": 32, "max_cps": 9},
        "ko": {"max_line_width": 32, "max_cps": 12},
    },
}

Change = tuple[str, str, float]  # preset, rule, value
MINIMUM = {"max_line_width": 8, "max_lines": 1, "max_words": 0}  # the whole numbers
NAMES = tuple(item.name for item in fields(CuePreset))


def presets(changes: Iterable[Change] = ()) -> dict[str, CuePreset]:
    """Give the table with a person's own changes; a name it doesn't know begins as `plain`."""
    table = dict(PRESETS)
    for preset, rule, value in changes:
        table[preset] = changed(table.get(preset, PRESETS["plain"]), {rule: value})
    return table


def parse_change(text: str) -> Change:
    """Read NAME.RULE=VALUE. Raises ConfigError."""
    found = re.fullmatch(r"\s*([\w-]+)\.([\w-]+)\s*=\s*(\d+(?:\.\d+)?)\s*", text)
    rule = found[2].replace("-", "_") if found else ""
    if not found or rule not in NAMES:
        raise ConfigError(f'"{text}" is no rule of a preset', hint=f"rules: {', '.join(NAMES)}")
    value = float(found[3])
    if not isfinite(value):
        raise ConfigError(f"{rule} takes no number as large as that")
    if rule in MINIMUM and (value < MINIMUM[rule] or value != int(value)):
        raise ConfigError(f"{rule} is a whole number, at least {MINIMUM[rule]}")
    return found[1].lower(), rule, value


def rules_for(
    preset: str, language: str | None = None, changes: Iterable[Change] = ()
) -> CuePreset:
    """Choose the rules of a preset for a language. Raises ConfigError for an unknown name."""
    changes = tuple(changes)
    table = presets(changes)
    if preset not in table:
        raise ConfigError(f'unknown preset "{preset}"', hint=f"one of: {', '.join(table)}")
    by_language = dict(BY_LANGUAGE.get(preset, {}).get(language or "", {}))
    own = {rule for name, rule, _ in changes if name == preset}
    kept = {rule: value for rule, value in by_language.items() if rule not in own}
    return changed(table[preset], kept)


def changed(rules: CuePreset, values: Mapping[str, float]) -> CuePreset:
    """Change some rules by name; whole numbers stay whole."""
    whole = {
        name: int(value) if isinstance(getattr(rules, name), int) and value == int(value) else value
        for name, value in values.items()
    }
    return replace(rules, **whole)  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True)
class CueOptions:
    """A preset, the rules set by hand as (name, value), and the presets of the configuration."""

    preset: str = "plain"
    overrides: tuple[tuple[str, float], ...] = ()
    presets: tuple[Change, ...] = ()

    def rules(self, language: str | None) -> CuePreset:
        """Settle the rules for a language."""
        return changed(rules_for(self.preset, language, self.presets), dict(self.overrides))

    def as_key(self) -> dict[str, object]:
        """Return what tells outputs with these options from others, under names that stay."""
        return {"preset": self.preset, "by_hand": self.overrides, "presets": self.presets}
