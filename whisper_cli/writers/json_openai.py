"""The verbose_json of the OpenAI API."""

from collections.abc import Sequence

from whisper_cli.languages import LANGUAGES
from whisper_cli.transcript import Info, Segment
from whisper_cli.writers.json_document import JsonDocument, Members, times
from whisper_cli.writers.json_whisper import decoded
from whisper_cli.writers.text import joined
from whisper_cli.writers.timestamps import ticks


def _head(info: Info) -> Members:
    task = info.provenance.options.task
    return {"task": task, "language": LANGUAGES.get(info.spoken or "", "")}


def _tail(info: Info, segments: Sequence[Segment]) -> Members:
    words = [
        {"word": word.word.strip(), **times(word)} for segment in segments for word in segment.words
    ]
    return {
        "duration": ticks(info.duration or 0.0) / 1000,
        "text": joined(segments).strip(),
        **({"words": words} if info.provenance.options.word_timestamps else {}),
    }


OPENAI = JsonDocument(_head, decoded, _tail)
