"""WebVTT subtitles."""

from whisper_cli.transcript import Segment
from whisper_cli.writers.cues import CueFile
from whisper_cli.writers.timestamps import clock, span

_ESCAPES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})


def _cue(_number: int, segment: Segment, lines: list[str]) -> str:
    start, end = span(segment)
    text = "\n".join(lines).translate(_ESCAPES)
    return f"{clock(start, '.')} --> {clock(end, '.')}\n{text}\n\n"


VTT = CueFile("text/vtt", _cue, header="WEBVTT\n\n")
