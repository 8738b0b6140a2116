"""Values in JSON that somebody else wrote, checked one by one."""

import json
import math
from collections.abc import Callable, Mapping
from reprlib import repr as short
from typing import Any, TypeVar

from whisper_cli.errors import ConfigError
from whisper_cli.languages import code_of
from whisper_cli.texts import encodable

T = TypeVar("T")

_LONGEST = 1e9  # seconds: thirty years
_LARGEST = 2**53  # up to here every reader of JSON knows a whole number exactly


class InvalidValue(ValueError):
    """A value is not what stands there in such a document."""


def parse(data: bytes | str) -> Any:
    """Read JSON. Raises ValueError for what is none and for what is nested without end."""
    try:
        return json.loads(data)
    except RecursionError:
        raise InvalidValue("it is nested too deep") from None


def number(value: object) -> float:
    """Take a finite number."""
    try:
        if not isinstance(value, bool) and isinstance(value, int | float) and math.isfinite(value):
            return float(value)
    except OverflowError:  # a whole number that no float can hold
        pass
    raise InvalidValue(f"{short(value)} is no finite number")


def seconds(value: object) -> float:
    """Take a time from the start of a sound."""
    if not 0 <= number(value) <= _LONGEST:
        raise InvalidValue(f"{short(value)} is no time in seconds")
    return number(value)


def whole(value: object) -> int:
    """Take a whole number."""
    if isinstance(value, bool) or not isinstance(value, int) or abs(value) > _LARGEST:
        raise InvalidValue(f"{short(value)} is no whole number")
    return value


def flag(value: object) -> bool:
    """Take true or false."""
    if not isinstance(value, bool):
        raise InvalidValue(f"{short(value)} is neither true nor false")
    return value


def text(value: object) -> str:
    """Take a text; halves of surrogate pairs, which UTF-8 can't hold, become U+FFFD."""
    if not isinstance(value, str):
        raise InvalidValue(f"{short(value)} is no text")
    return encodable(value)


def members(value: object) -> Mapping[str, Any]:
    """Take an object."""
    if not isinstance(value, dict):
        raise InvalidValue(f"{short(value)} is no object")
    return value


def language(value: object) -> str:
    """Take the code or the name of a language, and give its code."""
    try:
        return code_of(text(value))
    except ConfigError:
        raise InvalidValue(f"{short(value)} is no language") from None


def sequence_of(value: object, item: Callable[[Any], T]) -> tuple[T, ...]:
    """Take a list, each of its items by `item`."""
    if not isinstance(value, list):
        raise InvalidValue(f"{short(value)} is no list")
    return tuple(map(item, value))


def optional(value: object, kind: Callable[[Any], T]) -> T | None:
    """Take null, or a value by `kind`."""
    return None if value is None else kind(value)
