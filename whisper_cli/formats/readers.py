"""Transcripts in JSON, ours and other people's, back into what they say."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

from whisper_cli import __version__, checked
from whisper_cli.choices import Mode, Task
from whisper_cli.errors import ConfigError, TranscriptError
from whisper_cli.formats.segment_times import TimedEntry, time_of, timed_entries
from whisper_cli.languages import code_of
from whisper_cli.transcript import (
    ADDED_OPTIONS,
    Change,
    DecodingOptions,
    Dropped,
    Info,
    Provenance,
    Redecoded,
    Segment,
    Word,
)

Members = Mapping[str, Any]
_SCORES = ("avg_logprob", "no_speech_prob", "compression_ratio", "temperature")
# Written without spaces.
WITHOUT_SPACES = frozenset({"zh", "yue", "ja", "th", "lo", "my", "km", "bo"})
SCHEMA = "whisper-cli/transcript/1"


@dataclass(frozen=True, slots=True)
class ReadTranscript:
    """A whole transcript."""

    info: Info
    segments: tuple[Segment, ...]


def read_transcript(data: bytes, name: str) -> ReadTranscript:
    """Read our JSON, openai-whisper's, whisperX's or OpenAI's verbose_json; times in seconds.

    Words that whisperX left without times get those between their neighbours', and segments come
    in the order of their starts; what had to be guessed is a warning. Raises TranscriptError where
    it is none of these.
    """
    try:
        return _transcript(checked.members(checked.parse(data)), name)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        missing = f"it has no {error}" if isinstance(error, KeyError) else str(error)
        raise TranscriptError(
            f"{name} is no transcript in JSON: {missing}",
            hint="render reads the JSON of whisper-cli, openai-whisper, whisperX and OpenAI's API",
        ) from error


def _transcript(content: Members, name: str) -> ReadTranscript:
    language = _language(content.get("language"))
    duration = checked.optional(content.get("duration"), time_of)
    segments, guessed = _segments(content, language, duration)
    end = max((segment.end for segment in segments), default=0.0)
    info = Info(
        name,
        _provenance(checked.members(content.get("provenance") or {}), name, segments),
        language,
        _measure(content.get("language_probability") or (1.0 if language else 0.0)),
        max(end, duration or 0.0),
        checked.sequence_of(content.get("dropped") or [], _dropped),
        (*checked.sequence_of(content.get("warnings") or [], checked.text), *guessed),
        checked.optional(content.get("changes"), _changes),
        redecoded=checked.sequence_of(content.get("redecoded") or [], _redecoded),
    )
    return ReadTranscript(info, segments)


def _dropped(entry: Members) -> Dropped:
    text, reason = (checked.text(entry[name]) for name in ("text", "reason"))
    return Dropped(time_of(entry["start"]), time_of(entry["end"]), text, reason)


def _redecoded(entry: Members) -> Redecoded:
    reason, text = (checked.text(entry[name]) for name in ("reason", "rejected_text"))
    return Redecoded(time_of(entry["start"]), time_of(entry["end"]), reason, text)


def _changes(entries: object) -> tuple[Change, ...]:
    return checked.sequence_of(entries, _change)


def _change(entry: Members) -> Change:
    before, after, reason = (checked.text(entry[name]) for name in ("before", "after", "why"))
    return Change(time_of(entry["start"]), time_of(entry["end"]), before, after, reason)


def _language(named: object) -> str | None:
    """Understand a code or, as in verbose_json, a name."""
    try:
        return code_of(named) if isinstance(named, str) and named else None
    except ConfigError:
        return None


def _provenance(known: Members, name: str, segments: Sequence[Segment]) -> Provenance:
    """Restore what our JSON tells of its making; of other people's little is known."""
    options = _options(checked.members(known.get("options") or {}))
    if any(segment.words for segment in segments):
        options = replace(options, word_timestamps=True)

    def optional(field: str) -> str | None:
        return checked.optional(known.get(field) or None, checked.text)

    return Provenance(
        tool=optional("tool") or f"whisper-cli {__version__}",
        model=optional("model") or "unknown",
        repo=optional("repo"),
        revision=optional("revision"),
        device=optional("device") or "",
        compute_type=optional("compute_type") or "",
        options=options,
        input=optional("input") or name,
        input_sha256=optional("input_sha256"),
        complete=checked.flag(known.get("complete", True)),
    )


def _options(known: Members) -> DecodingOptions:
    """Take the options that we know; those of a newer release are left out."""
    defaults = {item.name: item.default for item in fields(DecodingOptions) if item.name in known}
    return DecodingOptions(
        **{name: _option(name, known[name], kind) for name, kind in defaults.items()}
    )


def _option(name: str, value: Any, default: object) -> Any:
    """Take one option, of the kind that its default is of."""
    if name == "language":
        return _language(value)
    if name in _SEQUENCES:
        return checked.sequence_of(value, _SEQUENCES[name])
    if name in ADDED_OPTIONS:
        return checked.optional(value, checked.number)
    if default is None:
        return checked.optional(value, checked.text)
    return _KINDS[type(default)](value)


def _clip(value: Any) -> tuple[float, float | None]:
    start, end = value
    return time_of(start), checked.optional(end, time_of)


_KINDS: Mapping[type, Callable[[Any], object]] = {
    Mode: Mode,
    Task: Task,
    bool: checked.flag,
    int: checked.whole,
    float: checked.number,
    str: checked.text,
}
_SEQUENCES: Mapping[str, Callable[[Any], object]] = {
    "language_candidates": checked.text,
    "temperature": checked.number,
    "suppress_tokens": checked.whole,
    "clip": _clip,
}


def _segments(
    content: Members, language: str | None, duration: float | None
) -> tuple[tuple[Segment, ...], tuple[str, ...]]:
    """Read the segments, with warnings of what of their times was guessed."""
    loose = list(_words(content["words"], language=language)) if _has_only_words(content) else []
    if "segments" not in content and loose:
        whole = Segment(loose[0].start, loose[-1].end, _text_of(loose), words=tuple(loose))
        return (whole,), ()
    entries, warnings = timed_entries(list(content["segments"]), duration)
    return tuple(_with_words(_segment(entry, language), loose) for entry in entries), warnings


def _with_words(segment: Segment, loose: Sequence[Word]) -> Segment:
    """Give a segment those of the words beside the segments that are said in it."""
    inside = [word for word in loose if segment.start <= _middle(word) < segment.end]
    return replace(segment, words=tuple(inside)) if inside else segment


def _has_only_words(content: Members) -> bool:
    """Say whether words stand beside the segments, as in verbose_json, and not in them."""
    return content.get("schema") != SCHEMA and bool(content.get("words"))


def _segment(timed: TimedEntry, language: str | None) -> Segment:
    start, end, entry = timed.start, timed.end, timed.members
    words = tuple(_words(entry.get("words") or (), start, end, language))
    text = checked.text(entry["text"])
    if not text.startswith(" ") and language not in WITHOUT_SPACES:
        text = f" {text}"  # as the model writes it, so that texts can be joined
    return Segment(
        start,
        end,
        text,
        **{name: _measure(entry.get(name)) for name in _SCORES},
        words=words,
        seek=checked.whole(entry.get("seek") or 0),
        tokens=checked.sequence_of(entry.get("tokens") or [], checked.whole),
        speaker=_speaker(entry.get("speaker")),
    )


def _measure(value: object) -> float:
    """Take a number that a model gave; 0 where it gave none, as null or NaN."""
    nothing = value is None or (isinstance(value, float) and not math.isfinite(value))
    return 0.0 if nothing else checked.number(value)


def _speaker(value: object) -> str | None:
    """Take a name or, as some number them, a number."""
    named = str(checked.whole(value)) if value and isinstance(value, int) else value
    return checked.text(named) if named else None


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
    strings = [checked.text(entry["word"]) for entry in entries]
    with_spaces = language not in WITHOUT_SPACES and not any(text[:1] == " " for text in strings)
    following = _following(entries)
    for index, (entry, text) in enumerate(zip(entries, strings, strict=True)):
        left = following[index]
        until = time_of(entries[left]["start"]) if left < len(entries) else (last or reached)
        start = time_of(entry["start"]) if _has(entry, "start") else reached
        share = (until - reached) / (left - index) if left > index else 0.0
        reached = max(start, time_of(entry["end"]) if _has(entry, "end") else start + share)
        probability = _measure(entry.get("probability", entry.get("score")))
        yield Word(f" {text}" if with_spaces else text, start, reached, probability)


def _following(entries: Sequence[Members]) -> list[int]:
    """Tell for each word which one from there on is the next with a time."""
    positions, next_timed = [], len(entries)
    for index in reversed(range(len(entries))):
        next_timed = index if _has(entries[index], "start") else next_timed
        positions.append(next_timed)
    return positions[::-1]


def _has(entry: Members, name: str) -> bool:
    return entry.get(name) is not None


def _text_of(words: Sequence[Word]) -> str:
    return "".join(word.word for word in words)


def _middle(word: Word) -> float:
    return (word.start + word.end) / 2
