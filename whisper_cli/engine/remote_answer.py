"""What a server answers to `transcribe --server`, checked before it is believed."""

import http.client
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import IO, Any

from whisper_cli import checked
from whisper_cli.engine.events import (
    Event,
    Input,
    InputFinished,
    InputStarted,
    Progressed,
    Recording,
    SegmentDecoded,
    ended,
)
from whisper_cli.errors import AudioError, ConfigError, EngineError, ModelError, WhisperError
from whisper_cli.transcript import Dropped, Info, Redecoded, Segment, Word

Members = Mapping[str, Any]

HINT = "whisper-cli serve-lite starts one; --server never does without"
_MOST, _MOST_A_SECOND = 1 << 20, 64 << 10  # bytes of an answer, and more for each second of sound
_MOST_REFUSAL = 64 << 10  # bytes
_LONGEST_MESSAGE = 500  # characters
_MEASURES = ("avg_logprob", "no_speech_prob", "compression_ratio", "temperature")
_KINDS: Mapping[str, type[WhisperError]] = {
    "invalid_api_key": ConfigError,
    "model_not_found": ModelError,
    "model_error": ModelError,
    "audio_too_long": AudioError,
    "invalid_audio": AudioError,
}


def events_of(
    source: Input, recording: Recording, answer: IO[bytes], server: str
) -> Iterator[Event]:
    """Turn the lines of an answer into events; what a newer server tells besides is left out.

    Raises WhisperError naming the `server` where it tells of a failure, breaks off, or says what
    can't be; OSError and HTTPException where it can't be read.
    """
    most = _MOST + int(recording.audio.position * _MOST_A_SECOND)
    try:
        yield from _events(source, recording, _lines(answer, most), server)
    except KeyError as error:
        raise _nonsense(server, f"it has no {error}") from error
    except ValueError as error:
        raise _nonsense(server, str(error)) from error


def refusal(response: http.client.HTTPResponse, server: str) -> WhisperError:
    """Say in our own kinds what any answer but 200 means. Raises OSError and HTTPException."""
    status = response.status
    try:
        told = checked.members(checked.parse(response.read(_MOST_REFUSAL)))["error"]
        error = _failure(checked.members(told), server)
    except (ValueError, KeyError):  # a page of a proxy, or of another server
        error = EngineError(f"{server} answered {status}, and not as serve-lite does", hint=HINT)
    if status == http.HTTPStatus.UNAUTHORIZED:
        return ConfigError(error.message, hint="set WHISPER_CLI_API_KEY")
    if status in (http.HTTPStatus.TOO_MANY_REQUESTS, http.HTTPStatus.SERVICE_UNAVAILABLE):
        wait = response.headers.get("Retry-After", "")
        later = f"in {wait} s" if wait.isascii() and wait.isdigit() and len(wait) < 6 else "later"
        error.hint = f"try again {later}, or --server never"
    return error


def _nonsense(server: str, why: str) -> EngineError:
    return EngineError(f"{server} answered what can't be: {_clipped(why)}", hint=HINT)


def _failure(told: Members, server: str) -> WhisperError:
    """Read what stands under "error". Raises ValueError and KeyError."""
    message = _clipped(checked.text(told["message"]))
    code = checked.optional(told.get("code"), checked.text)
    return _KINDS.get(code or "", EngineError)(f"{server}: {message}")


def _clipped(text: str) -> str:
    """Put a text of any length on one line."""
    return " ".join(text.split())[:_LONGEST_MESSAGE]


def _lines(answer: IO[bytes], most: int) -> Iterator[Members]:
    """Read lines of JSON, `most` bytes in all."""
    while line := answer.readline(most + 1):
        most -= len(line)
        if most < 0:
            raise checked.WrongValue("it is longer than any transcript of this sound")
        yield checked.members(checked.parse(line))


def _events(
    source: Input, recording: Recording, lines: Iterator[Members], server: str
) -> Iterator[Event]:
    info = replace(recording.info, duration=recording.audio.duration)
    begun = False
    for line in lines:
        if "error" in line:
            raise _failure(checked.members(line["error"]), server)
        if not begun and line.keys() & {"language", "segment", "done"}:
            info, begun = _with_language(info, line), True
            yield InputStarted(source, info)
        if "segment" in line:
            yield SegmentDecoded(source, _segment(checked.members(line["segment"])))
        elif "seconds" in line and begun:
            yield Progressed(source, checked.seconds(line["seconds"]))
        elif "done" in line:
            info = _whole(recording, info, line)
            yield Progressed(source, info.duration or 0.0, None, info.dropped, info.redecoded)
            yield InputFinished(source, info)
            return
    raise EngineError(f"{server} broke off", hint=HINT)


def _with_language(info: Info, line: Members) -> Info:
    if "language" not in line:
        return info
    language = checked.optional(line["language"], checked.language)
    return replace(
        info, language=language, language_probability=checked.number(line["probability"])
    )


def _segment(told: Members) -> Segment:
    return Segment(
        checked.seconds(told["start"]),
        checked.seconds(told["end"]),
        checked.text(told["text"]),
        **{name: checked.number(told[name]) for name in _MEASURES},
        words=checked.several(told["words"], _word),
        seek=checked.whole(told["seek"]),
        tokens=checked.several(told["tokens"], checked.whole),
        speaker=checked.optional(told.get("speaker"), checked.text),
    )


def _word(told: object) -> Word:
    entry = checked.members(told)
    start, end = checked.seconds(entry["start"]), checked.seconds(entry["end"])
    return Word(checked.text(entry["word"]), start, end, checked.number(entry["probability"]))


def _dropped(told: object) -> Dropped:
    entry = checked.members(told)
    start, end = checked.seconds(entry["start"]), checked.seconds(entry["end"])
    return Dropped(start, end, checked.text(entry["text"]), checked.text(entry["reason"]))


def _redecoded(told: object) -> Redecoded:
    entry = checked.members(told)
    start, end = checked.seconds(entry["start"]), checked.seconds(entry["end"])
    reason, text = (checked.text(entry[name]) for name in ("reason", "rejected_text"))
    return Redecoded(start, end, reason, text)


def _whole(recording: Recording, info: Info, line: Members) -> Info:
    end = ended(recording)
    return replace(
        info,
        duration=end.duration,
        provenance=end.provenance,
        dropped=checked.several(line["dropped"], _dropped),
        redecoded=checked.several(line.get("redecoded", []), _redecoded),  # older servers: none
        warnings=checked.several(line["warnings"], checked.text),
    )
