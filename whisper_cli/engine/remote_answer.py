"""What a server answers to `transcribe --server`, checked before it is believed."""

import http.client
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import IO, Any

from whisper_cli import checked
from whisper_cli.engine.events import (
    DecodeProgress,
    Event,
    Input,
    InputFinished,
    InputStarted,
    Recording,
    SegmentDecoded,
    finished,
)
from whisper_cli.errors import AudioError, ConfigError, EngineError, ModelError, WhisperError
from whisper_cli.transcript import Dropped, Info, Redecoded, Segment, Word

Members = Mapping[str, Any]

HINT = "whisper-cli serve-lite starts one; --server never does without"
# Bytes of an answer, and more for each second of sound.
_MAX_BYTES, _MAX_PER_SECOND = 1 << 20, 64 << 10
_MAX_ERROR_BYTES = 64 << 10  # bytes
_LONGEST_MESSAGE = 500  # characters
_SCORES = ("avg_logprob", "no_speech_prob", "compression_ratio", "temperature")
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
    maximum = _MAX_BYTES + int(recording.audio.position * _MAX_PER_SECOND)
    try:
        yield from _events(source, recording, _lines(answer, maximum), server)
    except KeyError as error:
        raise _invalid_answer(server, f"it has no {error}") from error
    except ValueError as error:
        raise _invalid_answer(server, str(error)) from error


def error_of(response: http.client.HTTPResponse, server: str) -> WhisperError:
    """Say in our own kinds what any answer but 200 means. Raises OSError and HTTPException."""
    status = response.status
    try:
        content = checked.members(checked.parse(response.read(_MAX_ERROR_BYTES)))["error"]
        error = _failure(checked.members(content), server)
    except (ValueError, KeyError):  # a page of a proxy, or of another server
        error = EngineError(f"{server} answered {status}, and not as serve-lite does", hint=HINT)
    if status == http.HTTPStatus.UNAUTHORIZED:
        return ConfigError(error.message, hint="set WHISPER_CLI_API_KEY")
    if status in (http.HTTPStatus.TOO_MANY_REQUESTS, http.HTTPStatus.SERVICE_UNAVAILABLE):
        wait = response.headers.get("Retry-After", "")
        later = f"in {wait} s" if wait.isascii() and wait.isdigit() and len(wait) < 6 else "later"
        error.hint = f"try again {later}, or --server never"
    return error


def _invalid_answer(server: str, reason: str) -> EngineError:
    return EngineError(f"{server} answered what can't be: {_clipped(reason)}", hint=HINT)


def _failure(content: Members, server: str) -> WhisperError:
    """Read what stands under "error". Raises ValueError and KeyError."""
    message = _clipped(checked.text(content["message"]))
    code = checked.optional(content.get("code"), checked.text)
    return _KINDS.get(code or "", EngineError)(f"{server}: {message}")


def _clipped(text: str) -> str:
    """Put a text of any length on one line."""
    return " ".join(text.split())[:_LONGEST_MESSAGE]


def _lines(answer: IO[bytes], maximum: int) -> Iterator[Members]:
    """Read lines of JSON, `maximum` bytes in all."""
    while line := answer.readline(maximum + 1):
        maximum -= len(line)
        if maximum < 0:
            raise checked.InvalidValue("it is longer than any transcript of this sound")
        yield checked.members(checked.parse(line))


def _events(
    source: Input, recording: Recording, lines: Iterator[Members], server: str
) -> Iterator[Event]:
    info = replace(recording.info, duration=recording.audio.duration)
    started = False
    for line in lines:
        if "error" in line:
            raise _failure(checked.members(line["error"]), server)
        if not started and line.keys() & {"language", "segment", "done"}:
            info, started = _with_language(info, line), True
            yield InputStarted(source, info)
        if "segment" in line:
            yield SegmentDecoded(source, _segment(checked.members(line["segment"])))
        elif "seconds" in line and started:
            yield DecodeProgress(source, checked.seconds(line["seconds"]))
        elif "done" in line:
            info = _whole(recording, info, line)
            yield DecodeProgress(source, info.duration or 0.0, None, info.dropped, info.redecoded)
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


def _segment(content: Members) -> Segment:
    return Segment(
        checked.seconds(content["start"]),
        checked.seconds(content["end"]),
        checked.text(content["text"]),
        **{name: checked.number(content[name]) for name in _SCORES},
        words=checked.sequence_of(content["words"], _word),
        seek=checked.whole(content["seek"]),
        tokens=checked.sequence_of(content["tokens"], checked.whole),
        speaker=checked.optional(content.get("speaker"), checked.text),
    )


def _word(content: object) -> Word:
    entry = checked.members(content)
    start, end = checked.seconds(entry["start"]), checked.seconds(entry["end"])
    return Word(checked.text(entry["word"]), start, end, checked.number(entry["probability"]))


def _dropped(content: object) -> Dropped:
    entry = checked.members(content)
    start, end = checked.seconds(entry["start"]), checked.seconds(entry["end"])
    return Dropped(start, end, checked.text(entry["text"]), checked.text(entry["reason"]))


def _redecoded(content: object) -> Redecoded:
    entry = checked.members(content)
    start, end = checked.seconds(entry["start"]), checked.seconds(entry["end"])
    reason, text = (checked.text(entry[name]) for name in ("reason", "rejected_text"))
    return Redecoded(start, end, reason, text)


def _whole(recording: Recording, info: Info, line: Members) -> Info:
    end = finished(recording)
    told = checked.sequence_of(line["warnings"], checked.text)
    return replace(
        info,
        duration=end.duration,
        provenance=end.provenance,
        dropped=checked.sequence_of(line["dropped"], _dropped),
        redecoded=checked.sequence_of(line.get("redecoded", []), _redecoded),  # older servers: none
        warnings=(*info.warnings, *told),
    )
