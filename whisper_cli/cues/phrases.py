"""Where phrases end in languages that are written without spaces: the only user of budoux."""

from collections.abc import Sequence
from functools import cache
from itertools import accumulate
from typing import TYPE_CHECKING

from whisper_cli.cues.units import Unit

if TYPE_CHECKING:
    from budoux import Parser

# What a break costs more; inside a phrase it is dearer than one more cue, be that too fast.
INSIDE, BETWEEN, SPACE = 20.0, -0.4, -0.7
LANGUAGES = frozenset({"ja", "th", "yue", "zh"})
TRADITIONAL = frozenset("們這個來時說為會對過還學國後開點沒樣讓從")  # one is in most sentences


def phrase_costs(units: Sequence[Unit], language: str) -> list[float]:
    """Rate what a break after each unit costs more for where phrases end; `language` is a code.

    Nothing more where it isn't known. A space stands where others write a comma.
    """
    if language not in LANGUAGES:
        return [0.0] * len(units)
    texts = [" " * unit.spaced + unit.text for unit in units]
    text = "".join(texts)
    parser = _parser(language, "" if TRADITIONAL.isdisjoint(text) else "traditional")
    ends = set(accumulate(map(len, parser.parse(text))))
    costs = [BETWEEN if end in ends else INSIDE for end in accumulate(map(len, texts))]
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
