"""What a client asks for: the fields of a form, checked, each by a row of a table."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from whisper_cli.choices import Task
from whisper_cli.errors import ConfigError
from whisper_cli.formats.registry import Format
from whisper_cli.serve.errors import ApiError, invalid
from whisper_cli.serve.fields import ROWS, Detail, Shape, json_object, short
from whisper_cli.serve.multipart import Pairs
from whisper_cli.transcript import DecodingOptions

TEMPERATURES = DecodingOptions().temperature


@dataclass(frozen=True, slots=True)
class TranscriptionRequest:
    """A request for a transcription, checked; `languages` are the codes that it names.

    `timed` streams carry segments and words in comments, which other clients pass over.
    """

    model: str
    options: DecodingOptions
    shape: Shape | Format = Shape.json
    details: tuple[Detail, ...] = (Detail.segment,)
    logprobs: bool = False
    stream: bool = False
    languages: tuple[str, ...] = ()
    keep_alive: float | None = None
    timed: bool = False
    raw: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def read(pairs: Pairs, task: Task) -> TranscriptionRequest:
    """Check the fields of a form. Raises ApiError that names the field; unknown ones pass."""
    raw = _gathered(pairs)
    known = {name: row.parse(name, raw[name]) for name, row in ROWS.items() if name in raw}
    if not known.get("model"):
        raise invalid("the model is missing", "model", "missing_required_parameter")
    if task is Task.TRANSLATE:
        _check_translation(known)
    _check_strategy(raw)
    shape = known.get("response_format", Shape.json)
    details = known.get("timestamp_granularities") or (Detail.segment,)
    logprobs = bool(known.get("include"))
    timed = bool(known.get("page_events"))
    words = timed or (shape is Shape.verbose_json and Detail.word in details)
    return TranscriptionRequest(
        model=known["model"],
        options=_options(known, task, words=words or logprobs),
        shape=shape,
        details=details,
        logprobs=logprobs and shape is Shape.json,
        stream=bool(known.get("stream")),
        languages=known.get("languages", ()),
        keep_alive=known.get("keep_alive"),
        timed=timed,
        raw=raw,
    )


def check_model(ask: TranscriptionRequest, *, multilingual: bool) -> None:
    """Raise ApiError where an English-only model is asked for another language."""
    from whisper_cli.transcript import check_language

    try:
        check_language(ask.options, multilingual=multilingual)
    except ConfigError as error:
        named = ask.options.language not in (None, "en")
        raise invalid(error.message, "language" if named else "model") from error


def _options(known: Mapping[str, Any], task: Task, *, words: bool) -> DecodingOptions:
    languages = known.get("languages", ())
    options = DecodingOptions(
        task=task,
        language=known.get("language") or (languages[0] if len(languages) == 1 else None),
        language_candidates=languages if len(languages) > 1 else (),
        initial_prompt=known.get("prompt") or None,
        hotwords=", ".join(known.get("keywords", ())) or known.get("hotwords") or None,
        word_timestamps=words,
        vad=known.get("vad", True),
    )
    first = known.get("temperature", 0.0)
    return replace(options, temperature=(first, *(item for item in TEMPERATURES if item > first)))


def _gathered(pairs: Pairs) -> dict[str, tuple[str, ...]]:
    """Put the values of each field together, under its name without brackets."""
    found: dict[str, tuple[str, ...]] = {}
    for name, value in pairs:
        plain = name.removesuffix("[]")
        found[plain] = (*found.get(plain, ()), value)
    return found


def _check_translation(known: Mapping[str, Any]) -> None:
    if known.get("stream"):
        raise invalid("translations are not streamed", "stream")


def _check_strategy(raw: Mapping[str, tuple[str, ...]]) -> None:
    """Check chunking_strategy: "auto", a JSON object, or fields of its own in brackets."""
    name = "chunking_strategy"
    given: dict[str, Any] = {
        key.removeprefix(name)[1:-1]: values[-1]
        for key, values in raw.items()
        if key.startswith(name + "[") and key.endswith("]")
    }
    whole = raw.get(name, ("auto",))[-1].strip()
    if whole.startswith("{"):
        try:
            given |= json_object(whole, name)
        except ApiError as error:
            raise invalid(error.message, name) from None
    elif whole not in ("auto", "", "null"):
        raise invalid(f'{name} is "auto" or an object, not {short(whole)}', name)
    if given and given.get("type") != "server_vad":
        raise invalid(f"{name}[type] is server_vad", name)
    for key, maximum in (
        ("threshold", 1),
        ("prefix_padding_ms", 60_000),
        ("silence_duration_ms", 60_000),
    ):
        _check_number(name, key, given.get(key, 0), maximum)


def _check_number(name: str, key: str, value: object, maximum: int) -> None:
    try:
        fits = 0 <= float(str(value)) <= maximum
    except ValueError:
        fits = False
    if not fits:
        raise invalid(f"{name}[{key}] is a number from 0 to {maximum}", name)
