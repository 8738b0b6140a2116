"""How a person wants formats to look, beside the words and their times."""

from collections.abc import Mapping
from dataclasses import dataclass, fields

from whisper_cli.choices import HIGHLIGHTED, Format, Highlight, JsonStyle
from whisper_cli.settings import Settings


@dataclass(frozen=True, slots=True)
class Look:
    """What writers are made of."""

    json_style: JsonStyle = JsonStyle.native
    highlight: Highlight = Highlight.none

    def needs_words(self, kind: Format) -> bool:
        """Tell whether a format can't be written without times of words."""
        return self.highlight is Highlight.words and kind in HIGHLIGHTED

    def changes(self, kind: Format) -> dict[str, object]:
        """Give what makes a format's bytes differ from those of the default look, by name."""
        values = ((each, getattr(self, each.name)) for each in fields(self))
        return {
            each.name: value
            for each, value in values
            if value != each.default and kind in MATTERS.get(each.name, ())
        }


MATTERS: Mapping[str, frozenset[Format]] = {
    "highlight": HIGHLIGHTED,
}  # json_style is a part of every key


def look_of(settings: Settings) -> Look:
    """Pick the settings that are about looks."""
    names = {each.name for each in fields(Settings)}
    return Look(
        **{each.name: getattr(settings, each.name) for each in fields(Look) if each.name in names}
    )
