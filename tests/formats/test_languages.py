import pytest
from faster_whisper.tokenizer import _LANGUAGE_CODES

from whisper_cli.config.parsers import candidate, language
from whisper_cli.errors import ConfigError
from whisper_cli.languages import _TAGS, LANGUAGES, code_if_named, code_of


def test_the_languages_are_those_that_the_engine_accepts():
    assert set(LANGUAGES) == set(_LANGUAGE_CODES)
    assert len(set(LANGUAGES.values())) == len(LANGUAGES)


@pytest.mark.parametrize("code", LANGUAGES)
def test_a_language_is_found_by_code_and_by_name_in_any_case(code):
    assert code_of(code) == code_of(code.upper()) == code
    assert code_of(LANGUAGES[code]) == code_of(f" {LANGUAGES[code].title()} ") == code


@pytest.mark.parametrize(
    ("name", "code"), [("Mandarin", "zh"), ("flemish", "nl"), ("Haitian", "ht")]
)
def test_a_language_is_found_by_its_other_names(name, code):
    assert code_of(name) == code


def test_an_unknown_language_is_named_with_the_nearest_one():
    with pytest.raises(ConfigError, match='no such language: "Germn"') as caught:
        code_of("Germn")
    assert 'did you mean "german"?' in caught.value.hint


@pytest.mark.parametrize("text", ["", "xx", "klingon", "de-"])
def test_an_unknown_language_is_an_error_with_a_hint(text):
    with pytest.raises(ConfigError) as caught:
        code_of(text)
    assert '"de"' in caught.value.hint


TAGS = """
    de-DE:de de_DE:de DE-at:de deu:de ger:de GER:de de_DE.UTF-8:de de_DE@euro:de en-US:en eng:en
    pt-BR:pt por:pt zh-CN:zh zh_Hant_TW:zh zh-Hans:zh cmn:zh cmn-Hans-CN:zh chi:zh zho:zh
    zh-yue:yue zh-yue-HK:yue yue-HK:yue nb:no nb-NO:no nob:no nn-NO:nn nor:no fil:tl fil-PH:tl
    iw:he iw-IL:he heb:he jv:jw in:id ji:yi mo:ro fre:fr fra:fr cze:cs ces:cs dut:nl gre:el
    per:fa prs:fa arb:ar zsm:ms german-at:de haitian_creole:ht sr-Latn-RS:sr es-419:es
"""


@pytest.mark.parametrize(("tag", "code"), [pair.split(":") for pair in TAGS.split()])
def test_a_language_is_found_by_any_usual_tag(tag, code):
    assert code_of(tag) == code


def test_every_language_of_two_letters_is_found_by_its_code_of_three():
    named = {code for code in LANGUAGES if len(code) == 2}
    three = {known for tag, known in _TAGS.items() if len(tag) == 3}
    assert named <= three
    assert set(_TAGS.values()) <= set(LANGUAGES)
    assert not _TAGS.keys() & LANGUAGES.keys()


@pytest.mark.parametrize("text", ["tlh-DE", "de--DE", "-de", "de_", "de-Ä", "auto"])
def test_what_only_looks_like_a_tag_is_an_error(text):
    with pytest.raises(ConfigError):
        code_of(text)


@pytest.mark.parametrize("text", ["", " ", "auto", "AUTO", "null", "none"])
def test_a_language_may_be_left_to_detection(text):
    assert code_if_named(text) is None
    assert language(text) is None


def test_the_command_line_takes_tags():
    assert language("pt_BR") == candidate("por") == "pt"
