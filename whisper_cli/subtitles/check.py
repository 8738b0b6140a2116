"""Cues held against the rules: what is broken, by how much."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import inf

from whisper_cli.subtitles.measure import characters, columns
from whisper_cli.subtitles.presets import CuePreset
from whisper_cli.transcript import Segment

TOLERANCE = 0.0015  # seconds: formats round times to milliseconds


@dataclass(frozen=True, slots=True)
class Problem:
    """A rule that the cue of that number (from 1) breaks; seconds, columns or characters.

    `no_room` says that no other end of the cue would keep the rule: the next cue comes too soon for
    what is said.
    """

    rule: str
    cue: int
    start: float
    measured: float
    limit: float
    no_room: bool = False


def check(cues: Sequence[Segment], rules: CuePreset) -> Iterator[Problem]:
    """Find what is broken, cue by cue; the rules are those of `CuePreset`, and `overlap`."""
    for number, cue in enumerate(cues, 1):
        after = cues[number].start if number < len(cues) else inf
        needed = _needed(cue, rules)
        room = after - cue.start - rules.min_gap + TOLERANCE
        for rule, measured, limit in (*_text(cue, rules), *_times(cue, after, rules)):
            no_room = needed.get(rule, 0.0) > room
            yield Problem(rule, number, cue.start, round(measured, 3), limit, no_room)


def _needed(cue: Segment, rules: CuePreset) -> dict[str, float]:
    """Tell how many seconds a cue has to last to keep each rule that a later end could keep."""
    count = characters(" ".join(line.strip() for line in cue.text.splitlines()))
    return {
        "max_cps": count / rules.max_cps if rules.max_cps else 0.0,
        "min_duration": rules.min_duration,
        "word_duration": rules.word_duration * len(cue.text.split()),
    }


def _text(cue: Segment, rules: CuePreset) -> Iterator[tuple[str, float, float]]:
    lines = [line.strip() for line in cue.text.splitlines()]
    wide = max(map(columns, lines), default=0)
    if wide > rules.max_line_width:
        yield "max_line_width", wide, rules.max_line_width
    if len(lines) > rules.max_lines:
        yield "max_lines", len(lines), rules.max_lines
    if 0 < rules.max_words < len(cue.text.split()):
        yield "max_words", len(cue.text.split()), rules.max_words
    count, duration = characters(" ".join(lines)), cue.end - cue.start
    if 0 < rules.max_cps * (duration + TOLERANCE) < count:
        yield "max_cps", count / duration if duration > 0 else float(count * 1000), rules.max_cps


def _times(cue: Segment, after: float, rules: CuePreset) -> Iterator[tuple[str, float, float]]:
    duration, gap = cue.end - cue.start, after - cue.end
    if duration < rules.min_duration - TOLERANCE:
        yield "min_duration", duration, rules.min_duration
    minimum = rules.word_duration * len(cue.text.split())
    if duration < minimum - TOLERANCE:
        yield "word_duration", duration, minimum
    if 0 < rules.max_duration < duration - TOLERANCE:
        yield "max_duration", duration, rules.max_duration
    if gap < -TOLERANCE:
        yield "overlap", -gap, 0
    elif gap < rules.min_gap - TOLERANCE:
        yield "min_gap", gap, rules.min_gap
    elif rules.min_gap + TOLERANCE < gap < rules.chain - TOLERANCE:
        yield "chain", gap, rules.chain
