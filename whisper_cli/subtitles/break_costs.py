"""What a break after each unit costs a reader: 0 after a sentence, most after an article."""

from collections.abc import Sequence
from functools import cache
from itertools import accumulate
from typing import TYPE_CHECKING

from whisper_cli.subtitles.language_rules import CLAUSE, UnitProperties
from whisper_cli.subtitles.units import Unit

if TYPE_CHECKING:
    from budoux import Parser

# What a break costs more; inside a phrase it is dearer than one more cue, be that too fast.
INSIDE, BETWEEN, SPACE = 20.0, -0.4, -0.7
LANGUAGES = frozenset({"ja", "th", "yue", "zh"})
_HANT_LETTERS = frozenset("們這個來時說為會對過還學國後開點沒樣讓從")  # one is in most sentences


def phrase_costs(units: Sequence[Unit], language: str) -> list[float]:
    """Rate what a break after each unit costs more for where phrases end; `language` is a code.

    Nothing more where it isn't known. A space stands where others write a comma.
    """
    if language not in LANGUAGES:
        return [0.0] * len(units)
    strings = [" " * unit.spaced + unit.text for unit in units]
    text = "".join(strings)
    parser = _parser(language, "" if _HANT_LETTERS.isdisjoint(text) else "traditional")
    ends = set(accumulate(map(len, parser.parse(text))))
    costs = [BETWEEN if end in ends else INSIDE for end in accumulate(map(len, strings))]
    spaces = [unit.spaced for unit in units[1:]]
    return [SPACE if space else cost for cost, space in zip(costs, [*spaces, 1], strict=True)]


@cache
def _parser(language: str, script: str) -> "Parser":
    import budoux

    if language == "ja":
        return budoux.load_default_japanese_parser()
    if language == "th":
        return budoux.load_default_thai_parser()
    if script:
        return budoux.load_default_traditional_chinese_parser()
    return budoux.load_default_simplified_chinese_parser()


IN_NAME = 1.0
PAUSE_WORTH, LONGEST_PAUSE = 0.7, 1000  # taken off for a second of pause; longer ones count as one


def break_costs(
    units: Sequence[Unit], unit_properties: Sequence[UnitProperties], language: str
) -> list[float]:
    """Rate a break after each unit but the last, after which one is free."""
    costs = []
    phrases = phrase_costs(units, language)
    named = False  # a capital tells a name, but not at the start of a sentence
    pairs = zip(units, units[1:], unit_properties, unit_properties[1:], phrases, strict=False)
    for unit, after, properties, following, phrase in pairs:
        if properties.stop:
            costs.append(properties.after)
            named = properties.stop == CLAUSE
            continue
        cost = properties.after - following.welcome + phrase
        if named and properties.name and following.name:
            cost += IN_NAME
        pause = min(after.start - unit.end, LONGEST_PAUSE)
        costs.append(max(0.0, cost - PAUSE_WORTH * pause / 1000) if pause > 0 else cost)
        named = True
    return [*costs, 0.0]
