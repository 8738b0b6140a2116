"""Word error rates, each language with the normaliser of openai-whisper, and how sure they are."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import accumulate

from benchmarks.speech import Clip

DRAWS = 2000  # of the bootstrap
TOLERANCE = 0.2  # points that nobody calls worse
POOLED = "all"


@dataclass(frozen=True, slots=True)
class Errors:
    """Wrong words, of so many."""

    wrong: int
    words: int


@dataclass(frozen=True, slots=True)
class Difference:
    """Points of WER between two programs, and the 95 % interval of a paired bootstrap."""

    points: float
    low: float
    high: float

    @property
    def is_worse(self) -> bool:
        return self.points > TOLERANCE and self.low > 0

    def __str__(self) -> str:
        return f"{self.points:+.2f} ({self.low:+.2f} to {self.high:+.2f})"


def errors(clip: Clip, processed: str) -> list[Errors]:
    """Count the words that are wrong, missing or too many, of each clip that this was joined from.

    What is said beyond the last word of a clip counts for the next one.
    """
    import jiwer

    normal = _normaliser(clip.language)
    references = [normal(item).split() for item in clip.said]
    text = " ".join(word for words in references for word in words)
    ends = list(accumulate(map(len, references)))
    wrong = [0] * len(ends)
    part = 0
    for chunk in jiwer.process_words(text, normal(processed)).alignments[0]:
        if chunk.type == "equal":
            continue
        spent = max(
            chunk.ref_end_idx - chunk.ref_start_idx, chunk.hyp_end_idx - chunk.hyp_start_idx
        )
        for offset in range(spent):
            destination = chunk.ref_start_idx + (0 if chunk.type == "insert" else offset)
            while part < len(ends) - 1 and destination >= ends[part]:
                part += 1
            wrong[part] += 1
    return [Errors(*item) for item in zip(wrong, map(len, references), strict=True)]


def rate(counts: Sequence[Errors]) -> float:
    """Give the word error rate in percent."""
    return 100 * sum(item.wrong for item in counts) / max(1, sum(item.words for item in counts))


def by_language(clips: Sequence[Clip], processed: Mapping[str, str]) -> dict[str, list[Errors]]:
    """Count the errors of each language, and of all pooled, clip by clip."""
    found: dict[str, list[Errors]] = {POOLED: []}
    for clip in sorted(clips, key=lambda clip: clip.language):
        counted = errors(clip, processed.get(clip.name, ""))
        found[POOLED] += counted
        found.setdefault(clip.language, []).extend(counted)
    return found


def difference(owned: Sequence[Errors], theirs: Sequence[Errors]) -> Difference:
    """Compare two programs on the same clips."""
    import numpy as np

    wrong = np.array([[item.wrong for item in side] for side in (owned, theirs)])
    words = np.array([item.words for item in owned])
    drawn = np.random.default_rng(1).integers(0, len(words), (DRAWS, len(words)))
    counted = np.maximum(1, words[drawn].sum(axis=1))
    points = 100 * (wrong[0] - wrong[1])[drawn].sum(axis=1) / counted
    return Difference(rate(owned) - rate(theirs), *map(float, np.percentile(points, (2.5, 97.5))))


@cache
def _normaliser(language: str) -> Callable[[str], str]:
    from whisper_normalizer.basic import BasicTextNormalizer
    from whisper_normalizer.english import EnglishTextNormalizer

    return EnglishTextNormalizer() if language == "en" else BasicTextNormalizer()
