"""Scripts without spaces, from right to left, with marks: nothing breaks what a reader joins."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wcwidth import iter_graphemes

from tests.subtitles.samples import words
from whisper_cli.subtitles.check import check
from whisper_cli.subtitles.measure import NOT_FIRST, NOT_LAST, characters, columns
from whisper_cli.subtitles.presets import PRESETS, CuePreset, rules_for
from whisper_cli.subtitles.shaper import shape
from whisper_cli.transcript import Segment, Word

# Real sentences with their words, as people who read them would part them.
SENTENCES = [
    ("ja", "吾輩は|猫である。|名前は|まだ|無い。|どこで|生れたか|とんと|見当が|つかぬ。"),
    ("ja", "東京の|図書館で|新しい|辞書を|三冊|借りてから、|友達と|喫茶店で|会いました。"),
    ("zh", "我们|明天|下午|在|图书馆|门口|见面，|然后|一起|去|看|电影。"),
    ("zh", "學生們|每天|早上|坐|公共汽車|去|學校，|老師|已經|在|教室|裡|等|他們。"),
    ("th", "วัน|นี้|อากาศ|ดี|มาก|เรา|จึง|ไป|เดิน|เล่น|ที่|สวน|สาธารณะ|ใกล้|บ้าน"),
]


def shown(text, language, rules):
    said = tuple(words(text, language))
    return list(shape([Segment(0, said[-1].end, text, words=said)], rules, language, 999))


def lines_of(cues):
    return [line for cue in cues for line in cue.text.split("\n")]


@pytest.mark.parametrize(("language", "parted"), SENTENCES)
@pytest.mark.parametrize("width", [16, 20, 26])
def test_no_line_ends_inside_a_word_of_a_language_without_spaces(language, parted, width):
    text, edges = parted.replace("|", ""), {0}
    for word in parted.split("|"):
        edges.add(max(edges) + len(word))
    at = 0
    for line in lines_of(shown(text, language, CuePreset(max_line_width=width))):
        assert at in edges, text[at : at + 8]
        at += len(line)
    assert at == len(text)


def test_a_phrase_that_no_line_can_hold_is_broken_all_the_same():
    word = "超電磁砲発射装置製造工場長補佐代理"
    lines = lines_of(shown(word, "ja", CuePreset(max_line_width=10)))
    assert "".join(lines) == word
    assert max(map(columns, lines)) <= 10


def test_what_kinsoku_forbids_never_begins_or_ends_a_line():
    text = "「ちょっと、待って！」と彼は（小さな声で）言った。『ヴァイオリン』・ｶﾞｽ、１００％。" * 3
    for width in range(10, 30):
        for line in lines_of(shown(text, "ja", CuePreset(max_line_width=width))):
            assert line[0] not in NOT_FIRST
            assert line[-1] not in NOT_LAST


def test_a_space_of_its_own_is_kept_and_so_is_one_after_a_word():
    parts = ["ดีมาก", " ", "เรา", "go ", "on"]
    said = tuple(Word(part, n, n + 1, 1) for n, part in enumerate(parts))
    once = list(shape([Segment(0, 5, "", words=said)], CuePreset(), "th", 9))
    assert [cue.text for cue in once] == ["ดีมาก เราgo on"]
    assert list(shape(once, CuePreset(), "th", 9)) == once


RIGHT_TO_LEFT = [
    ("he", "אמר לי: \u201cבוא הנה\u201d (מחר, בשעה 10:30) – ואז הלך הביתה ברגל."),
    ("he", "בְּרֵאשִׁית בָּרָא אֱלֹהִים אֵת הַשָּׁמַיִם וְאֵת הָאָרֶץ."),
    ("ar", "قالَ لي: «تعالَ غدًا في الساعة 10:30 صباحًا، من فضلك!» ثمّ ذهب إلى البيت."),
]


@pytest.mark.parametrize(("language", "text"), RIGHT_TO_LEFT)
@pytest.mark.parametrize("preset", PRESETS)
def test_what_is_read_from_right_to_left_stays_in_the_order_that_it_is_spoken(
    language, text, preset
):
    cues = shown(text, language, rules_for(preset, language))
    assert " ".join(lines_of(cues)) == text  # nothing turned around, no marks for direction added
    assert all(unicodedata.category(line[0]) != "Mn" for line in lines_of(cues))


@pytest.mark.parametrize(
    ("text", "count", "width"),
    [
        ("e\u0301", 1, 1), ("👩\u200d👩\u200d👧", 1, 2), ("🇩🇪", 1, 2), ("🇩🇪🇫🇷", 2, 4),
        ("👍🏽", 1, 2), ("❤\ufe0f", 1, 2), ("世界", 2, 4), ("ｶﾞ", 1, 2), ("שָׁ", 1, 1), ("क्षि", 1, 2),
        ("น้ำ", 1, 2), ("1\ufe0f\u20e3", 1, 2),
    ],
)  # fmt: skip
def test_what_a_reader_takes_for_one_character_counts_once(text, count, width):
    assert (characters(text), columns(text)) == (count, width)


CLUSTERS = ("👩\u200d👩\u200d👧", "🇩🇪", "👍🏽", "e\u0301", "น้ำ", "שָׁ", "世", "ក្ក", "က္က", "ｶﾞ")


@given(st.lists(st.sampled_from(CLUSTERS), min_size=1, max_size=40), st.booleans())
def test_no_line_breaks_inside_a_character(clusters, apart):
    text = "".join(clusters)
    tokens = text if apart else clusters  # a model may say each code point on its own
    said = tuple(Word(item, n / 4, n / 4 + 0.25, 1) for n, item in enumerate(tokens))
    cues = list(shape([Segment(0, 9, "", words=said)], CuePreset(max_line_width=8), "ja", 99))
    assert "".join(lines_of(cues)) == text
    assert [item for line in lines_of(cues) for item in iter_graphemes(line)] == list(
        iter_graphemes(text)
    )
    assert not [item for item in check(cues, CuePreset(max_line_width=8)) if "line" in item.rule]
