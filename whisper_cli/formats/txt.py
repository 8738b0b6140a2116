"""Plain text: one segment a line, doubtful words in colour on a terminal."""

from functools import partial

from whisper_cli.formats.base import CueFile
from whisper_cli.formats.karaoke import HighlightedWord, pieces
from whisper_cli.formats.options import FormatOptions
from whisper_cli.formats.text import with_label
from whisper_cli.transcript import Segment


def _cue(_number: int, segment: Segment, lines: list[str]) -> str:
    return with_label(segment, lines) + "\n"


TXT = CueFile(_cue)
_RED, _YELLOW, _PLAIN = "\x1b[31m", "\x1b[33m", "\x1b[0m"  # of the terminal's own palette


def writer(options: FormatOptions) -> CueFile:
    """Choose the writer, which colours doubtful words where that is asked for."""
    return colored(options) if options.colors else TXT


def colored(options: FormatOptions) -> CueFile:
    """Make the writer: yellow under the look's `review_below`, red under half of it."""
    return CueFile(partial(_colored_cue, options.review_below))


def _colored_cue(below: float, _number: int, segment: Segment, lines: list[str]) -> str:
    text = " ".join(lines)
    parts = pieces(text, segment) or [HighlightedWord("", text, 0, 0)]
    shown = "".join(item.space + _shown(item, below) for item in parts)
    return with_label(segment, [shown]) + "\n"


def _shown(piece: HighlightedWord, below: float) -> str:
    if not 0 < piece.probability < below:
        return piece.text
    return (_RED if piece.probability < below / 2 else _YELLOW) + piece.text + _PLAIN
