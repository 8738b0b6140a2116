"""When each segment of a transcript is said, also where the transcript leaves that open."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from whisper_cli import checked
from whisper_cli.timestamps import to_units

Members = Mapping[str, Any]
# How long a text takes that has no times at all: about 15 characters a second, a second at least.
_CHARACTER, _LEAST = 0.065, 1.0  # seconds


@dataclass(frozen=True, slots=True)
class TimedEntry:
    """A segment as it stands in the JSON, with times in seconds."""

    start: float
    end: float
    members: Members


def timed_entries(
    entries: Sequence[Members], duration: float | None
) -> tuple[list[TimedEntry], tuple[str, ...]]:
    """Give segments in the order of their starts, and warnings of what had to be guessed or sorted.

    An end that isn't there is the next start, else the duration, else the start and the time that
    the words take; a start that is null is that of the first word, else the end of what is before.
    Raises ValueError, KeyError, TypeError or AttributeError for what is no segment.
    """
    starts = list(_starts(entries))
    order = sorted(range(len(entries)), key=starts.__getitem__)
    found = []
    for at, index in enumerate(order):
        entry, start = entries[index], starts[index]
        end = entry.get("end")
        if end is None:
            following = starts[order[at + 1]] if at + 1 < len(order) else duration
            later = following is not None and following > start
            end = following if later else _end_of_words(entry, start)
        found.append(TimedEntry(start, max(start, time_of(end)), entry))
    return found, tuple(_warnings(entries, starts, found))


def time_of(value: object) -> float:
    """Read seconds, what is before the start as the start; ValueError for what is no number."""
    return max(0.0, checked.number(value))


def _starts(entries: Sequence[Members]) -> Iterator[float]:
    reached = 0.0
    for entry in entries:
        start = entry["start"]
        start = next(_word_times(entry, "start"), reached) if start is None else time_of(start)
        yield start
        end = entry.get("end")
        reached = start if end is None else max(start, time_of(end))


def _end_of_words(entry: Members, start: float) -> float:
    said = max(_word_times(entry, "end"), default=0.0)
    length = max(_LEAST, _CHARACTER * len(checked.text(entry["text"]).strip()))
    return said if said > start else start + length


def _word_times(entry: Members, name: str) -> Iterator[float]:
    times = (word.get(name) for word in entry.get("words") or ())
    return (time_of(time) for time in times if time is not None)


def _warnings(
    entries: Sequence[Members], starts: Sequence[float], found: Sequence[TimedEntry]
) -> Iterator[str]:
    """Tell what was changed of segments that say something."""
    said = [index for index, entry in enumerate(entries) if checked.text(entry["text"]).strip()]
    for name in ("start", "end"):
        if missing := sum(entries[index].get(name) is None for index in said):
            yield f"{_segments(missing)} without {'an' if name == 'end' else 'a'} {name}: guessed"
    if any(starts[one] > starts[other] for one, other in pairwise(said)):
        yield "the segments were not in the order of their starts: sorted"
    spoken = [item for item in found if item.members["text"].strip()]
    if empty := sum(to_units(item.start) == to_units(item.end) for item in spoken):
        yield f"{_segments(empty)} of no length: shown for a moment in subtitles"


def _segments(count: int) -> str:
    return f"{count} segment{'s' * (count > 1)}"
