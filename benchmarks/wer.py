"""Word error rates, each language with the normaliser of openai-whisper, and how sure they are."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from benchmarks.speech import Clip

DRAWS = 2000  # of the bootstrap


@dataclass(frozen=True, slots=True)
class Errors:
    """Wrong words, of so many."""

    wrong: int
    words: int


def errors(clip: Clip, heard: str) -> Errors:
    """Count the words that are wrong, missing or too many."""
    import jiwer

    normal = _normaliser(clip.language)
    reference = normal(clip.text)
    if not reference.strip():
        return Errors(0, 0)
    found = jiwer.process_words(reference, normal(heard))
    wrong = found.substitutions + found.deletions + found.insertions
    return Errors(wrong, found.substitutions + found.deletions + found.hits)


def rate(counts: Sequence[Errors]) -> float:
    """Give the word error rate in percent."""
    return 100 * sum(each.wrong for each in counts) / max(1, sum(each.words for each in counts))


def by_language(clips: Sequence[Clip], heard: Mapping[str, str]) -> dict[str, list[Errors]]:
    """Count the errors of each language, and of "all" together, clip by clip."""
    found: dict[str, list[Errors]] = {"all": []}
    for clip in clips:
        counted = errors(clip, heard.get(str(clip.path), ""))
        found["all"].append(counted)
        found.setdefault(clip.language, []).append(counted)
    return found


def interval(ours: Sequence[Errors], theirs: Sequence[Errors]) -> tuple[float, float]:
    """Give the 95 % interval of the difference of two rates, in points, by a paired bootstrap."""
    chance = random.Random(1)
    places = range(len(ours))
    differences = []
    for _ in range(DRAWS):
        drawn = chance.choices(places, k=len(places))
        differences.append(rate([ours[n] for n in drawn]) - rate([theirs[n] for n in drawn]))
    differences.sort()
    return differences[int(0.025 * DRAWS)], differences[int(0.975 * DRAWS) - 1]


@cache
def _normaliser(language: str):
    from whisper_normalizer.basic import BasicTextNormalizer
    from whisper_normalizer.english import EnglishTextNormalizer

    return EnglishTextNormalizer() if language == "en" else BasicTextNormalizer()
