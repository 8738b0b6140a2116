"""Advanced SubStation Alpha subtitles, styled for a picture of 1920 x 1080."""

import re
from functools import cache, partial

from whisper_cli.choices import Highlight
from whisper_cli.formats.base import CueFile
from whisper_cli.formats.karaoke import pieces
from whisper_cli.formats.options import FormatOptions
from whisper_cli.formats.text import speaker
from whisper_cli.timestamps import to_units
from whisper_cli.transcript import Segment

# The format knows no escape that every player understands: braces begin and end what is no text,
# and a backslash some letters; one that a word joiner follows is only a backslash.
_BRACES = str.maketrans("{}", "()")
_BACKSLASH = re.compile(r"\\(?=[Nnh])")


def ass(options: FormatOptions) -> CueFile:
    """Make the writer."""
    return CueFile(partial(_cue, options), header=_header())


@cache
def _header() -> str:
    """Describe the picture and the one style; words still to be spoken are grey."""
    from pysubs2 import Alignment, Color, SSAFile, SSAStyle

    file = SSAFile()
    file.info = {"WrapStyle": "0", "ScaledBorderAndShadow": "yes"}
    file.info |= {"PlayResX": "1920", "PlayResY": "1080", "YCbCr Matrix": "None"}
    file.styles["Default"] = SSAStyle(
        fontname="Arial",
        fontsize=60,
        primarycolor=Color(255, 255, 255),
        secondarycolor=Color(160, 160, 160),
        outline=3,
        shadow=0,
        alignment=Alignment.BOTTOM_CENTER,
        marginl=120,
        marginr=120,
        marginv=60,
        encoding=-1,  # libass then lets the letters decide from which side text runs
    )
    return file.to_string("ass", header_notice="")


def _cue(options: FormatOptions, _number: int, segment: Segment, lines: list[str]) -> str:
    start = to_units(segment.start, per_second=100)
    end = max(start, to_units(segment.end, per_second=100))
    text = "\n".join(lines)
    found = pieces(text, segment, per_second=100) if options.highlight is Highlight.words else []
    marked = (f"{item.space}{{\\k{item.end - item.start}}}{_plain(item.text)}" for item in found)
    shown = ("".join(marked) or _plain(text)).replace("\n", "\\N")
    name = speaker(segment).replace(",", ";")
    return f"Dialogue: 0,{_clock(start)},{_clock(end)},Default,{name},0,0,0,,{shown}\n"


def _plain(text: str) -> str:
    return _BACKSLASH.sub("\\\\\u2060", text.translate(_BRACES))


def _clock(hundredths: int) -> str:
    seconds, hundredths = divmod(hundredths, 100)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}.{hundredths:02}"
