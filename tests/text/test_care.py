"""Texts cared for: words and text stay one, times stay, every change is told."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from whisper_cli.errors import ConfigError
from whisper_cli.text.editor import TextEditor, TextOptions
from whisper_cli.text.fillers import filler_words
from whisper_cli.text.replacements import Replacement, ReplacementKind, read_rules
from whisper_cli.transcript import Change, Segment, Word

FILLERS = TextOptions(fillers=True)


def spoken(text: str, *, timed: bool = True) -> Segment:
    """A segment of half a second a word."""
    tokens = re.findall(r"\s*\S+", text)
    words = tuple(Word(token, n / 2, n / 2 + 0.5, 0.9) for n, token in enumerate(tokens))
    return Segment(0.0, len(tokens) / 2, text, words=words if timed else ())


def edited(
    text: str, text_options: TextOptions, language: str | None = "en", *, timed: bool = True
):
    text_editor = TextEditor(text_options, language)
    return list(text_editor.add(spoken(text, timed=timed))), text_editor.changes


def replacing(*rules: tuple[str, str, str]) -> TextOptions:
    return TextOptions(
        tuple(Replacement(ReplacementKind(kind), before, after) for kind, before, after in rules)
    )


def test_an_asterisk_alone_masks_every_word():
    [segment], _ = edited(" So, it's 5.", TextOptions(masked=("*",)))
    assert segment.text == " S*, i*'s 5."


@pytest.mark.parametrize(
    ("language", "said", "left"),
    [
        ("en", " Um, so I went, uh, home, um.", " So I went home."),
        ("en", " I, um, think", " I think"),
        ("en", " I went home um.", " I went home."),
        ("en", " Um. Uh, yes, uh-huh.", " Yes, uh-huh."),
        ("en", " He is er um... nice", " He is nice"),
        ("en", ' "Um, yes" she said', ' "Yes" she said'),
        ("en", " Did you, uh?", " Did you?"),
        ("en", " the drum, the hum", " the drum, the hum"),
        ("en", " Er geht, äh, heim", " Geht, äh, heim"),
        ("de", " Er geht, äh, heim", " Er geht heim"),
        ("fr", " Euh, je crois", " Je crois"),
        ("ja", "えーと、今日は", "今日は"),
        ("ja", "ねえーとても", "ねえーとても"),
        (None, " Um, no language", " Um, no language"),
    ],
)
@pytest.mark.parametrize("timed", [True, False])
def test_fillers_go_and_what_is_around_them_is_mended(language, said, left, timed):
    [segment], _ = edited(said, FILLERS, language, timed=timed)
    assert segment.text == left


def test_a_segment_without_another_word_is_dropped_and_its_capital_goes_to_the_next():
    text_editor = TextEditor(FILLERS, "en")
    assert list(text_editor.add(spoken(" Um,"))) == []
    assert [item.text for item in text_editor.add(spoken(" so it is."))] == [" So it is."]
    assert [(item.before, item.reason) for item in text_editor.changes] == [
        ("Um,", "filler"),
        ("so", "capital"),
    ]
    assert list(text_editor.add(spoken(" Uh."))) == []
    assert [item.text for item in text_editor.add(spoken(" and then"))] == [" and then"]


def test_what_stays_keeps_its_times():
    [segment], changes = edited(" Um, so I, uh, went", FILLERS)
    assert [(word.word, word.start) for word in segment.words] == [
        (" So", 0.5),
        (" I", 1.0),
        (" went", 2.0),
    ]
    assert segment.start == 0.5
    assert Change(0.0, 0.5, "Um,", "", "filler") in changes


@pytest.mark.parametrize(
    ("rule", "said", "left"),
    [
        (("word", "color", "colour"), " Color, COLOR colors color's", " Colour, COLOUR colors colour's"),  # noqa: E501
        (("word", "jay son", "JSON"), " the jay  son file", " the JSON file"),
        (("exact", "us", "US"), " us Us bus", " US Us bus"),
        (("word", "do", "DO"), " don't do", " don't DO"),
        (("word", "東京", "Tokyo"), "ここは東京です", "ここはTokyoです"),
        (("pattern", r"(\d+) per cent", r"\1 %"), " about 5 per cent", " about 5 %"),
        (("pattern", r"(?i)mr\.? (?P<name>\w+)", r"\g<name>"), " Mr. Smith", " Smith"),
        (("word", "please", ""), " yes please now", " yes now"),
        (("word", "C++", "Rust"), " in C++, not C", " in Rust, not C"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("timed", [True, False])
def test_replacements_match_whole_words_and_take_over_capitals(rule, said, left, timed):
    [segment], _ = edited(said, replacing(rule), timed=timed)
    assert segment.text == left
    assert "".join(word.word for word in segment.words) == (left if timed else "")


def test_several_words_for_one_share_its_time_by_their_width():
    [segment], changes = edited(" we ok then", replacing(("word", "ok", "all right")))
    assert [(word.word, word.start, word.end) for word in segment.words] == [
        (" we", 0.0, 0.5),
        (" all", 0.5, 0.6875),
        (" right", 0.6875, 1.0),
        (" then", 1.0, 1.5),
    ]
    assert changes == [Change(0.5, 1.0, "ok", "all right", "replace")]


def test_each_rule_sees_what_those_before_it_left_and_the_mask_comes_last():
    text_options = TextOptions(
        (
            Replacement(ReplacementKind.word, "heck", "hell"),
            Replacement(ReplacementKind.word, "hell", "shit"),
        ),
        profanity=True,
        masked=("dar*",),
    )
    [segment], changes = edited(" Heck, Darned shitake", text_options)
    assert segment.text == " S***, D***** shitake"
    assert [(item.before, item.after, item.reason) for item in changes] == [
        ("Heck,", "Hell,", "replace"),
        ("Hell,", "Shit,", "replace"),
        ("Shit,", "S***,", "profanity"),
        ("Darned", "D*****", "profanity"),
    ]


def test_words_that_are_spelled_unlike_the_text_are_cared_for_each_for_itself():
    bare = tuple(Word(text, n, n + 1.0, 1.0) for n, text in enumerate([" Um", " so", " what"]))
    segment = Segment(0.0, 3.0, " Um, so what?", words=bare)
    [left] = TextEditor(FILLERS, "en").add(segment)
    assert left.text == " So what?"
    assert [word.word for word in left.words] == [" So", " what"]


TOKENS = st.sampled_from(
    [
        "um",
        "Uh,",
        "er...",
        "yes.",
        "No",
        "color",
        "ok,",
        '"ah',
        "fuck",
        "5",
        "%",
        "—",
        "Um.",
        "it's",
    ]
)


@given(st.lists(TOKENS, min_size=1, max_size=12))
def test_words_are_the_text_times_run_on_and_no_filler_is_left(tokens):
    text_options = TextOptions(
        (
            Replacement(ReplacementKind.word, "ok", "all right then"),
            Replacement(ReplacementKind.pattern, r"5 ?%", "five per cent"),
        ),
        fillers=True,
        profanity=True,
    )
    before = spoken(" " + " ".join(tokens))
    text_editor = TextEditor(text_options, "en")
    kept = []
    for segment in text_editor.add(before):
        assert "".join(word.word for word in segment.words) == segment.text
        times = [time for word in segment.words for time in (word.start, word.end)]
        assert times == sorted(times)
        assert times[0] >= before.start
        assert times[-1] <= before.end
        kept = re.findall(r"[\w*']+", segment.text.lower())
    assert not set(kept) & set(filler_words("en"))
    said = re.findall(r"[\w']+", before.text.lower())
    assert [item for item in kept if item in ("yes", "no", "color", "ah", "it's")] == [
        item for item in said if item in ("yes", "no", "color", "ah", "it's")
    ]


def test_files_of_rules_are_read_in_their_order(tmp_path):
    toml, table = tmp_path / "r.toml", tmp_path / "r.csv"
    rules = "[patterns]\n'(\\d+) pct' = '\\1 %'\n[words]\n'jay son' = 'JSON'\n"
    toml.write_text(rules, "utf-8")
    table.write_text('from,to,kind\n(\\d+) pct,\\1 %,pattern\n# note\n"jay son",JSON\n', "utf-8")
    expected = (
        Replacement(ReplacementKind.pattern, r"(\d+) pct", r"\1 %"),
        Replacement(ReplacementKind.word, "jay son", "JSON"),
    )
    assert read_rules(toml) == expected
    assert read_rules(table) == expected


@pytest.mark.parametrize(
    ("name", "content", "reported"),
    [
        ("r.toml", "[words]\na = 1\n", ":2: "),
        ("r.toml", "[wrods]\n", ':1: unknown table "wrods"'),
        ("r.toml", "[words\n", "line 1"),
        ("r.toml", '[words]\nb = "c"\n[patterns]\n"(a" = "b"\n', ":4: "),
        ("r.toml", "[patterns]\n\"a\" = '\\2'\n", ":2: "),
        ("r.csv", "from,to\na,b,c\n", ":2: not from,to"),
        ("r.csv", "a,b\n(x,y,pattern\n", ":2: "),
        ("r.csv", "a\n", ":1: "),
        ("r.csv", ",b\n", ":1: "),
    ],
)
def test_a_bad_file_names_its_line(tmp_path, name, content, reported):
    file = tmp_path / name
    file.write_text(content, "utf-8")
    with pytest.raises(ConfigError) as raised:
        read_rules(file)
    assert reported in raised.value.message
    assert str(file) in raised.value.message


def test_a_file_that_is_not_there_is_a_matter_of_configuration(run, tmp_path):
    missing = run("render", "x.json", "--replace", tmp_path / "none.toml")
    assert missing.code == 2
    assert "none.toml" in missing.stderr


@pytest.mark.parametrize(
    "rules",
    [
        "[words]\na = " + "9" * 5_000,
        "x = " + "[" * 100_000,
        "[patterns]\n'a{99999999999999999999}' = 'x'",
        "[patterns]\n'" + "(" * 5_000 + ")" * 5_000 + "' = 'x'",
    ],
    ids=["5,000 digits", "lists without end", "too many times", "groups without end"],
)
def test_rules_that_nothing_can_read_are_an_error_that_names_the_file(tmp_path, rules):
    file = tmp_path / "rules.toml"
    file.write_text(rules)
    with pytest.raises(ConfigError, match=r"rules\.toml"):
        read_rules(file)
