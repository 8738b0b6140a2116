"""The JSON file of openai-whisper's own program."""

from collections.abc import Sequence

from whisper_cli.transcript import Info, Segment
from whisper_cli.writers.json_document import JsonDocument, Members, timed_word, times
from whisper_cli.writers.text import joined


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


def _entry(number: int, segment: Segment) -> Members:
    words = [timed_word(word) for word in segment.words]
    return {**decoded(number, segment), **({"words": words} if words else {})}


def _head(info: Info) -> Members:
    return {"language": info.language}


def _tail(_info: Info, segments: Sequence[Segment]) -> Members:
    return {"text": joined(segments)}


WHISPER = JsonDocument(_head, _entry, _tail)
