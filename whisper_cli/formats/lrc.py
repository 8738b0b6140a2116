"""LRC lyrics: each line with the time at which it starts, and each word where that is asked for."""

import re
from dataclasses import dataclass

from whisper_cli.choices import Highlight
from whisper_cli.formats.base import CueFile
from whisper_cli.formats.karaoke import pieces
from whisper_cli.formats.options import FormatOptions
from whisper_cli.timestamps import to_units
from whisper_cli.transcript import Segment

_CLOCK = re.compile(r"<(?=\d+:)")


@dataclass(frozen=True, slots=True)
class Lyrics(CueFile):
    """Writes a line with nothing but its time for a segment without text: it ends the one before.

    The format has no other end: a line stays until the next one.
    """

    def segment(self, number: int, segment: Segment) -> str:
        """Write one line."""
        if not segment.text:
            return f"{_tag(segment)}\n"
        return CueFile.segment(self, number, segment)


def lrc(options: FormatOptions) -> CueFile:
    """Make the writer."""
    return Lyrics(_words if options.highlight is Highlight.words else _cue)


def _cue(_number: int, segment: Segment, lines: list[str]) -> str:
    # A bracket at the start would be a second time of the line, or be cut off: players skip spaces
    # before it, but no word joiner.
    text = " ".join(lines)
    joiner = "\u2060" if text.startswith("[") else ""
    return f"{_tag(segment)} {joiner}{text}\n"


def _tag(segment: Segment) -> str:
    return f"[{_clock(to_units(segment.start, per_second=100))}]"


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
