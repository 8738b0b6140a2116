"""LRC lyrics: each line with the time at which it starts, and each word where that is asked for."""

import re

from whisper_cli.choices import Highlight
from whisper_cli.formats.base import CueFile
from whisper_cli.formats.karaoke import pieces
from whisper_cli.formats.options import FormatOptions
from whisper_cli.timestamps import to_units
from whisper_cli.transcript import Segment

_CLOCK = re.compile(r"<(?=\d+:)")


def lrc(options: FormatOptions) -> CueFile:
    """Make the writer."""
    return CueFile(_words if options.highlight is Highlight.words else _cue)


def _cue(_number: int, segment: Segment, lines: list[str]) -> str:
    # The space keeps a text that begins with "[0:12]" from being a second time of the line.
    return f"[{_clock(to_units(segment.start, per_second=100))}] {' '.join(lines)}\n"


def _words(number: int, segment: Segment, lines: list[str]) -> str:
    """Write the enhanced form, in which "<00:12.00>" stands before each word."""
    found = pieces(" ".join(lines), segment, per_second=100)
    words = [
        f"{item.space}<{_clock(item.start)}>{_CLOCK.sub('< ', item.text)}"
        for item in found
        if item.text
    ]
    return _cue(number, segment, ["".join(words)] if words else lines)


def _clock(hundredths: int) -> str:
    seconds, hundredths = divmod(hundredths, 100)
    minutes, seconds = divmod(seconds, 60)
    return f"{minutes:02}:{seconds:02}.{hundredths:02}"
