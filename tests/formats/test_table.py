import re
from dataclasses import fields
from pathlib import Path

import pytest

from tests.formats.samples import INFO, SPEECH, unfinished, written
from tests.formats.schemas import JSONL, TRANSCRIPT
from whisper_cli import serve
from whisper_cli.choices import Highlight
from whisper_cli.formats.json import STYLES
from whisper_cli.formats.registry import (
    Format,
    FormatKind,
    FormatOptions,
    HighlightBy,
    JsonStyle,
    PartialWriter,
    writer_for,
)
from whisper_cli.transcript import ADDED_OPTIONS, DecodingOptions, Provenance


def test_each_format_and_each_json_style_has_its_row():
    assert all(writer_for(kind) for kind in Format)
    assert set(STYLES) == set(JsonStyle)


@pytest.mark.parametrize("kind", Format)
def test_each_format_names_its_media_type(kind):
    group, _, name = kind.spec.media_type.partition("/")
    assert group in ("application", "text")
    assert name


@pytest.mark.parametrize("kind", Format)
def test_a_row_says_what_its_writer_can_do(kind):
    spec, writer = kind.spec, writer_for(kind)
    assert spec.partials == isinstance(writer, PartialWriter)
    assert set(spec.options) <= {item.name for item in fields(FormatOptions)}
    assert spec.kind is FormatKind.cue or not (spec.labels or spec.highlight)
    if spec.highlight is HighlightBy.marks:
        marked = FormatOptions(highlight=Highlight.words)
        plain, shown = (
            writer_for(kind, format_options) for format_options in (FormatOptions(), marked)
        )
        assert written(plain, INFO, SPEECH) != written(shown, INFO, SPEECH)


def test_the_documentation_names_each_format():
    root = Path(__file__).parents[2]
    pages = [root / "README.md", *(root / "docs").rglob("*.md")]
    lines = [line for page in pages for line in page.read_text("utf-8").splitlines()]
    rows = " ".join(line for line in lines if line.startswith("| `"))
    assert not [kind for kind in Format if f"`{kind}`" not in rows]


@pytest.mark.parametrize("kind", Format)
def test_only_the_bracketed_formats_need_to_be_closed(kind):
    closed = bool(writer_for(kind).closing(INFO, 1))
    assert closed is (kind in (Format.json, Format.ttml, Format.html))


@pytest.mark.parametrize("kind", Format)
def test_a_writer_holds_no_state(kind):
    writer = writer_for(kind)
    assert written(writer, INFO, SPEECH) == written(writer, INFO, SPEECH)
    assert written(writer, unfinished(INFO), SPEECH[:2]) == written(
        writer_for(kind), unfinished(INFO), SPEECH[:2]
    )


def test_the_schemas_are_valid_and_share_their_parts():
    for validator in (TRANSCRIPT, JSONL):
        validator.check_schema(validator.schema)
    owned, lines = TRANSCRIPT.schema["$defs"], JSONL.schema["$defs"]
    for name in ("word", "options", "provenance"):
        assert owned[name] == lines[name]
    named = {name: lines["segment"]["properties"][name] for name in ("type", "source")}
    assert lines["segment"]["properties"] == named | owned["segment"]["properties"]


@pytest.mark.parametrize(
    ("name", "noun"), [("options", DecodingOptions), ("provenance", Provenance)]
)
def test_the_schema_describes_every_field_of_the_provenance(name, noun):
    described = TRANSCRIPT.schema["$defs"][name]
    assert list(described["properties"]) == [field.name for field in fields(noun)]
    added = ADDED_OPTIONS if name == "options" else ()  # transcripts of before haven't these
    assert described["required"] == [item for item in described["properties"] if item not in added]


def test_the_page_writes_each_format_that_it_offers():
    code = (Path(serve.__file__).parent / "page" / "formats.js").read_text("utf-8")
    [listed] = re.findall(r"export const WRITERS = \{([^}]*)\}", code)
    offered = [kind for kind in Format if kind.spec.page_label]
    assert [name.strip() for name in listed.split(",")] == offered


def test_no_module_outside_of_the_formats_asks_which_one_it_is():
    root = Path(serve.__file__).parents[1]
    asking = re.compile(r"(?:is|is not|==|!=|in) \(?Format\.|\{Format\.")
    modules = [path for path in root.rglob("*.py") if path.parent.name != "formats"]
    assert not [path for path in modules if asking.search(path.read_text("utf-8"))]
