"""JSON documents whose list of segments grows while they are written: ours and two other shapes."""

import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass

from whisper_cli.choices import JsonStyle
from whisper_cli.formats.options import FormatOptions
from whisper_cli.formats.text import join_text
from whisper_cli.languages import LANGUAGES
from whisper_cli.texts import encodable
from whisper_cli.timestamps import span, to_units
from whisper_cli.transcript import Change, Dropped, Info, Redecoded, Segment, Word

Members = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class JsonDocument:
    """Write an object: the members of `head`, "segments" with an `entry` each, those of `tail`."""

    head: Callable[[Info], Members]
    entry: Callable[[int, Segment], Members]
    tail: Callable[[Info, Sequence[Segment]], Members]

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


def times(item: Segment | Word | Dropped | Redecoded | Change) -> Members:
    """Give start and end in seconds, to the millisecond."""
    start, end = span(item)
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


def decoded(number: int, segment: Segment) -> Members:
    """Describe a segment by the ten keys of Whisper's `transcribe`; the text keeps its spaces."""
    return {
        "id": number - 1,
        "seek": segment.seek,
        **times(segment),
        "text": segment.text,
        "tokens": segment.tokens,
        "temperature": segment.temperature,
        "avg_logprob": segment.avg_logprob,
        "compression_ratio": segment.compression_ratio,
        "no_speech_prob": segment.no_speech_prob,
    }


def _whisper_entry(number: int, segment: Segment) -> Members:
    words = [timed_word(word) for word in segment.words]
    return {**decoded(number, segment), **({"words": words} if words else {})}


def _whisper_head(info: Info) -> Members:
    return {"language": info.language}


def _whisper_tail(_info: Info, segments: Sequence[Segment]) -> Members:
    return {"text": join_text(segments)}


WHISPER = JsonDocument(_whisper_head, _whisper_entry, _whisper_tail)


def _openai_head(info: Info) -> Members:
    task = info.provenance.options.task
    return {"task": task, "language": LANGUAGES.get(info.spoken or "", "")}


def _openai_tail(info: Info, segments: Sequence[Segment]) -> Members:
    words = [
        {"word": word.word.strip(), **times(word)} for segment in segments for word in segment.words
    ]
    return {
        "duration": to_units(info.duration or 0.0) / 1000,
        "text": join_text(segments).strip(),
        **({"words": words} if info.provenance.options.word_timestamps else {}),
    }


OPENAI = JsonDocument(_openai_head, decoded, _openai_tail)


def language(info: Info) -> Members:
    """Say which language was found, and how surely."""
    return {"language": info.language, "language_probability": info.language_probability}


def entry(number: int, segment: Segment) -> Members:
    """Describe a segment; `id` counts from 0."""
    return {
        "id": number - 1,
        **times(segment),
        "text": segment.text.strip(),
        "avg_logprob": segment.avg_logprob,
        "no_speech_prob": segment.no_speech_prob,
        "compression_ratio": segment.compression_ratio,
        "temperature": segment.temperature,
        "words": [timed_word(word) for word in segment.words],
        **({} if segment.speaker is None else {"speaker": segment.speaker}),
    }


def duration(info: Info) -> float | None:
    """Give the seconds of audio, None while they aren't known."""
    return None if info.duration is None else to_units(info.duration) / 1000


def problems(info: Info) -> Members:
    """List what was left out or decoded again and why, and doubts about what was covered."""
    changes = info.changes
    return {
        "dropped": [
            {**times(item), "text": item.text, "reason": item.reason} for item in info.dropped
        ],
        "redecoded": [_redecoded(item) for item in info.redecoded],
        "warnings": list(info.warnings),
        **({} if changes is None else {"changes": [_change(item) for item in changes]}),
    }


def _redecoded(item: Redecoded) -> Members:
    return {**times(item), "reason": item.reason, "rejected_text": item.rejected_text}


def _change(change: Change) -> Members:
    return {
        **times(change),
        "before": change.before,
        "after": change.after,
        "why": change.reason,
    }


def _native_head(info: Info) -> Members:
    return {"schema": "whisper-cli/transcript/1", **language(info)}


def _native_tail(info: Info, segments: Sequence[Segment]) -> Members:
    return {
        "duration": duration(info),
        "text": join_text(segments).strip(),
        "words": [timed_word(word) for segment in segments for word in segment.words],
        **problems(info),
        "provenance": asdict(info.provenance),
    }


NATIVE = JsonDocument(_native_head, entry, _native_tail)

STYLES: Mapping[JsonStyle, JsonDocument] = {
    JsonStyle.native: NATIVE,
    JsonStyle.openai: OPENAI,
    JsonStyle.whisper: WHISPER,
}


def writer(options: FormatOptions) -> JsonDocument:
    """Choose the document by its style."""
    return STYLES[options.json_style]
