"""Who breaks which rule of a preset: two judges that share no code but the limits.

Ours is what `whisper-cli check` does. The other reads with pysubs2 and counts in milliseconds and
by the tables of `unicodedata`.
"""

import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from whisper_cli.formats.subtitle_reader import read
from whisper_cli.subtitles.check import check
from whisper_cli.subtitles.presets import CuePreset

HARD = frozenset({"overlap", "max_line_width", "max_lines", "max_duration"})

Broken = Sequence[set[str]]  # the rules that each cue breaks


@dataclass(frozen=True, slots=True)
class Count:
    """So many cues; those that break a rule, a hard one, and those whose words had no room.

    Words have no room where they could not be read until the next cue or the end of the sound; a
    rule of reading speed that such a cue breaks is not counted as broken.
    """

    cues: int = 0
    broken: int = 0
    hard: int = 0
    no_room: int = 0

    def __add__(self, other: "Count") -> "Count":
        return Count(
            self.cues + other.cues,
            self.broken + other.broken,
            self.hard + other.hard,
            self.no_room + other.no_room,
        )


def owned(file: Path, rules: CuePreset) -> Broken:
    """Ask `whisper-cli check`."""
    cues = read(file)
    broken: list[set[str]] = [set() for _ in cues]
    for problem in check(cues, rules):
        broken[problem.cue - 1].add(problem.rule)
    return broken


def theirs(file: Path, rules: CuePreset) -> Broken:
    """Count anew."""
    import pysubs2

    events = sorted(pysubs2.load(str(file), encoding="utf-8"), key=lambda event: event.start)
    ends = [event.start for event in events[1:]] + [10**9]
    return [
        set(_text(event, rules)) | set(_times(event, after, rules))
        for event, after in zip(events, ends, strict=True)
    ]


def _text(event, rules: CuePreset):
    lines = event.plaintext.strip().split("\n")
    if max(map(wide, lines)) > rules.max_line_width:
        yield "max_line_width"
    if len(lines) > rules.max_lines:
        yield "max_lines"
    letters = sum(map(letters_of, lines)) + len(lines) - 1
    if rules.max_cps and letters * 1000 > rules.max_cps * (event.duration + 1):
        yield "max_cps"
    if event.duration + 1 < rules.word_duration * 1000 * len(event.plaintext.split()):
        yield "word_duration"


def _times(event, after: int, rules: CuePreset):
    if event.duration + 1 < rules.min_duration * 1000:
        yield "min_duration"
    if rules.max_duration and event.duration - 1 > rules.max_duration * 1000:
        yield "max_duration"
    gap, minimum, close = after - event.end, rules.min_gap * 1000, rules.chain * 1000
    if gap < 0:
        yield "overlap"
    elif gap + 1 < minimum or minimum + 1 < gap < close - 1:
        yield "gap"


def letters_of(line: str) -> int:
    """Count letters without the marks on them."""
    normal = unicodedata.normalize("NFC", line)
    return sum(unicodedata.category(item)[0] not in "MC" for item in normal)


def wide(line: str) -> int:
    """Count columns: two for what is full-width."""
    full = sum(unicodedata.east_asian_width(item) in "WF" for item in line)
    return letters_of(line) + full


def count(
    file: Path, rules: CuePreset, seconds: float, judge: Callable[[Path, CuePreset], Broken]
) -> Count:
    """Judge one file of a recording that lasts so many seconds."""
    cues = read(file)
    broken = judge(file, rules)
    ends = [cue.start - rules.min_gap for cue in cues[1:]] + [seconds]
    left = []
    for cue, rules_broken, after in zip(cues, broken, ends, strict=True):
        until = min(after, cue.start + (rules.max_duration or seconds))
        text = " ".join(cue.text.split())
        excused = set()
        if letters_of(text) > rules.max_cps * (until - cue.start):
            excused.add("max_cps")
        if rules.word_duration * len(text.split()) > until - cue.start:
            excused.add("word_duration")
        if seconds - cue.start < rules.min_duration:
            excused.add("min_duration")
        left.append((rules_broken - excused, bool(rules_broken & excused)))
    return Count(
        len(cues),
        sum(bool(rest) for rest, _ in left),
        sum(bool(rest & HARD) for rest, _ in left),
        sum(apart for _, apart in left),
    )
