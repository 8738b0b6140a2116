"""What a stretch of text that no line may break says about breaking before and after it."""

import re
from dataclasses import dataclass
from functools import lru_cache

from whisper_cli.cues.lexicon import ABBREVIATIONS, lexicon
from whisper_cli.cues.measure import characters, columns

SENTENCE, CLAUSE = 2, 1
SENTENCE_ENDS, CLAUSE_ENDS = tuple(".!?…。！？؟۔।॥｡‼⁇"), tuple(",;:—–、，；：،؛､")
_CLOSING = "\"'”’»)]」』）】›"
_MARKS = _CLOSING + "“‘«([「『（【‹¿¡-—–.,;:!?…、。，；：！？"
_NUMBER = re.compile(r"[$€£]?\d[\d.,:/]*")
AFTER_CLAUSE, ELSEWHERE, HELD, AFTER_NUMBER = 0.25, 1.0, 1.5, 1.0
BEFORE_CONJUNCTION, BEFORE_PREPOSITION = 0.5, 0.35


@dataclass(frozen=True, slots=True)
class Traits:
    """`after` is what a break after the text costs, `welcome` what one before it costs less.

    `blanks` are the spaces inside.
    """

    columns: int
    characters: int
    blanks: int
    stop: int
    after: float
    welcome: float
    name: bool


@lru_cache(1 << 16)
def traits(text: str, language: str) -> Traits:
    """Look at one text; `language` is a code, or empty."""
    words, core = lexicon(language), text.strip(_MARKS)
    small = core.lower()
    stop = _stop(text, small)
    held = small in words.hold or small in words.conjunctions | words.prepositions
    after = ELSEWHERE + HELD * held + AFTER_NUMBER * bool(_NUMBER.fullmatch(core))
    before = BEFORE_PREPOSITION if small in words.prepositions else 0.0
    before = BEFORE_CONJUNCTION if small in words.conjunctions else before
    return Traits(
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
