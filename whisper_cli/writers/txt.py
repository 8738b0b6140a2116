"""Plain text: one segment a line."""

from whisper_cli.transcript import Segment
from whisper_cli.writers.cues import CueFile
from whisper_cli.writers.text import labelled


def _cue(_number: int, segment: Segment, lines: list[str]) -> str:
    return labelled(segment, lines) + "\n"


TXT = CueFile("text/plain", _cue)
