"""Our own JSON: schema/transcript-1.json describes it."""

from collections.abc import Sequence
from dataclasses import asdict

from whisper_cli.transcript import Change, Info, Segment
from whisper_cli.writers.json_document import JsonDocument, Members, timed_word, times
from whisper_cli.writers.text import joined
from whisper_cli.writers.timestamps import ticks


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
    return None if info.duration is None else ticks(info.duration) / 1000


def doubts(info: Info) -> Members:
    """List what was left out and why, and doubts about what was covered."""
    changes = info.changes
    return {
        "dropped": [
            {**times(each), "text": each.text, "reason": each.reason} for each in info.dropped
        ],
        "warnings": list(info.warnings),
        **({} if changes is None else {"changes": [_change(each) for each in changes]}),
    }


def _change(change: Change) -> Members:
    return {
        **times(change),
        "before": change.before,
        "after": change.after,
        "why": change.why,
    }


def _head(info: Info) -> Members:
    return {"schema": "whisper-cli/transcript/1", **language(info)}


def _tail(info: Info, segments: Sequence[Segment]) -> Members:
    return {
        "duration": duration(info),
        "text": joined(segments).strip(),
        "words": [timed_word(word) for segment in segments for word in segment.words],
        **doubts(info),
        "provenance": asdict(info.provenance),
    }


NATIVE = JsonDocument(_head, entry, _tail)
