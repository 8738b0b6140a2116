"""A transcript in the shapes of the OpenAI API."""

import math
from collections.abc import Iterable, Sequence
from typing import Any

from whisper_cli.choices import Task
from whisper_cli.formats.json import decoded, times
from whisper_cli.formats.registry import Format, writer_for
from whisper_cli.formats.text import join_text
from whisper_cli.languages import LANGUAGES
from whisper_cli.serve.fields import Detail, Shape
from whisper_cli.serve.requests import TranscriptionRequest
from whisper_cli.subtitles.length import with_length
from whisper_cli.texts import encodable
from whisper_cli.timestamps import to_units
from whisper_cli.transcript import Info, Segment, Word

_TOKENS_A_SECOND = 50  # positions of Whisper's encoder


def answer(
    ask: TranscriptionRequest, info: Info, segments: Sequence[Segment]
) -> tuple[str, str | dict[str, Any]]:
    """Give the media type and the body: a text, or what is to be written as JSON."""
    if isinstance(ask.shape, Format):
        return "text/plain; charset=utf-8", _written(ask.shape, info, segments)
    text = whole(segments)
    if ask.shape is Shape.text:
        return "text/plain; charset=utf-8", text + "\n"
    if ask.shape is Shape.verbose_json:
        return "application/json", _verbose(ask, info, segments, text)
    body: dict[str, Any] = {"text": text}
    if ask.options.task is Task.TRANSCRIBE:
        body |= {"usage": duration_usage(info)}
        body |= {"logprobs": logprobs(segments)} if ask.logprobs else {}
        body |= {"languages": _languages(info)} if ask.languages else {}
    return "application/json", body


def whole(segments: Iterable[Segment]) -> str:
    """Give the text, without white space around it."""
    return encodable(join_text(segments)).strip()


def duration_usage(info: Info) -> dict[str, object]:
    """Say for how many seconds the model worked, rounded up."""
    return {"type": "duration", "seconds": math.ceil(info.duration or 0.0)}


def token_usage(info: Info, segments: Sequence[Segment]) -> dict[str, object]:
    """Count what the encoder heard and the decoder wrote."""
    input_tokens = math.ceil((info.duration or 0.0) * _TOKENS_A_SECOND)
    written = sum(len(segment.tokens) for segment in segments)
    return {
        "type": "tokens",
        "input_tokens": input_tokens,
        "output_tokens": written,
        "total_tokens": input_tokens + written,
        "input_token_details": {"audio_tokens": input_tokens, "text_tokens": 0},
    }


def logprobs(segments: Iterable[Segment]) -> list[dict[str, object]]:
    """Give the logarithm of how probable each word is: a word is what our times are known of."""
    return [_logprob(word) for segment in segments for word in segment.words]


def _logprob(word: Word) -> dict[str, object]:
    token = encodable(word.word)
    value = math.log(min(1.0, max(word.probability, 1e-9)))
    return {"token": token, "logprob": round(value, 6), "bytes": list(token.encode())}


def _written(kind: Format, info: Info, segments: Sequence[Segment]) -> str:
    writer = writer_for(kind, source=info.source)
    spoken = [segment for segment in segments if segment.text.strip()]
    spoken = [*with_length(spoken, kind.spec.ticks)] if kind.spec.ticks else spoken
    entries = (writer.segment(number, segment) for number, segment in enumerate(spoken, 1))
    return writer.begin(info) + "".join(entries) + writer.end(info, spoken)


def _verbose(
    ask: TranscriptionRequest, info: Info, segments: Sequence[Segment], text: str
) -> dict[str, Any]:
    translated = ask.options.task is Task.TRANSLATE
    body: dict[str, Any] = {
        "task": ask.options.task.value,
        "language": LANGUAGES.get("en" if translated else info.language or "", ""),
        "duration": to_units(info.duration or 0.0) / 1000,
        "text": text,
    }
    if Detail.segment in ask.details:
        body["segments"] = [_plain(number, item) for number, item in enumerate(segments, 1)]
    if Detail.word in ask.details:
        body["words"] = [
            {"word": encodable(word.word.strip()), **times(word)}
            for segment in segments
            for word in segment.words
        ]
    return body | {"usage": duration_usage(info)}


def _plain(number: int, segment: Segment) -> dict[str, object]:
    members = dict(decoded(number, segment))
    for name, value in members.items():
        if isinstance(value, float):
            members[name] = round(value, 6) if math.isfinite(value) else 0.0
        elif isinstance(value, str):
            members[name] = encodable(value)
    return members


def _languages(info: Info) -> list[dict[str, str]]:
    return [{"code": info.language}] if info.language else []
