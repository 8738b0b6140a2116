"""Every setting: its type, its default, how it is typed, and what it means."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, TypeVar

from whisper_cli.errors import ConfigError
from whisper_cli.transcript import Task
from whisper_cli.writers.formats import Format, JsonStyle

T = TypeVar("T")
E = TypeVar("E", bound=StrEnum)


class Device(StrEnum):
    """Where the model runs."""

    auto = "auto"
    cpu = "cpu"
    cuda = "cuda"


class ProgressMode(StrEnum):
    """How progress is shown on stderr; auto is a bar on a terminal and nothing in a pipe."""

    auto = "auto"
    plain = "plain"
    json = "json"
    none = "none"


class ComputeType(StrEnum):
    """The arithmetic of CTranslate2; auto is int8 on a CPU and float16 on a GPU."""

    auto = "auto"
    int8 = "int8"
    int8_float32 = "int8_float32"
    int8_float16 = "int8_float16"
    int8_bfloat16 = "int8_bfloat16"
    int16 = "int16"
    float16 = "float16"
    bfloat16 = "bfloat16"
    float32 = "float32"


def _text(text: str) -> str:
    return text


def _optional(text: str) -> str | None:
    return text or None


def _one_of(kind: type[E]) -> Callable[[str], E]:
    def parse(text: str) -> E:
        try:
            return kind(text.strip().lower())
        except ValueError:
            noun = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", kind.__name__).lower()
            raise ConfigError(
                f'unknown {noun} "{text}"', hint=f"one of: {', '.join(kind)}"
            ) from None

    return parse


def _several(parse: Callable[[str], T]) -> Callable[[str], tuple[T, ...]]:
    def parse_all(text: str) -> tuple[T, ...]:
        items = [item.strip() for item in text.split(",") if item.strip()]
        if not items:
            raise ConfigError("an empty list", hint="separate several values by commas")
        return tuple(dict.fromkeys(parse(item) for item in items))

    return parse_all


def _whole(least: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        if not re.fullmatch(r"\d{1,9}", text.strip()) or int(text) < least:
            raise ConfigError(f'"{text}" is not a whole number of at least {least}')
        return int(text)

    return parse


def _switch(text: str) -> bool:
    known = {"true": True, "yes": True, "on": True, "1": True}
    known |= {"false": False, "no": False, "off": False, "0": False}
    if text.strip().lower() not in known:
        raise ConfigError(f'"{text}" is neither true nor false')
    return known[text.strip().lower()]


def _temperature(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 1:
        raise ConfigError(f'temperature "{text}" is not a number from 0 to 1')
    return value


def _language(text: str) -> str | None:
    from whisper_cli.languages import code_of

    return None if text.strip().lower() in ("", "auto") else code_of(text)


def _channel(text: str) -> str:
    from whisper_cli.audio.mono import parse_channel

    parse_channel(text)
    return text


def _clip(text: str) -> tuple[tuple[float, float | None], ...]:
    from whisper_cli.audio.clips import parse_clip

    return tuple(parse_clip(item) for item in text.split(",") if item.strip())


def _name(text: str) -> str:
    unknown = set(re.findall(r"\{([^{}]*)\}", text)) - {"stem", "ext", "language", "model"}
    if unknown or text.strip("{}") == "":
        raise ConfigError(
            f'--name template "{text}" has an unknown field: {", ".join(sorted(unknown))}',
            hint="fields are {stem}, {ext}, {language} and {model}",
        )
    return text


def _setting(default: Any, parse: Callable[[str], Any], about: str) -> Any:
    """Declare a setting; Any because a dataclass field stands where its value will be."""
    return field(default=default, metadata={"parse": parse, "about": about})


@dataclass(frozen=True, slots=True)
class Settings:
    """Every value a command needs, resolved. A field's name is also its flag and its TOML key."""

    model: str = _setting("base", _text, "short name, owner/name, or a folder")
    language: str | None = _setting(None, _language, "code or name; empty: detect it")
    task: Task = _setting(Task.TRANSCRIBE, _one_of(Task), "transcribe, or translate to English")
    device: Device = _setting(Device.auto, _one_of(Device), "auto, cpu or cuda")
    compute_type: ComputeType = _setting(
        ComputeType.auto, _one_of(ComputeType), "arithmetic; auto: int8 on CPU, float16 on GPU"
    )
    threads: int = _setting(0, _whole(0), "CPU threads; 0: one per physical core")
    beam_size: int = _setting(5, _whole(1), "beams of the search; 1: greedy")
    temperature: tuple[float, ...] = _setting(
        (0.0, 0.2, 0.4, 0.6, 0.8, 1.0), _several(_temperature), "first try and fallbacks, 0 to 1"
    )
    initial_prompt: str | None = _setting(None, _optional, "text that sets style and spelling")
    hotwords: str | None = _setting(None, _optional, "words to expect")
    word_timestamps: bool = _setting(default=False, parse=_switch, about="time every word")
    vad: bool = _setting(default=True, parse=_switch, about="find speech first, skip silence")
    clip: tuple[tuple[float, float | None], ...] = _setting((), _clip, "START-END, comma-separated")
    track: int = _setting(1, _whole(1), "audio track of a video or container")
    channel: str = _setting("mix", _channel, "left, right, mix, or a number")
    format: tuple[Format, ...] = _setting((Format.txt,), _several(_one_of(Format)), "txt,srt,…")
    json_style: JsonStyle = _setting(JsonStyle.native, _one_of(JsonStyle), "shape of JSON output")
    name: str = _setting("{stem}.{ext}", _name, "output names: {stem} {ext} {language} {model}")
    source: tuple[str, ...] = _setting(("hub", "index"), _several(_text), "where models come from")
    offline: bool = _setting(default=False, parse=_switch, about="never touch the network")
    progress: ProgressMode = _setting(
        ProgressMode.auto, _one_of(ProgressMode), "auto, plain, json or none"
    )
