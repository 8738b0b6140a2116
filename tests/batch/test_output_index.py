"""What makes an output current: the names of works."""

from dataclasses import replace

import pytest

from whisper_cli.batch.output_index import output_key, words_key
from whisper_cli.formats.options import FormatOptions
from whisper_cli.formats.registry import Format
from whisper_cli.transcript import ADDED_OPTIONS, DecodingOptions, Info, Provenance

INFO = Info("x", Provenance("t", "m", None, "r", "cpu", "int8", DecodingOptions(), "x", "0" * 64))


def test_a_new_option_makes_no_older_output_stale():
    """The names are those of a release that had none of the options added since."""
    words = "51d8406ab8d62488d226b4507813cd3d283f1b10e7cd14d63ec78ccb2a15ca33"
    subtitles = "1ea044d85feda59390ac873de021e6fe43dcf54155e46cf1344a8789360243f2"
    assert words_key(INFO) == words
    assert output_key(INFO, Format.srt, FormatOptions()) == subtitles


@pytest.mark.parametrize("name", ADDED_OPTIONS)
def test_an_option_that_is_given_makes_another_output(name):
    options = replace(DecodingOptions(), **{name: 0.5})
    other = replace(INFO, provenance=replace(INFO.provenance, options=options))
    assert words_key(other) != words_key(INFO)
    assert output_key(other, Format.srt, FormatOptions()) != output_key(
        INFO, Format.srt, FormatOptions()
    )
