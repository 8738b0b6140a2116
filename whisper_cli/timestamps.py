"""Times in seconds as the numbers and clocks that formats show, each rounded once."""

import math

from whisper_cli.transcript import Change, Dropped, Redecoded, Segment, Word


def to_units(seconds: float, per_second: int = 1000) -> int:
    """Count a time in whole ticks; what is negative or not finite counts as 0."""
    scaled = seconds * per_second
    return max(round(scaled), 0) if math.isfinite(scaled) else 0


def span(item: Segment | Word | Dropped | Redecoded | Change) -> tuple[int, int]:
    """Give start and end in milliseconds, the end never before the start."""
    start = to_units(item.start)
    return start, max(start, to_units(item.end))


def second(milliseconds: int) -> str:
    """Write HH:MM:SS, the second in which a time lies."""
    return clock(milliseconds, ".").partition(".")[0]


def clock(milliseconds: int, mark: str) -> str:
    """Write HH:MM:SS, the decimal mark, and milliseconds."""
    seconds, milliseconds = divmod(milliseconds, 1000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02}:{minutes:02}:{seconds:02}{mark}{milliseconds:03}"
