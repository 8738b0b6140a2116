"""Plain text: one segment a line."""

from whisper_cli.transcript import Segment
from whisper_cli.writers.cues import CueFile


def _cue(_number: int, _segment: Segment, lines: list[str]) -> str:
    return " ".join(lines) + "\n"


TXT = CueFile("text/plain", _cue)
