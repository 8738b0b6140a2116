"""How a person wants formats to look, beside the words and their times."""

from collections.abc import Mapping
from dataclasses import dataclass, fields

from whisper_cli.choices import HIGHLIGHTED, Format, Highlight, JsonStyle
from whisper_cli.config.settings import Settings


@dataclass(frozen=True, slots=True)
class FormatOptions:
    """What writers are made of."""

    json_style: JsonStyle = JsonStyle.native
    highlight: Highlight = Highlight.none
    vtt_settings: str = ""
    review_below: float = 0.5
    colors: bool = False  # of text on a terminal
    audio: str | None = None  # where a page finds what was transcribed: an address or a path

    def needs_words(self, kind: Format) -> bool:
        """Tell whether a format can't be written without times of words."""
        marked = self.highlight is Highlight.words and kind in HIGHLIGHTED
        return marked or kind is Format.review

    def wants_words(self, kind: Format) -> bool:
        """Tell whether a format is better with times of words."""
        return self.needs_words(kind) or kind is Format.html or (self.colors and kind is Format.txt)

    def changes(self, kind: Format) -> dict[str, object]:
        """Give what makes a format's bytes differ from those of the default look, by name."""
        values = ((item, getattr(self, item.name)) for item in fields(self))
        return {
            item.name: value
            for item, value in values
            if value != item.default and kind in MATTERS.get(item.name, ())
        }


MATTERS: Mapping[str, frozenset[Format]] = {
    "highlight": HIGHLIGHTED,
    "vtt_settings": frozenset({Format.vtt}),
    "review_below": frozenset({Format.review, Format.html}),
    "audio": frozenset({Format.html}),
}  # json_style is a part of every key


def format_options_of(settings: Settings, *, colors: bool = False) -> FormatOptions:
    """Pick the settings that are about looks; whether `colors` fit is for a terminal to say."""
    names = {item.name for item in fields(FormatOptions)} & {item.name for item in fields(Settings)}
    chosen = {name: getattr(settings, name) for name in names}
    return FormatOptions(**chosen | {"colors": colors})
