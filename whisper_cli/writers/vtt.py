"""WebVTT subtitles."""

from functools import partial

from whisper_cli.choices import Highlight
from whisper_cli.transcript import Segment
from whisper_cli.writers.cues import CueFile
from whisper_cli.writers.karaoke import Piece, pieces
from whisper_cli.writers.look import Look
from whisper_cli.writers.timestamps import clock, span

_ESCAPES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})


def vtt(look: Look) -> CueFile:
    """Make the writer."""
    return CueFile("text/vtt", partial(_cue, look), header="WEBVTT\n\n")


def _cue(look: Look, _number: int, segment: Segment, lines: list[str]) -> str:
    start, end = span(segment)
    text = "\n".join(lines)
    found = pieces(text, segment) if look.highlight is Highlight.words else []
    shown = _timed(found, start, end) if found else text.translate(_ESCAPES)
    return f"{clock(start, '.')} --> {clock(end, '.')}\n{shown}\n\n"


def _timed(found: list[Piece], start: int, end: int) -> str:
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
