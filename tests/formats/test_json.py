import json
import math
from dataclasses import replace

from tests.formats.samples import INFO, SPEECH, opened, unfinished, written
from tests.formats.schemas import TRANSCRIPT
from whisper_cli.choices import Task
from whisper_cli.formats.registry import Format, FormatOptions, JsonStyle, writer_for
from whisper_cli.transcript import Change, DecodingOptions, Info, Segment, Word


def read(style: JsonStyle, info: Info, segments=SPEECH):
    return json.loads(written(writer_for(Format.json, FormatOptions(style)), info, segments))


def asking(**options) -> Info:
    return replace(INFO, provenance=replace(INFO.provenance, options=DecodingOptions(**options)))


def test_an_interrupted_document_keeps_its_text_and_says_that_it_is_not_complete():
    document = read(JsonStyle.native, unfinished(INFO), SPEECH[:2])
    TRANSCRIPT.validate(document)
    assert document["provenance"]["complete"] is False
    assert document["text"].endswith("مرحبا بالعالم")
    assert document["duration"] is None


def test_the_keys_of_our_own_document_keep_their_order():
    reported = replace(INFO, changes=())
    assert list(read(JsonStyle.native, reported)) == list(TRANSCRIPT.schema["properties"])


def test_what_was_changed_is_told_only_where_a_change_was_asked_for():
    assert "changes" not in read(JsonStyle.native, INFO)
    change = Change(0.5, 1.0, "um", "", "filler")
    document = read(JsonStyle.native, replace(INFO, changes=(change,)))
    TRANSCRIPT.validate(document)
    assert document["changes"] == [
        {"start": 0.5, "end": 1.0, "before": "um", "after": "", "why": "filler"}
    ]


def test_numbers_that_json_has_not_become_null():
    segment = Segment(0, 1, " a", avg_logprob=-math.inf, compression_ratio=math.nan)
    (written_segment,) = read(JsonStyle.native, INFO, [segment])["segments"]
    assert written_segment["avg_logprob"] is None
    assert written_segment["compression_ratio"] is None


def test_openai_words_are_there_only_when_asked_for():
    assert "words" not in read(JsonStyle.openai, asking())
    assert read(JsonStyle.openai, asking(word_timestamps=True), [])["words"] == []


def test_openai_words_are_bare_and_the_other_shapes_keep_their_spaces():
    segments = [Segment(0, 1, " And so", words=(Word(" And", 0, 0.5, 0.9),))]
    assert read(JsonStyle.openai, INFO, segments)["words"] == [
        {"word": "And", "start": 0.0, "end": 0.5}
    ]
    spaced = [{"word": " And", "start": 0.0, "end": 0.5, "probability": 0.9}]
    assert read(JsonStyle.native, INFO, segments)["words"] == spaced
    assert read(JsonStyle.whisper, INFO, segments)["segments"][0]["words"] == spaced


def test_an_openai_translation_is_english_whatever_was_spoken():
    assert read(JsonStyle.openai, INFO)["language"] == "spanish"
    translated = read(JsonStyle.openai, asking(task=Task.TRANSLATE))
    assert (translated["task"], translated["language"]) == ("translate", "english")


def test_openai_gives_a_language_and_a_duration_even_where_none_is_known():
    writer = writer_for(Format.json, FormatOptions(JsonStyle.openai))
    silent = replace(unfinished(INFO), language=None)
    document = json.loads(opened(writer, silent, ()) + writer.end(silent, ()))
    assert (document["language"], document["duration"]) == ("", 0.0)


def test_whisper_gives_the_code_and_the_text_as_it_came():
    document = read(JsonStyle.whisper, INFO, [Segment(0, 1, " And"), Segment(1, 2, " so")])
    assert (document["language"], document["text"]) == ("es", " And so")
