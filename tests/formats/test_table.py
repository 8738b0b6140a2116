from dataclasses import fields

import pytest

from tests.formats.samples import INFO, SPEECH, unfinished, written
from tests.formats.schemas import JSONL, TRANSCRIPT
from whisper_cli.formats.json import STYLES
from whisper_cli.formats.registry import (
    Format,
    JsonStyle,
    writer_for,
)
from whisper_cli.transcript import DecodingOptions, Provenance


def test_each_format_and_each_json_style_has_its_row():
    assert all(writer_for(kind) for kind in Format)
    assert set(STYLES) == set(JsonStyle)


@pytest.mark.parametrize("kind", Format)
def test_each_format_names_its_media_type(kind):
    group, _, name = kind.spec.media_type.partition("/")
    assert group in ("application", "text")
    assert name


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
    ours, lines = TRANSCRIPT.schema["$defs"], JSONL.schema["$defs"]
    for name in ("word", "options", "provenance"):
        assert ours[name] == lines[name]
    named = {name: lines["segment"]["properties"][name] for name in ("type", "source")}
    assert lines["segment"]["properties"] == named | ours["segment"]["properties"]


@pytest.mark.parametrize(
    ("name", "noun"), [("options", DecodingOptions), ("provenance", Provenance)]
)
def test_the_schema_describes_every_field_of_the_provenance(name, noun):
    described = TRANSCRIPT.schema["$defs"][name]
    assert list(described["properties"]) == [field.name for field in fields(noun)]
    assert described["required"] == list(described["properties"])
