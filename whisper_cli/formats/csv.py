"""Comma-separated values for spreadsheets: what was said, and what is doubtful of it."""

import csv
import io
from functools import partial

from whisper_cli.formats.base import CueFile
from whisper_cli.formats.options import FormatOptions
from whisper_cli.formats.text import lines as clean
from whisper_cli.formats.text import speaker
from whisper_cli.timestamps import span
from whisper_cli.transcript import Segment, Word

_FORMULA = ("=", "+", "-", "@", "\t", "\r")  # what a cell begins with that spreadsheets compute


def _plain(text: str) -> str:
    """Put an apostrophe before what a spreadsheet would take for a formula.

    Before what has apostrophes there already too, so that taking one off gives the text again.
    """
    return f"'{text}" if text.lstrip("'").startswith(_FORMULA) else text


def _row(*cells: str) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(cells)
    return text.getvalue()


def _seconds(item: Segment | Word) -> list[str]:
    return [f"{time / 1000:.3f}" for time in span(item)]


def _cue(_number: int, segment: Segment, lines: list[str]) -> str:
    return _row(*_seconds(segment), _plain(speaker(segment)), _plain(" ".join(lines)))


CSV = CueFile(_cue, header="start,end,speaker,text\n")


def review(options: FormatOptions) -> CueFile:
    """Make the writer that lists words less probable than the look's `review_below`.

    A probability of 0 is that of words that nothing is known of.
    """
    header = "start,end,word,probability,text\n"
    return CueFile(partial(_problems, options.review_below), header)


def _problems(below: float, _number: int, segment: Segment, lines: list[str]) -> str:
    low = [word for word in segment.words if 0 < word.probability < below]
    return "".join(
        _row(*_seconds(word), _plain(shown), f"{word.probability:.3f}", _plain(" ".join(lines)))
        for word in low
        if (shown := " ".join(clean(word.word)))
    )
