"""What a language says about line breaks: small words, abbreviations, punctuation."""

import re
from dataclasses import dataclass
from functools import cache, lru_cache

from whisper_cli.subtitles.measure import characters, columns

# Articles, determiners, subject pronouns, auxiliaries, negations and titles: never at a line's end.
_HOLD = {
    "en": "a an the my your his her its our their this these that those some any no every each i "
    "you he she it we they is are was were be been am do does did has have had will would can "
    "could shall should may might must not never to very so too more most mr mrs ms dr st prof",
    "de": "der die das den dem des ein eine einen einem einer eines mein dein sein ihr unser euer "
    "kein keine keinen dieser diese dieses jeder jede jedes ich du er sie es wir ist sind war "
    "waren hat haben hatte wird werden kann muss soll will nicht zu sehr so zum zur im am beim "
    "vom ins herr frau dr prof",
    "fr": "le la les un une des du au aux mon ton son ma ta sa mes tes ses notre votre nos vos "
    "leur leurs ce cet cette ces je tu il elle on nous vous ils elles est sont était ont a ai as "
    "ne pas très plus si se me te m mme dr",
    "es": "el la los las un una unos unas mi tu su mis tus sus nuestro nuestra este esta estos "
    "estas ese esa lo al del yo él ella nosotros ellos es son era fue ha han he no muy más se me "
    "te le nos sr sra dr",
    "it": "il lo la i gli le un uno una mio mia tuo tua suo sua nostro vostro questo questa quel "
    "quella del dello della dei degli delle al allo alla ai agli alle nel nella sul sulla dal "
    "dalla io tu lui lei noi voi loro è sono era ha hanno ho non molto più si mi ti ci sig dott",
    "pt": "o a os as um uma uns umas meu minha seu sua nosso nossa este esta esse essa do da dos "
    "das no na nos nas ao à eu tu ele ela nós eles é são era foi tem têm não muito mais se me te "
    "sr sra dr",
    "nl": "de het een mijn jouw zijn haar ons onze hun dit dat deze die elke geen ik jij je hij "
    "zij ze wij we is was waren heeft hebben had wordt worden kan moet zal niet te zeer zo mr dr",
    "ru": "не ни мой твой свой его её их наш ваш этот эта это эти тот та те я ты он она мы вы они "
    "очень более самый бы г",
}  # fmt: skip
_CONJUNCTIONS = {
    "en": "and but or nor so because although though while whereas if unless until since when "
    "whenever where which who whom whose that than before after as",
    "de": "und aber oder denn sondern weil obwohl während wenn falls bis seit als dass damit wo "
    "welche welcher welches ob bevor nachdem sowie",
    "fr": "et mais ou donc or ni car parce que qui dont où quand lorsque si comme puisque quoique",
    "es": "y e pero o u ni sino porque aunque mientras si cuando donde que quien cual como pues",
    "it": "e ed ma o oppure né perché anche se mentre quando dove che chi cui come poiché",
    "pt": "e mas ou nem porque embora enquanto se quando onde que quem qual como pois",
    "nl": "en maar of want dus omdat hoewel terwijl als wanneer totdat sinds waar die dat",
    "ru": "и а но или да что чтобы потому если когда где который которая которые как пока хотя",
}
_PREPOSITIONS = {
    "en": "of in on at by for with from into onto over under about against between through during "
    "without within among across behind beyond near toward towards upon to",
    "de": "in an auf aus bei mit nach von vor zu durch für gegen ohne um über unter zwischen "
    "hinter neben wegen trotz im am zum zur vom beim ins",
    "fr": "à de en dans sur sous par pour avec sans chez vers entre contre depuis pendant du des "
    "au aux",
    "es": "a de en con por para sin sobre entre hasta desde hacia contra según durante del al",
    "it": "a di da in con su per tra fra senza sopra sotto verso durante del della al alla nel "
    "nella dal dalla sul sulla",
    "pt": "a de em com por para sem sobre entre até desde contra durante do da no na ao pelo pela",
    "nl": "in op aan van met voor door over onder tussen bij uit naar om tegen zonder tijdens",
    "ru": "в во на с со к ко по за из от до у о об для без при через между под над",
}
_TITLES = "mr mrs ms dr prof st sr jr sra no vs fig vol z.b d.h bzw usw ca nr m mme sig dott г"


@dataclass(frozen=True, slots=True)
class WordSets:
    """The small words of one language, in lower case; empty for a language not known here."""

    hold: frozenset[str]
    conjunctions: frozenset[str]
    prepositions: frozenset[str]


@cache
def word_sets(language: str) -> WordSets:
    """Give the small words of a language by its code."""
    tables = (_HOLD, _CONJUNCTIONS, _PREPOSITIONS)
    return WordSets(*(frozenset(table.get(language, "").split()) for table in tables))


ABBREVIATIONS = frozenset(f"{word}." for word in _TITLES.split())


SENTENCE, CLAUSE = 2, 1
SENTENCE_ENDS, CLAUSE_ENDS = tuple(".!?…。！？؟۔।॥｡‼⁇"), tuple(",;:—–、，；：،؛､")
_CLOSING = "\"'”’»)]」』）】›"
_MARKS = _CLOSING + "“‘«([「『（【‹¿¡-—–.,;:!?…、。，；：！？"
_NUMBER = re.compile(r"[$€£]?\d[\d.,:/]*")
AFTER_CLAUSE, ELSEWHERE, HELD, AFTER_NUMBER = 0.25, 1.0, 1.5, 1.0
BEFORE_CONJUNCTION, BEFORE_PREPOSITION = 0.5, 0.35


@dataclass(frozen=True, slots=True)
class UnitProperties:
    """`after` is what a break after the text costs, `welcome` what one before it costs less.

    `space_count` are the spaces inside.
    """

    columns: int
    characters: int
    space_count: int
    stop: int
    after: float
    welcome: float
    name: bool


@lru_cache(1 << 16)
def properties_of(text: str, language: str) -> UnitProperties:
    """Look at one text; `language` is a code, or empty."""
    words, core = word_sets(language), text.strip(_MARKS)
    small = core.lower()
    stop = _stop(text, small)
    held = small in words.hold or small in words.conjunctions | words.prepositions
    after = ELSEWHERE + HELD * held + AFTER_NUMBER * bool(_NUMBER.fullmatch(core))
    before = BEFORE_PREPOSITION if small in words.prepositions else 0.0
    before = BEFORE_CONJUNCTION if small in words.conjunctions else before
    return UnitProperties(
        columns(text),
        characters(text),
        text.count(" "),
        stop,
        (after, AFTER_CLAUSE, 0.0)[stop],
        before,
        name=core[:1].isupper() and small not in words.hold,
    )


def _stop(text: str, small: str) -> int:
    open_end = text.rstrip(_CLOSING)
    short = f"{small}." in ABBREVIATIONS or (len(small) == 1 and small.isalpha())
    if open_end.endswith(SENTENCE_ENDS) and not (short and open_end.endswith(".")):
        return SENTENCE
    return CLAUSE if open_end.endswith(CLAUSE_ENDS) else 0
