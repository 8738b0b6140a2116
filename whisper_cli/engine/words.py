"""Words with their times: kept in order and inside the sound, and cues cut from them."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from whisper_cli.engine.draft import TimedWord

LONGEST_CUE = 7.0  # seconds, what subtitles allow at most
SENTENCE_ENDS, CLAUSE_ENDS = ".!?…。！？", ",;:、，；："  # noqa: RUF001
CLOSING = " \"'”’»)"  # noqa: RUF001


def orderly(
    words: Iterable[TimedWord], start: float, end: float, speech: Sequence[tuple[float, float]] = ()
) -> list[TimedWord]:
    """Make times monotone, inside (start, end), and inside the speech found where there is some.

    A word that the alignment put into a pause goes to the nearer edge of the speech.
    """
    kept: list[TimedWord] = []
    reached = start
    for each in words:
        first = min(max(each.word.start, reached), end)
        last = min(max(each.word.end, first), end)
        first, last = _within(first, last, speech)
        first = max(first, reached)
        last = max(last, first)
        kept.append(replace(each, word=replace(each.word, start=first, end=last)))
        reached = last
    return kept


def _within(
    first: float, last: float, speech: Sequence[tuple[float, float]]
) -> tuple[float, float]:
    if not speech or any(first < b and last > a for a, b in speech):
        touched = [(a, b) for a, b in speech if first < b and last > a]
        if not touched:
            return first, last
        return max(first, touched[0][0]), min(last, touched[-1][1])
    edges = [edge for span in speech for edge in span]
    nearest = min(edges, key=lambda edge: abs(edge - (first + last) / 2))
    return nearest, nearest


def cues(words: Sequence[TimedWord], longest: float = LONGEST_CUE) -> list[list[TimedWord]]:
    """Part words into runs of at most `longest` seconds, where words allow it.

    Cut after a sentence, else a clause, else at the longest pause, nearest to the middle.
    """
    if len(words) < 2 or words[-1].word.end - words[0].word.start <= longest:
        return [list(words)] if words else []
    cut = max(range(1, len(words)), key=lambda place: _worth(words, place))
    return cues(words[:cut], longest) + cues(words[cut:], longest)


def _worth(words: Sequence[TimedWord], place: int) -> float:
    before, after = words[place - 1].word, words[place].word
    whole = words[-1].word.end - words[0].word.start
    middle = (words[0].word.start + words[-1].word.end) / 2
    off_centre = abs((before.end + after.start) / 2 - middle) / (whole / 2)
    text = before.word.rstrip(CLOSING)
    stop = 1.0 if text.endswith(tuple(SENTENCE_ENDS)) else 0.0
    stop = max(stop, 0.5 if text.endswith(tuple(CLAUSE_ENDS)) else 0.0)
    pause = min(after.start - before.end, 1.0)
    # A word in Chinese, Japanese or Thai has no space before it: part those only if need be.
    glued = 0.0 if after.word.startswith(" ") else 0.2
    return stop + pause - 0.8 * off_centre**2 - glued
