"""Every output format, a row each; a writer is imported when it is first asked for."""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from enum import Enum, StrEnum, auto
from importlib import import_module
from typing import TYPE_CHECKING, Protocol, Self, runtime_checkable

from whisper_cli.choices import Highlight, JsonStyle
from whisper_cli.formats.options import FormatOptions

if TYPE_CHECKING:
    from whisper_cli.transcript import Info, Segment

__all__ = [
    "Format",
    "FormatKind",
    "FormatOptions",
    "FormatSpec",
    "HighlightBy",
    "JsonStyle",
    "PartialWriter",
    "Writer",
    "writer_for",
]


class FormatKind(Enum):
    """What a format is made of."""

    cue = auto()  # shown while sound plays: shaped by presets
    document = auto()  # read as a whole
    stream = auto()  # objects, each valid alone


class HighlightBy(Enum):
    """How a format marks each word as it is spoken."""

    marks = auto()  # its cues have a mark for it
    repeated_cues = auto()  # the cue comes once for each word, which is underlined


@dataclass(frozen=True, slots=True)
class FormatSpec:
    """All that is to be known of a format outside of its own module.

    `writer` is "module.attribute" below `whisper_cli.formats`: a Writer, or what makes one of
    FormatOptions. `options` are the fields of FormatOptions, beside `highlight`, that change what
    a file of it holds. `labels`: who speaks is written into the text, as there is no other place.
    """

    name: str
    kind: FormatKind
    media_type: str
    writer: str
    suffix: str = ""  # what names of its files end in, after a dot; "": its name
    highlight: HighlightBy | None = None
    labels: bool = False
    options: tuple[str, ...] = ()
    needs_words: bool = False  # with probabilities; nothing can be written without them
    word_level: bool = False
    is_text_output: bool = False  # for people to read on a terminal, where it may have colours
    partials: bool = False  # can tell what a phrase says so far: its writer is a PartialWriter
    multiple_on_stdout: bool = False
    in_api: bool = False  # a response_format of the server
    page_label: str = ""  # what the server's page offers it as, which writes it by itself
    ticks: int = 0  # a second, in which its cues need a length; 0: they need none
    columns: int = 0  # that its picture has room for, where players break lines at spaces alone
    clears: bool = False  # its cues have no end: one without text ends what is shown
    version: int = 1  # raised when its writer's output changes, so that older files are stale


_CUE, _DOCUMENT, _STREAM = FormatKind.cue, FormatKind.document, FormatKind.stream
_MARKS, _REPEATED = HighlightBy.marks, HighlightBy.repeated_cues


class Format(StrEnum):
    """An output format, by the name that it has on the command line."""

    spec: FormatSpec

    def __new__(cls, spec: FormatSpec) -> Self:
        """Make the member that a row describes."""
        member = str.__new__(cls, spec.name)
        member._value_ = spec.name
        member.spec = spec
        return member

    txt = FormatSpec(
        "txt",
        _DOCUMENT,
        "text/plain",
        "txt.writer",
        is_text_output=True,
        multiple_on_stdout=True,
        page_label="Text",
    )
    srt = FormatSpec(
        "srt",
        _CUE,
        "application/x-subrip",
        "srt.SRT",
        highlight=_REPEATED,
        labels=True,
        ticks=1000,
        in_api=True,
        page_label="SRT",
    )
    vtt = FormatSpec(
        "vtt",
        _CUE,
        "text/vtt",
        "vtt.vtt",
        highlight=_MARKS,
        options=("vtt_settings",),
        ticks=1000,
        in_api=True,
        page_label="WebVTT",
    )
    json = FormatSpec(
        "json",
        _DOCUMENT,
        "application/json",
        "json.writer",
        options=("json_style",),
        page_label="JSON",
    )
    jsonl = FormatSpec(
        "jsonl",
        _STREAM,
        "application/x-ndjson",
        "jsonl.writer",
        partials=True,
        multiple_on_stdout=True,
    )
    tsv = FormatSpec("tsv", _CUE, "text/tab-separated-values", "tsv.TSV")
    lrc = FormatSpec(
        "lrc",
        _CUE,
        "text/plain",
        "lrc.lrc",
        highlight=_MARKS,
        labels=True,
        ticks=100,
        clears=True,
        version=2,
    )
    ass = FormatSpec(
        "ass",
        _CUE,
        "text/x-ssa",
        "ass.ass",
        highlight=_MARKS,
        ticks=100,
        columns=76,  # 38 full-width characters of 60 pixels between margins of 120 of 1920
        version=2,
    )
    ttml = FormatSpec(
        "ttml", _CUE, "application/ttml+xml", "ttml.TTML", labels=True, ticks=1000, version=2
    )
    csv = FormatSpec("csv", _DOCUMENT, "text/csv", "csv.CSV", version=2)
    md = FormatSpec("md", _DOCUMENT, "text/markdown", "md.MD")
    html = FormatSpec(
        "html",
        _DOCUMENT,
        "text/html",
        "html.html",
        options=("review_below", "audio"),
        word_level=True,
    )
    review = FormatSpec(
        "review",
        _DOCUMENT,
        "text/csv",
        "csv.review",
        suffix="review.csv",
        options=("review_below",),
        needs_words=True,
        version=2,
    )

    @property
    def suffix(self) -> str:
        """What the names of its files end in, after a dot."""
        return self.spec.suffix or self.spec.name

    @property
    def is_cue(self) -> bool:
        """Say whether presets shape it."""
        return self.spec.kind is FormatKind.cue

    def takes(self, option: str) -> bool:
        """Say whether a field of FormatOptions changes what a file of it holds."""
        return option in self.spec.options or (option == "highlight" and bool(self.spec.highlight))

    def needs_words(self, options: FormatOptions) -> bool:
        """Tell whether it can't be written without times of words."""
        marked = options.highlight is Highlight.words and self.spec.highlight is not None
        return marked or self.spec.needs_words

    def uses_words(self, options: FormatOptions) -> bool:
        """Tell whether it is better with times of words."""
        colored = options.colors and self.spec.is_text_output
        return self.needs_words(options) or self.spec.word_level or colored

    def changes(self, options: FormatOptions) -> dict[str, object]:
        """Give what makes its bytes differ from those of the default look, by name."""
        values = ((item, getattr(options, item.name)) for item in fields(options))
        return {
            item.name: value
            for item, value in values
            if value != item.default and self.takes(item.name)
        }


class Writer(Protocol):
    """Turn a transcript into text one event at a time, holding no state.

    Whatever the texts and times are, what is written encodes to UTF-8 and parses.
    """

    def begin(self, info: "Info") -> str:
        """Write what stands before the segments."""
        ...

    def segment(self, number: int, segment: "Segment") -> str:
        """Write one segment; `number` counts from 1, and only those whose text isn't blank.

        Where the format `clears`, an empty text ends what is shown.
        """
        ...

    def closing(self, info: "Info", number: int) -> str:
        """Write what makes the text valid after `number` segments, if it isn't as it stands.

        The next segment is written over it.
        """
        ...

    def end(self, info: "Info", segments: "Sequence[Segment]") -> str:
        """Write what stands after the segments, which some formats sum up there."""
        ...


@runtime_checkable
class PartialWriter(Writer, Protocol):
    """A writer that can also write what is not settled yet."""

    def partial(self, segment: "Segment") -> str:
        """Write what a phrase says so far that is still spoken."""
        ...


def writer_for(kind: Format, options: FormatOptions = FormatOptions(), source: str = "-") -> Writer:  # noqa: B008
    """Choose the writer; `source` is the input's name, which each line of JSONL repeats."""
    module, _, name = kind.spec.writer.partition(".")
    found = getattr(import_module(f"whisper_cli.formats.{module}"), name)
    contains: Writer = found(replace(options, input_name=source)) if callable(found) else found
    return contains
