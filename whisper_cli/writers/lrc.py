"""LRC lyrics: each line with the time at which it starts."""

from whisper_cli.transcript import Segment
from whisper_cli.writers.cues import CueFile
from whisper_cli.writers.timestamps import ticks


def _cue(_number: int, segment: Segment, lines: list[str]) -> str:
    seconds, hundredths = divmod(ticks(segment.start, per_second=100), 100)
    minutes, seconds = divmod(seconds, 60)
    # The space keeps a text that begins with "[0:12]" from being a second time of the line.
    return f"[{minutes:02}:{seconds:02}.{hundredths:02}] {' '.join(lines)}\n"


LRC = CueFile("text/plain", _cue)
