"""How settings of each kind are read from text; what can't be read raises ConfigError."""

import math
import re
from collections.abc import Callable
from enum import StrEnum
from typing import TypeVar

from whisper_cli.errors import ConfigError

T = TypeVar("T")
E = TypeVar("E", bound=StrEnum)


def optional(text: str) -> str | None:
    """Take a text that UTF-8 can hold; the empty one is none."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ConfigError("the text is not UTF-8") from None
    return text or None


def one_of(kind: type[E]) -> Callable[[str], E]:
    """Make the parser of one of an enum's values."""

    def parse(text: str) -> E:
        try:
            return kind(text.strip().lower())
        except ValueError:
            noun = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", kind.__name__).lower()
            raise ConfigError(
                f'unknown {noun} "{text}"', hint=f"one of: {', '.join(kind)}"
            ) from None

    return parse


def sequence_of(parse: Callable[[str], T]) -> Callable[[str], tuple[T, ...]]:
    """Make the parser of values separated by commas, each taken once."""

    def parse_all(text: str) -> tuple[T, ...]:
        items = [item.strip() for item in text.split(",") if item.strip()]
        if not items:
            raise ConfigError("an empty list", hint="separate several values by commas")
        return tuple(dict.fromkeys(parse(item) for item in items))

    return parse_all


def whole(minimum: int, maximum: int) -> Callable[[str], int]:
    """Make the parser of a whole number."""

    def parse(text: str) -> int:
        if not re.fullmatch(r"\d{1,9}", text.strip()) or not minimum <= int(text) <= maximum:
            raise ConfigError(f'"{text}" is not a whole number from {minimum} to {maximum}')
        return int(text)

    return parse


def in_bytes(text: str) -> int:
    """Read a size: "500000", "500kB", "8MiB"."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([kmgt]?)(i?)(?:b(?:/s)?)?", text.strip().lower())
    if not found:
        raise ConfigError(f'"{text}" is not a size', hint="500000, 500kB, 8MiB, 1.5GB")
    power = " kmgt".index(found[2] or " ")
    size = float(found[1]) * (1024 if found[3] else 1000) ** power
    if not math.isfinite(size):
        raise ConfigError(f'"{text}" is more than any size')
    return int(size)


def switch(text: str) -> bool:
    """Read true or false."""
    known = {"true": True, "yes": True, "on": True, "1": True}
    known |= {"false": False, "no": False, "off": False, "0": False}
    if text.strip().lower() not in known:
        raise ConfigError(f'"{text}" is neither true nor false')
    return known[text.strip().lower()]


def number(text: str) -> float:
    """Read a finite number."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise ConfigError(f'"{text}" is not a number')
    return value


def share(text: str) -> float:
    """Read a number from 0 to 1."""
    value = number(text)
    if not 0 <= value <= 1:
        raise ConfigError(f'"{text}" is not a number from 0 to 1')
    return value


def preset(text: str) -> str | None:
    """Read the name of a preset; the empty one is none."""
    return text.strip().lower() or None


def presets(text: str) -> tuple[tuple[str, str, float], ...]:
    """Read changes to presets, as NAME.RULE=VALUE."""
    from whisper_cli.subtitles.presets import parse_change

    return tuple(parse_change(item) for item in text.split(",") if item.strip())


def limit(maximum: float, *, minimum: float = 0.0) -> Callable[[str], float | None]:
    """Make the parser of a number that may be left out."""

    def parse(text: str) -> float | None:
        if not text.strip():
            return None
        value = number(text)
        if not minimum <= value <= maximum:
            raise ConfigError(f'"{text}" is not a number from {minimum:g} to {maximum:g}')
        return value

    return parse


def count(minimum: int, maximum: int) -> Callable[[str], int | None]:
    """Make the parser of a whole number that may be left out."""
    return lambda text: whole(minimum, maximum)(text) if text.strip() else None


def token(text: str) -> int:
    """Read the number of a token, or -1."""
    if not re.fullmatch(r"-1|\d{1,6}", text.strip()):
        raise ConfigError(f'"{text}" is not a token', hint="its number, or -1")
    return int(text)


def candidate(text: str) -> str:
    """Read a language, by its code or name."""
    from whisper_cli.languages import code_of

    return code_of(text)


def language(text: str) -> str | None:
    """Read a language that may be left to detection."""
    from whisper_cli.languages import code_if_named

    return code_if_named(text)


def channel(text: str) -> str:
    """Check the name or number of an audio channel."""
    from whisper_cli.audio.channels import parse_channel

    parse_channel(text.lower())
    return text.lower()


def speakers(text: str) -> str:
    """Check how speakers are to be told apart."""
    from whisper_cli.diarization.options import parse_speakers

    return parse_speakers(text)


def peer(text: str) -> str:
    """Check the address of a peer, as host:port."""
    found = re.fullmatch(r"([\w.-]+|\[[0-9a-fA-F:.]+\]):(\d{1,5})", text, re.ASCII)
    if not found or not 0 < int(found[2]) <= 65535:
        raise ConfigError(f'"{text}" is not a peer', hint="host:port, such as 10.0.0.5:8770")
    return text


def clip(text: str) -> tuple[tuple[float, float | None], ...]:
    """Read stretches of time, as START-END."""
    from whisper_cli.audio.clips import parse_clip

    return tuple(parse_clip(item) for item in text.split(",") if item.strip())


def name(text: str) -> str:
    """Check the template of output names."""
    unknown = set(re.findall(r"\{([^{}]*)\}", text)) - {"stem", "ext", "language", "model"}
    if text.rstrip(".") == "" or text.endswith(("/", "/.", "/..")):
        raise ConfigError(f'the template "{text}" names no file')
    if unknown:
        raise ConfigError(
            f'the template "{text}" has an unknown field: {", ".join(sorted(unknown))}',
            hint="fields are {stem}, {ext}, {language} and {model}",
        )
    return text


def cue_settings(text: str) -> str:
    """Check the settings of cues in WebVTT."""
    from whisper_cli.formats.vtt import parse_settings

    return parse_settings(text)
