"""WebVTT subtitles."""

import re
from functools import partial

from whisper_cli.choices import Highlight
from whisper_cli.errors import ConfigError
from whisper_cli.formats.base import CueFile
from whisper_cli.formats.karaoke import HighlightedWord, pieces
from whisper_cli.formats.options import FormatOptions
from whisper_cli.formats.text import speaker
from whisper_cli.timestamps import clock, span
from whisper_cli.transcript import Segment

_PERCENT = r"(100(\.0+)?|\d{1,2}(\.\d+)?)%"
# https://www.w3.org/TR/webvtt1/#webvtt-cue-settings, but for regions, which a header would define
_SETTINGS = {
    "vertical": "rl|lr",
    "line": rf"(-?\d{{1,4}}|{_PERCENT})(,(start|center|end))?",
    "position": rf"{_PERCENT}(,(line-left|center|line-right))?",
    "size": _PERCENT,
    "align": "start|center|end|left|right",
}
_ESCAPES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})


def parse_settings(text: str) -> str:
    """Check the settings of cues, such as "line:0 align:start". Raises ConfigError."""
    given = text.split()
    names = [item.partition(":")[0] for item in given]
    for name, setting in zip(names, given, strict=True):
        if not re.fullmatch(_SETTINGS.get(name, "(?!)"), setting.partition(":")[2]):
            raise ConfigError(
                f'"{setting}" is no setting of a WebVTT cue',
                hint="vertical:rl line:0 line:90%,end position:10%,line-left size:50% align:start",
            )
        if names.count(name) > 1:
            raise ConfigError(f'"{name}" is set twice')
    return " ".join(given)


def vtt(options: FormatOptions) -> CueFile:
    """Make the writer."""
    return CueFile(partial(_cue, options), header="WEBVTT\n\n")


def _cue(options: FormatOptions, _number: int, segment: Segment, lines: list[str]) -> str:
    start, end = span(segment)
    text = "\n".join(lines)
    found = pieces(text, segment) if options.highlight is Highlight.words else []
    shown = _timed(found, start, end) if found else text.translate(_ESCAPES)
    name = speaker(segment).translate(_ESCAPES)
    voice = f"<v {name}>" if name else ""
    settings = f" {options.vtt_settings}" if options.vtt_settings else ""
    return f"{clock(start, '.')} --> {clock(end, '.')}{settings}\n{voice}{shown}\n\n"


def _timed(found: list[HighlightedWord], start: int, end: int) -> str:
    """Put a time before each word: the standard asks for later ones each, inside of the cue.

    There is no STYLE block for `::cue(c:future)`: FFmpeg 5 reads no cue after one.
    """
    text, reached = "", start
    for piece in found:
        text += piece.space
        if reached < piece.start < end:
            text += f"<{clock(piece.start, '.')}>"
            reached = piece.start
        if piece.text:
            text += f"<c>{piece.text.translate(_ESCAPES)}</c>"
    return text
