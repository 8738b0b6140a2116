"""SubRip subtitles."""

import re

from whisper_cli.formats.base import CueFile
from whisper_cli.timestamps import clock, span
from whisper_cli.transcript import Segment

# SRT knows no escape: an arrow, or a clock at the start of a line, may pass for the next cue.
_ARROW = re.compile(r"-{2,}>")
_BREAK_BEFORE_CLOCK = re.compile(r"\n(?=\d+[^\w\s]\d+[^\w\s]\d)")


def _cue(number: int, segment: Segment, lines: list[str]) -> str:
    start, end = span(segment)
    text = _BREAK_BEFORE_CLOCK.sub(" ", _ARROW.sub("->", "\n".join(lines)))
    return f"{number}\n{clock(start, ',')} --> {clock(end, ',')}\n{text}\n\n"


SRT = CueFile(_cue)
