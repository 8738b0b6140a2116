"""Profane words masked: the first letter, and an asterisk for each other one."""

import re
from collections.abc import Iterator
from functools import cache

from whisper_cli.text.edits import Edit
from whisper_cli.text.replacements import whole


class Mask:
    """A pass that masks words, in any case; one that ends in `*` masks all that begin so."""

    def __init__(self, words: tuple[str, ...]) -> None:
        self._pattern = _pattern(words)

    def __call__(self, text: str) -> Iterator[Edit]:
        """Find what is to be masked in a text."""
        if self._pattern is None:
            return
        for match in self._pattern.finditer(text):
            hidden = re.sub(r"\w", "*", match[0][1:])
            yield Edit(match.start(), match.end(), match[0][0] + hidden, "profanity")


@cache
def _pattern(words: tuple[str, ...]) -> re.Pattern[str] | None:
    if not words:
        return None
    return re.compile(whole("|".join(map(_item, words))), re.IGNORECASE)


def _item(word: str) -> str:
    if word == "*":
        return r"\w+"
    return re.escape(word.removesuffix("*")) + r"\w*" * word.endswith("*")
