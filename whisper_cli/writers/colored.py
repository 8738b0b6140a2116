"""Plain text for a terminal, doubtful words in colour."""

from functools import partial

from whisper_cli.transcript import Segment
from whisper_cli.writers.cues import CueFile
from whisper_cli.writers.karaoke import Piece, pieces
from whisper_cli.writers.look import Look
from whisper_cli.writers.text import labelled

_RED, _YELLOW, _PLAIN = "\x1b[31m", "\x1b[33m", "\x1b[0m"  # of the terminal's own palette


def colored(look: Look) -> CueFile:
    """Make the writer: yellow under the look's `review_below`, red under half of it."""
    return CueFile("text/plain", partial(_cue, look.review_below))


def _cue(below: float, _number: int, segment: Segment, lines: list[str]) -> str:
    text = " ".join(lines)
    parts = pieces(text, segment) or [Piece("", text, 0, 0)]
    shown = "".join(each.space + _shown(each, below) for each in parts)
    return labelled(segment, [shown]) + "\n"


def _shown(piece: Piece, below: float) -> str:
    if not 0 < piece.probability < below:
        return piece.text
    return (_RED if piece.probability < below / 2 else _YELLOW) + piece.text + _PLAIN
