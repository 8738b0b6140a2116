"""How a person wants formats to look, beside the words and their times."""

from dataclasses import dataclass

from whisper_cli.choices import Highlight, JsonStyle


@dataclass(frozen=True, slots=True)
class FormatOptions:
    """What writers are made of."""

    json_style: JsonStyle = JsonStyle.native
    highlight: Highlight = Highlight.none
    vtt_settings: str = ""
    review_below: float = 0.5
    colors: bool = False  # of text on a terminal
    audio: str | None = None  # where a page finds what was transcribed: an address or a path
    input_name: str = "-"
