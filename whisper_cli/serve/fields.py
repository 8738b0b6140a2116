"""The fields of a request: how each is read, and what the API's document says of it."""

import json
import math
import re
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeVar

from whisper_cli.choices import Task
from whisper_cli.errors import ConfigError
from whisper_cli.formats.registry import Format
from whisper_cli.serve.errors import invalid
from whisper_cli.serve.settings import seconds

E = TypeVar("E", bound=StrEnum)
LONGEST_PROMPT = 4000  # characters; the model looks at its last 223 tokens
_HALF = re.compile("[\ud800-\udfff]")  # of a surrogate pair


class Shape(StrEnum):
    """A response format of the API's own; the others are formats of ours that are served."""

    json = "json"
    text = "text"
    verbose_json = "verbose_json"
    diarized_json = "diarized_json"


class Detail(StrEnum):
    """What verbose_json gives the times of."""

    word = "word"
    segment = "segment"


class Include(StrEnum):
    """What may be added to an answer."""

    logprobs = "logprobs"


@dataclass(frozen=True, slots=True)
class FieldSpec:
    """How a field is read, and what the API's document says of it."""

    parse: Callable[[str, tuple[str, ...]], Any]
    schema: Mapping[str, object]


def _last(parse: Callable[[str, str], Any]) -> Callable[[str, tuple[str, ...]], Any]:
    return lambda name, values: parse(name, values[-1])


def check_length(name: str, value: str) -> None:
    """Raise ApiError where a text is longer than any model looks at."""
    if len(value) > LONGEST_PROMPT:
        raise invalid(f"{name} has more than {LONGEST_PROMPT} characters", name)


def _text(name: str, value: str) -> str:
    check_length(name, value)
    return value.strip()


def _one_of(choices: Iterable[E]) -> Callable[[str, str], E]:
    known = {str(item): item for item in choices}

    def parse(name: str, value: str) -> E:
        try:
            return known[value.strip()]
        except KeyError:
            raise invalid(
                f"{name} is one of {', '.join(known)}, not {short(value)}", name
            ) from None

    return parse


def response_formats() -> tuple[Shape | Format, ...]:
    """List what an answer may be written as."""
    return *Shape, *(kind for kind in Format if kind.spec.in_api)


def _shape(name: str, value: str) -> Shape | Format:
    shape = _one_of(response_formats())(name, value)
    if shape is Shape.diarized_json:
        raise invalid("response_format diarized_json: no model here tells speakers apart", name)
    return shape


def _sequence_of(
    parse: Callable[[str, str], Any],
) -> Callable[[str, tuple[str, ...]], tuple[Any, ...]]:
    """Read repeated fields, comma lists and JSON lists alike."""

    def parse_all(name: str, values: tuple[str, ...]) -> tuple[Any, ...]:
        items = [item.strip() for value in values for item in _items(name, value)]
        return tuple(dict.fromkeys(parse(name, item) for item in items if item))

    return parse_all


def _items(name: str, value: str) -> list[str]:
    if value.lstrip().startswith("["):
        with suppress(ValueError, RecursionError):
            items = [str(item) for item in json.loads(value)]
            require_encodable(items, name)
            return items
    return value.split(",")


def json_object(text: str | bytes, what: str, code: str | None = None) -> dict[str, Any]:
    """Read an object that a client sent. Raises ApiError, which names a member where it can."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise invalid(f"{what} is no JSON", None, code) from error
    if not isinstance(found, dict):
        raise invalid(f"{what} is no JSON object", None, code)
    require_encodable(list(found), None)
    for name, value in found.items():
        require_encodable(value, name)
    return found


def require_encodable(value: object, name: str | None) -> None:
    """Raise ApiError where a text in JSON holds half a surrogate pair, which UTF-8 can't write."""
    left = [value]
    while left:
        match left.pop():
            case str(text):
                if not text.isascii() and _HALF.search(text):
                    raise invalid(f"{name or 'a name'} holds half a surrogate pair", name)
            case list(items):
                left += items
            case dict(members):
                left += [*members, *members.values()]


def _keywords(name: str, values: tuple[str, ...]) -> tuple[str, ...]:
    words = _sequence_of(_text)(name, values)
    check_length(name, ", ".join(words))
    return words


def _language(name: str, value: str) -> str | None:
    from whisper_cli.languages import code_if_named

    try:
        return code_if_named(value)
    except ConfigError:
        raise invalid(f"no such language: {short(value)}", name) from None


def _languages(name: str, values: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(filter(None, _sequence_of(_language)(name, values)))


def _switch(name: str, value: str) -> bool | None:
    known = {"true": True, "1": True, "false": False, "0": False, "": None, "null": None}
    if value.strip().lower() not in known:
        raise invalid(f"{name} is true or false, not {short(value)}", name)
    return known[value.strip().lower()]


def _vad(name: str, value: str) -> bool:
    return _switch(name, value) is not False


def _temperature(name: str, value: str) -> float:
    try:
        found = float(value) if value.strip() else 0.0
    except ValueError:
        found = math.nan
    if not 0 <= found <= 1:
        raise invalid(f"{name} is a number from 0 to 1, not {short(value)}", name)
    return found


def _keep_alive(name: str, value: str) -> float:
    try:
        return seconds(value)
    except ConfigError as error:
        raise invalid(f"{name}: {error.message}", name) from None


def _speaker_values(name: str, values: tuple[str, ...]) -> tuple[str, ...]:
    if len(values) > 4:
        raise invalid(f"{name} has more than 4 values", name)
    return values


def short(value: str) -> str:
    """Quote what was given, not all of it where it is long."""
    return f'"{value[:80]}"'


def _array(items: Mapping[str, object]) -> dict[str, object]:
    return {"type": "array", "items": items}


_STRING: dict[str, object] = {"type": "string"}
ROWS: dict[str, FieldSpec] = {
    "model": FieldSpec(_last(_text), _STRING),
    "language": FieldSpec(_last(_language), _STRING),
    "languages": FieldSpec(_languages, _array(_STRING)),
    "keywords": FieldSpec(_keywords, _array(_STRING)),
    "hotwords": FieldSpec(_last(_text), _STRING),
    "prompt": FieldSpec(_last(_text), {"type": "string", "maxLength": LONGEST_PROMPT}),
    "response_format": FieldSpec(
        _last(_shape), {"type": "string", "enum": [*response_formats()], "default": "json"}
    ),
    "temperature": FieldSpec(
        _last(_temperature), {"type": "number", "minimum": 0, "maximum": 1, "default": 0}
    ),
    "timestamp_granularities": FieldSpec(
        _sequence_of(_one_of(Detail)), _array({"type": "string", "enum": [*Detail]})
    ),
    "include": FieldSpec(
        _sequence_of(_one_of(Include)), _array({"type": "string", "enum": [*Include]})
    ),
    "stream": FieldSpec(_last(_switch), {"type": "boolean", "default": False}),
    "vad": FieldSpec(_last(_vad), {"type": "boolean", "default": True}),
    "page_events": FieldSpec(_last(_switch), {"type": "boolean", "default": False}),
    "keep_alive": FieldSpec(_last(_keep_alive), _STRING),
    "known_speaker_names": FieldSpec(_speaker_values, {**_array(_STRING), "maxItems": 4}),
    "known_speaker_references": FieldSpec(_speaker_values, {**_array(_STRING), "maxItems": 4}),
}
_ONLY_TRANSCRIPTIONS = frozenset(
    ("language", "languages", "stream", "timestamp_granularities", "include", "page_events")
)


def schema(task: Task) -> dict[str, object]:
    """Describe the form for the API's document."""
    names = [name for name in ROWS if task is Task.TRANSCRIBE or name not in _ONLY_TRANSCRIPTIONS]
    properties: dict[str, object] = {name: ROWS[name].schema for name in names}
    if task is Task.TRANSCRIBE:
        properties["chunking_strategy"] = {"type": "string", "enum": ["auto"]}
    properties["file"] = {"type": "string", "format": "binary"}
    return {"type": "object", "required": ["model", "file"], "properties": properties}
