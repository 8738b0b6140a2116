"""Who speaks when, and the words of segments given to who speaks them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from whisper_cli.transcript import Segment, Word


@dataclass(frozen=True, slots=True)
class SpeakerTurn:
    """A stretch in which one speaker is heard, in seconds; speakers count from 0."""

    start: float
    end: float
    speaker: int


def with_numbers(turns: Sequence[SpeakerTurn]) -> tuple[SpeakerTurn, ...]:
    """Bring turns into order, and count speakers by who is heard first."""
    ordered = sorted(turns, key=lambda turn: (turn.start, turn.end, turn.speaker))
    numbers = {speaker: n for n, speaker in enumerate(dict.fromkeys(t.speaker for t in ordered))}
    return tuple(replace(turn, speaker=numbers[turn.speaker]) for turn in ordered)


def speaker_of(start: float, end: float, turns: Sequence[SpeakerTurn]) -> int | None:
    """Tell whose turns overlap a span of time most; the nearest turn's where none does.

    Of equal ones the speaker that counts first; None without turns.
    """
    shared: dict[int, float] = {}
    for turn in turns:
        overlap = min(end, turn.end) - max(start, turn.start)
        if overlap > 0:
            shared[turn.speaker] = shared.get(turn.speaker, 0.0) + overlap
    if shared:
        return min(shared, key=lambda speaker: (-shared[speaker], speaker))
    if not turns:
        return None
    return min(
        turns, key=lambda turn: (max(turn.start - end, start - turn.end), turn.speaker)
    ).speaker


def spoken(segment: Segment, turns: Sequence[SpeakerTurn]) -> Iterator[tuple[Segment, int | None]]:
    """Split a segment where its speaker changes, and say who speaks each part.

    No word is lost or moved; a segment without words goes whole to whom it overlaps most.
    """
    near = [t for t in turns if t.start < segment.end and t.end > segment.start]

    def of(word: Segment | Word) -> int | None:
        within = any(t.start < word.end and t.end > word.start for t in near)
        return speaker_of(word.start, word.end, near if within else turns)

    if not segment.words:
        yield segment, of(segment)
        return
    runs = [(index, list(run)) for index, run in groupby(segment.words, key=of)]
    if len(runs) == 1:
        yield segment, runs[0][0]
        return
    for number, (index, words) in enumerate(runs):
        yield (
            replace(
                segment,
                start=segment.start if number == 0 else words[0].start,
                end=segment.end if number == len(runs) - 1 else words[-1].end,
                text="".join(word.word for word in words),
                words=tuple(words),
                tokens=segment.tokens if number == 0 else (),
            ),
            index,
        )
