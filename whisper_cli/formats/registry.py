"""One writer per output format, and the table that knows them all."""

from collections.abc import Callable, Sequence
from typing import Protocol

from whisper_cli.choices import Format, JsonStyle
from whisper_cli.formats.ass import ass
from whisper_cli.formats.csv import CSV, review
from whisper_cli.formats.html import html
from whisper_cli.formats.json import NATIVE, OPENAI, WHISPER
from whisper_cli.formats.jsonl import Jsonl
from whisper_cli.formats.lrc import lrc
from whisper_cli.formats.md import MD
from whisper_cli.formats.options import FormatOptions
from whisper_cli.formats.srt import SRT
from whisper_cli.formats.tsv import TSV
from whisper_cli.formats.ttml import TTML
from whisper_cli.formats.txt import TXT, colored
from whisper_cli.formats.vtt import vtt
from whisper_cli.transcript import Info, Segment

__all__ = ["JSON_STYLES", "WRITERS", "Format", "FormatOptions", "JsonStyle", "Writer", "writer_for"]


class Writer(Protocol):
    """Turn a transcript into text one event at a time, holding no state.

    Whatever the texts and times are, what is written encodes to UTF-8 and parses.
    """

    @property
    def media_type(self) -> str:
        """Name the format as HTTP does."""
        ...

    def begin(self, info: Info) -> str:
        """Write what stands before the segments."""
        ...

    def segment(self, number: int, segment: Segment) -> str:
        """Write one segment; `number` counts from 1, and only those whose text isn't blank."""
        ...

    def closing(self, info: Info, number: int) -> str:
        """Write what makes the text valid after `number` segments, if it isn't as it stands.

        The next segment is written over it.
        """
        ...

    def end(self, info: Info, segments: Sequence[Segment]) -> str:
        """Write what stands after the segments, which some formats sum up there."""
        ...


JSON_STYLES: dict[JsonStyle, Writer] = {
    JsonStyle.native: NATIVE,
    JsonStyle.openai: OPENAI,
    JsonStyle.whisper: WHISPER,
}

WRITERS: dict[Format, Callable[[FormatOptions, str], Writer]] = {
    Format.txt: lambda look, _: colored(look) if look.colors else TXT,
    Format.srt: lambda *_: SRT,
    Format.vtt: lambda look, _: vtt(look),
    Format.json: lambda look, _: JSON_STYLES[look.json_style],
    Format.jsonl: lambda _, source: Jsonl(source),
    Format.tsv: lambda *_: TSV,
    Format.lrc: lambda look, _: lrc(look),
    Format.ass: lambda look, _: ass(look),
    Format.ttml: lambda *_: TTML,
    Format.csv: lambda *_: CSV,
    Format.md: lambda *_: MD,
    Format.html: lambda look, _: html(look),
    Format.review: lambda look, _: review(look),
}


def writer_for(kind: Format, look: FormatOptions = FormatOptions(), source: str = "-") -> Writer:  # noqa: B008
    """Choose the writer; `source` is the input's name, which each line of JSONL repeats."""
    return WRITERS[kind](look, source)
