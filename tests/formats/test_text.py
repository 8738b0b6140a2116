from hypothesis import example, given
from hypothesis import strategies as st

from whisper_cli.formats.registry import Format, writer_for
from whisper_cli.formats.text import encodable, lines
from whisper_cli.transcript import Segment

any_text = st.text(st.characters())


@given(any_text)
@example("\x1f")
def test_only_white_space_has_no_lines(text):
    assert bool(lines(text)) is bool(text.strip())


@given(any_text)
def test_lines_are_whole_stripped_and_encodable(text):
    for line in lines(text):
        assert line == line.strip() != ""
        assert line.encode().decode().splitlines() == [line]


@given(st.text())
def test_text_without_surrogates_is_encodable_as_it_is(text):
    assert encodable(text) == text


def test_a_surrogate_pair_becomes_its_character_and_half_a_pair_a_replacement():
    assert encodable("\ud83d\ude00 \ud83d x \ude00") == "😀 \ufffd x \ufffd"


def test_control_characters_become_replacements_but_tabs_stay():
    assert lines("\x00a\tb\x1b\x7f\x9f") == ["\ufffda\tb\ufffd\ufffd\ufffd"]


def test_typographic_spaces_stay():
    assert lines("10\xa0% \u3000世界") == ["10\xa0% \u3000世界"]


def test_a_blank_segment_is_left_out_of_what_people_read():
    for kind in set(Format) - {Format.json, Format.jsonl}:
        assert writer_for(kind).segment(1, Segment(0, 1, " \n\u2028\t ")) == ""
