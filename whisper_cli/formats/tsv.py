"""Tab-separated values: whole milliseconds and a text, as openai-whisper writes them."""

from whisper_cli.formats.base import CueFile
from whisper_cli.formats.text import with_label
from whisper_cli.timestamps import span
from whisper_cli.transcript import Segment


def _cue(_number: int, segment: Segment, lines: list[str]) -> str:
    start, end = span(segment)
    # The format has no quoting: a quotation mark is a character like others.
    text = with_label(segment, lines).replace("\t", " ")
    return f"{start}\t{end}\t{text}\n"


TSV = CueFile(_cue, header="start\tend\ttext\n")
