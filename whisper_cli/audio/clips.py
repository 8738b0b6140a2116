"""Parts of an input: how `--clip` names them, and how a stream is cut to them."""

import re
from collections.abc import Iterator, Sequence
from math import isfinite

from whisper_cli.audio.blocks import SAMPLE_RATE, Block
from whisper_cli.errors import ConfigError

Clip = tuple[float, float | None]
"""Start and end in seconds; an end of None is the end of the input."""

_TIME = r"(?:\d+:){0,2}\d+(?:\.\d+)?"


def parse_clip(text: str) -> Clip:
    """Read `START-END`, where either may be left out: `10-20`, `1:05-2:00.5`, `1:00:00-`, `-30`.

    Raises ConfigError.
    """
    match = re.fullmatch(rf"({_TIME})?-({_TIME})?", text.strip(), re.ASCII)
    start = _seconds(match[1]) if match and match[1] else 0.0
    end = _seconds(match[2]) if match and match[2] else None
    finite = isfinite(start) and isfinite(end or 0.0)
    if not match or not finite or text.strip() == "-" or (end is not None and end <= start):
        raise ConfigError(
            f'not a clip: "{text}"',
            hint="START-END in seconds or [H:]M:S, as in 10-20, 1:05-2:00.5, 1:00:00- or -30",
        )
    return start, end


def _seconds(time: str) -> float:
    parts = reversed(time.split(":"))
    return sum(float(part) * 60.0**power for power, part in enumerate(parts))


def cut(blocks: Iterator[Block], clips: Sequence[Clip]) -> Iterator[Block]:
    """Keep what lies in a clip, in the input's own time; read no further than the last one."""
    spans = _merged(clips)
    for block in blocks:
        for start, end in spans:
            part = _part(block, start, end)
            if len(part.samples):
                yield part
        if block.end >= spans[-1][1]:
            return


def _merged(clips: Sequence[Clip]) -> list[tuple[float, float]]:
    spans: list[tuple[float, float]] = []
    for start, end in sorted((start, float("inf") if end is None else end) for start, end in clips):
        if spans and start <= spans[-1][1]:
            spans[-1] = (spans[-1][0], max(end, spans[-1][1]))
        else:
            spans.append((start, end))
    return spans


def _part(block: Block, start: float, end: float) -> Block:
    first = round((max(start, block.start) - block.start) * SAMPLE_RATE)
    last = round(max(min(end, block.end) - block.start, 0.0) * SAMPLE_RATE)
    return Block(block.start + first / SAMPLE_RATE, block.samples[first:last])
