"""Which words are fillers and which profane, by language: what words.json holds."""

import json
from functools import cache
from pathlib import Path


def fillers(language: str | None) -> tuple[str, ...]:
    """List the filler words of a language; none where it isn't known."""
    return _listed("fillers", language)


def profane(language: str | None) -> tuple[str, ...]:
    """List the profane words of a language; one that ends in `*` stands for all that begin so."""
    return _listed("profanity", language)


@cache
def _listed(kind: str, language: str | None) -> tuple[str, ...]:
    text = Path(__file__).with_name("words.json").read_text(encoding="utf-8")
    return tuple(json.loads(text)[kind].get(language or "", ()))
