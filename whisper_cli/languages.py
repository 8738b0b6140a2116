"""The languages that Whisper knows, by code and by English name."""

import re
from collections.abc import Iterable

from whisper_cli.errors import ConfigError

LANGUAGES: dict[str, str] = {
    "af": "afrikaans",
    "am": "amharic",
    "ar": "arabic",
    "as": "assamese",
    "az": "azerbaijani",
    "ba": "bashkir",
    "be": "belarusian",
    "bg": "bulgarian",
    "bn": "bengali",
    "bo": "tibetan",
    "br": "breton",
    "bs": "bosnian",
    "ca": "catalan",
    "cs": "czech",
    "cy": "welsh",
    "da": "danish",
    "de": "german",
    "el": "greek",
    "en": "english",
    "es": "spanish",
    "et": "estonian",
    "eu": "basque",
    "fa": "persian",
    "fi": "finnish",
    "fo": "faroese",
    "fr": "french",
    "gl": "galician",
    "gu": "gujarati",
    "ha": "hausa",
    "haw": "hawaiian",
    "he": "hebrew",
    "hi": "hindi",
    "hr": "croatian",
    "ht": "haitian creole",
    "hu": "hungarian",
    "hy": "armenian",
    "id": "indonesian",
    "is": "icelandic",
    "it": "italian",
    "ja": "japanese",
    "jw": "javanese",
    "ka": "georgian",
    "kk": "kazakh",
    "km": "khmer",
    "kn": "kannada",
    "ko": "korean",
    "la": "latin",
    "lb": "luxembourgish",
    "ln": "lingala",
    "lo": "lao",
    "lt": "lithuanian",
    "lv": "latvian",
    "mg": "malagasy",
    "mi": "maori",
    "mk": "macedonian",
    "ml": "malayalam",
    "mn": "mongolian",
    "mr": "marathi",
    "ms": "malay",
    "mt": "maltese",
    "my": "myanmar",
    "ne": "nepali",
    "nl": "dutch",
    "nn": "nynorsk",
    "no": "norwegian",
    "oc": "occitan",
    "pa": "punjabi",
    "pl": "polish",
    "ps": "pashto",
    "pt": "portuguese",
    "ro": "romanian",
    "ru": "russian",
    "sa": "sanskrit",
    "sd": "sindhi",
    "si": "sinhala",
    "sk": "slovak",
    "sl": "slovenian",
    "sn": "shona",
    "so": "somali",
    "sq": "albanian",
    "sr": "serbian",
    "su": "sundanese",
    "sv": "swedish",
    "sw": "swahili",
    "ta": "tamil",
    "te": "telugu",
    "tg": "tajik",
    "th": "thai",
    "tk": "turkmen",
    "tl": "tagalog",
    "tr": "turkish",
    "tt": "tatar",
    "uk": "ukrainian",
    "ur": "urdu",
    "uz": "uzbek",
    "vi": "vietnamese",
    "yi": "yiddish",
    "yo": "yoruba",
    "yue": "cantonese",
    "zh": "chinese",
}

RIGHT_TO_LEFT = frozenset({"ar", "fa", "he", "ps", "sd", "ur", "yi"})

_ALIASES = {
    "burmese": "my",
    "castilian": "es",
    "flemish": "nl",
    "haitian": "ht",
    "letzeburgesch": "lb",
    "mandarin": "zh",
    "moldavian": "ro",
    "moldovan": "ro",
    "panjabi": "pa",
    "pushto": "ps",
    "sinhalese": "si",
    "valencian": "ca",
}
# Codes of ISO 639-1, -2 and -3 that Whisper calls otherwise, in three letters mostly; two codes
# of a language stand side by side where its English and its own name gave one each.
_CODES = """
    afr:af amh:am ara:ar arb:ar asm:as aze:az azj:az bak:ba bel:be bul:bg ben:bn bod:bo tib:bo
    bre:br bos:bs cat:ca ces:cs cze:cs cym:cy wel:cy dan:da deu:de ger:de ell:el gre:el eng:en
    spa:es est:et ekk:et eus:eu baq:eu fas:fa per:fa pes:fa prs:fa fin:fi fao:fo fra:fr fre:fr
    glg:gl guj:gu hau:ha heb:he iw:he hin:hi hrv:hr hat:ht hun:hu hye:hy arm:hy ind:id in:id
    isl:is ice:is ita:it jpn:ja jav:jw jv:jw kat:ka geo:ka kaz:kk khm:km kan:kn kor:ko lat:la
    ltz:lb lin:ln lao:lo lit:lt lav:lv lvs:lv mlg:mg plt:mg mri:mi mao:mi mkd:mk mac:mk mal:ml
    mon:mn khk:mn mar:mr msa:ms may:ms zsm:ms mlt:mt mya:my bur:my nep:ne npi:ne nld:nl dut:nl
    nno:nn nor:no nob:no nb:no oci:oc pan:pa pol:pl pus:ps pbt:ps por:pt ron:ro rum:ro mol:ro
    mo:ro rus:ru san:sa snd:sd sin:si slk:sk slo:sk slv:sl sna:sn som:so sqi:sq alb:sq als:sq
    srp:sr sun:su swe:sv swa:sw swh:sw tam:ta tel:te tgk:tg tha:th tuk:tk tgl:tl fil:tl tur:tr
    tat:tt ukr:uk urd:ur uzb:uz uzn:uz vie:vi yid:yi ydd:yi ji:yi yor:yo zho:zh chi:zh cmn:zh
"""
_TAGS = dict(pair.split(":") for pair in _CODES.split())
# A tag's first part, then script, country and the like: de-DE, zh_Hant_TW, de_DE.UTF-8.
_TAG = re.compile(r"([^-_.@]+)((?:[-_.@][a-z0-9]+)+)", re.ASCII)
UNNAMED = frozenset(("", "auto", "null", "none"))  # what leaves the language to detection


def code_of(text: str) -> str:
    """Find the code of a language by its code, its tag (de-DE, deu), its English or other name."""
    names = {name: code for code, name in LANGUAGES.items()} | _ALIASES
    known = {code: code for code in LANGUAGES} | _TAGS | names
    key = text.strip().lower()
    found = known.get(key) or known.get(key.replace("_", " "))
    if found is None and (tag := _TAG.fullmatch(key)):
        found = known.get(tag[1])
        if found == "zh" and re.search(r"[-_]yue\b", tag[2]):  # zh-yue, as it once was written
            found = "yue"
    if found is None:
        raise ConfigError(f'no such language: "{text}"', hint=_hint(key, names))
    return found


def code_if_named(text: str) -> str | None:
    """Find the code of a language; None for "auto" and the like, which leave it to detection."""
    return None if text.strip().lower() in UNNAMED else code_of(text)


def _hint(key: str, names: Iterable[str]) -> str:
    from difflib import get_close_matches

    close = get_close_matches(key, names, n=1)
    guess = f'did you mean "{close[0]}"? ' if close else ""
    return guess + 'a code such as "de" or an English name such as "german" will do'
