"""One JSON document whose list of segments grows while it is written."""

import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from whisper_cli.transcript import Change, Dropped, Info, Segment, Word
from whisper_cli.writers.text import encodable
from whisper_cli.writers.timestamps import span

Members = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class JsonDocument:
    """Write an object: the members of `head`, "segments" with an `entry` each, those of `tail`."""

    head: Callable[[Info], Members]
    entry: Callable[[int, Segment], Members]
    tail: Callable[[Info, Sequence[Segment]], Members]
    media_type: str = "application/json"

    def begin(self, info: Info) -> str:
        """Write the object up to the opening of its segments."""
        members = "".join(f"  {_member(*member)},\n" for member in self.head(info).items())
        return f'{{\n{members}  "segments": ['

    def segment(self, number: int, segment: Segment) -> str:
        """Write the segment on a line of its own."""
        return ("" if number == 1 else ",") + f"\n    {dump(self.entry(number, segment))}"

    def closing(self, info: Info, number: int) -> str:  # noqa: ARG002 - alike after each segment
        """Close the object without what sums up its segments."""
        return self.end(info, ())

    def end(self, info: Info, segments: Sequence[Segment]) -> str:
        """Close the segments, write what is known only now, and close the object."""
        members = (f",\n  {_member(*member)}" for member in self.tail(info, segments).items())
        return "\n  ]" + "".join(members) + "\n}\n"


def dump(value: object) -> str:
    """Write a value as JSON on one line that UTF-8 can hold."""
    return encodable(json.dumps(_plain(value), ensure_ascii=False, allow_nan=False))


def times(stretch: Segment | Word | Dropped | Change) -> Members:
    """Give start and end in seconds, to the millisecond."""
    start, end = span(stretch)
    return {"start": start / 1000, "end": end / 1000}


def timed_word(word: Word) -> Members:
    """Describe a word as the model wrote it, with its leading space."""
    return {"word": word.word, **times(word), "probability": word.probability}


def _member(name: str, value: object) -> str:
    return f'"{name}": {_rows(value) if isinstance(value, list) else dump(value)}'


def _rows(items: Iterable[object]) -> str:
    return "[" + ",".join(f"\n    {dump(item)}" for item in items) + "\n  ]"


def _plain(value: object) -> object:
    """Round floats to millionths; JSON has no NaN and no infinity: they become null."""
    match value:
        case float():
            return round(value, 6) if math.isfinite(value) else None
        case dict():
            return {name: _plain(item) for name, item in value.items()}
        case list() | tuple():
            return [_plain(item) for item in value]
    return value
