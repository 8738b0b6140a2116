import pytest
from faster_whisper.tokenizer import _LANGUAGE_CODES

from whisper_cli.errors import ConfigError
from whisper_cli.languages import LANGUAGES, code_of


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
