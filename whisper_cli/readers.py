"""Transcripts in JSON, ours and other people's, back into what they say."""

import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

from whisper_cli import __version__
from whisper_cli.choices import Mode, Task
from whisper_cli.errors import ConfigError, TranscriptError
from whisper_cli.languages import code_of
from whisper_cli.transcript import Change, Dropped, Info, Options, Provenance, Segment, Word

Members = Mapping[str, Any]
UNSPACED = frozenset({"zh", "yue", "ja", "th", "lo", "my", "km", "bo"})  # written without spaces
SCHEMA = "whisper-cli/transcript/1"


@dataclass(frozen=True, slots=True)
class Told:
    """A whole transcript."""

    info: Info
    segments: tuple[Segment, ...]


def read_transcript(data: bytes, name: str) -> Told:
    """Read our JSON, openai-whisper's, whisperX's or OpenAI's verbose_json; times in seconds.

    Words that whisperX left without times get those between their neighbours'. Raises
    TranscriptError where it is none of these.
    """
    try:
        return _told(json.loads(data), name)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        missing = f"it has no {error}" if isinstance(error, KeyError) else str(error)
        raise TranscriptError(
            f"{name} is no transcript in JSON: {missing}",
            hint="render reads the JSON of whisper-cli, openai-whisper, whisperX and OpenAI's API",
        ) from error


def _told(content: Members, name: str) -> Told:
    if not isinstance(content, dict):
        raise TypeError("it is not an object")
    language = _language(content.get("language"))
    segments = tuple(_segments(content, language))
    end = max((segment.end for segment in segments), default=0.0)
    duration = content.get("duration")
    info = Info(
        name,
        _provenance(content.get("provenance") or {}, name, segments),
        language,
        float(content.get("language_probability") or (language is not None)),
        max(end, _time(duration)) if duration is not None else end,
        tuple(
            Dropped(_time(each["start"]), _time(each["end"]), each["text"], each["reason"])
            for each in content.get("dropped") or ()
        ),
        tuple(map(str, content.get("warnings") or ())),
        _changes(content.get("changes")),
    )
    return Told(info, segments)


def _changes(entries: Sequence[Members] | None) -> tuple[Change, ...] | None:
    if entries is None:
        return None
    return tuple(
        Change(_time(each["start"]), _time(each["end"]), each["before"], each["after"], each["why"])
        for each in entries
    )


def _language(named: object) -> str | None:
    """Understand a code or, as in verbose_json, a name."""
    try:
        return code_of(named) if isinstance(named, str) and named else None
    except ConfigError:
        return None


def _provenance(known: Members, name: str, segments: Sequence[Segment]) -> Provenance:
    """Restore what our JSON tells of its making; of other people's little is known."""
    options = _options(known.get("options") or {})
    if any(segment.words for segment in segments):
        options = replace(options, word_timestamps=True)
    return Provenance(
        tool=str(known.get("tool") or f"whisper-cli {__version__}"),
        model=str(known.get("model") or "unknown"),
        repo=known.get("repo"),
        revision=known.get("revision"),
        device=str(known.get("device") or ""),
        compute_type=str(known.get("compute_type") or ""),
        options=options,
        input=str(known.get("input") or name),
        input_sha256=known.get("input_sha256"),
        complete=bool(known.get("complete", True)),
    )


def _options(known: Members) -> Options:
    kinds: dict[str, Callable[[Any], object]] = {"mode": Mode, "task": Task}
    names = [each.name for each in fields(Options) if each.name in known]
    values = {name: kinds.get(name, _frozen)(known[name]) for name in names}
    return Options(**values)  # type: ignore[arg-type]


def _frozen(value: object) -> object:
    return tuple(map(_frozen, value)) if isinstance(value, list) else value


def _segments(content: Members, language: str | None) -> Iterator[Segment]:
    loose = list(_words(content["words"], language=language)) if _words_stand_alone(content) else []
    if "segments" not in content and loose:
        yield Segment(loose[0].start, loose[-1].end, _joined(loose), words=tuple(loose))
        return
    for entry in content["segments"]:
        segment = _segment(entry, language)
        inside = [word for word in loose if segment.start <= _middle(word) < segment.end]
        yield replace(segment, words=tuple(inside)) if inside else segment


def _words_stand_alone(content: Members) -> bool:
    """Say whether words stand beside the segments, as in verbose_json, and not in them."""
    return content.get("schema") != SCHEMA and bool(content.get("words"))


def _segment(entry: Members, language: str | None) -> Segment:
    start = _time(entry["start"])
    end = max(start, _time(entry["end"]))
    words = tuple(_words(entry.get("words") or (), start, end, language))
    text = entry["text"]
    if not isinstance(text, str):
        raise TypeError(f"{text!r} is no text")
    if not text.startswith(" ") and language not in UNSPACED:
        text = f" {text}"  # as the model writes it, so that texts can be joined
    return Segment(
        start,
        end,
        text,
        avg_logprob=float(entry.get("avg_logprob") or 0.0),
        no_speech_prob=float(entry.get("no_speech_prob") or 0.0),
        compression_ratio=float(entry.get("compression_ratio") or 0.0),
        temperature=float(entry.get("temperature") or 0.0),
        words=words,
        seek=int(entry.get("seek") or 0),
        tokens=tuple(map(int, entry.get("tokens") or ())),
        speaker=str(entry["speaker"]) if entry.get("speaker") else None,
    )


def _words(
    entries: Sequence[Members],
    first: float = 0.0,
    last: float | None = None,
    language: str | None = None,
) -> Iterator[Word]:
    """Read words, in order; those without times stand evenly between their neighbours.

    Where none has a space before it, as in verbose_json, each one gets one.
    """
    reached = first
    apart = language not in UNSPACED and not any(str(e["word"])[:1] == " " for e in entries)
    for place, entry in enumerate(entries):
        left = next((n for n in range(place, len(entries)) if "start" in entries[n]), None)
        until = _time(entries[left]["start"]) if left is not None else (last or reached)
        untimed = (left if left is not None else len(entries)) - place
        start = _time(entry["start"]) if "start" in entry else reached
        share = (until - reached) / untimed if untimed else 0.0
        reached = max(start, _time(entry["end"]) if "end" in entry else start + share)
        text = str(entry["word"])
        probability = entry.get("probability", entry.get("score"))
        yield Word(f" {text}" if apart else text, start, reached, float(probability or 0.0))


def _joined(words: Sequence[Word]) -> str:
    return "".join(word.word for word in words)


def _middle(word: Word) -> float:
    return (word.start + word.end) / 2


def _time(value: object) -> float:
    """Read seconds; raises ValueError for what is none."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError(f"{value!r} is no time in seconds")
    return max(0.0, float(value))
