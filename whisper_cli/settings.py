"""Every setting: its type, its default, how it is typed, and what it means."""

import math
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, TypeVar

from whisper_cli.choices import (
    ComputeType,
    Device,
    EngineName,
    Format,
    Highlight,
    JsonStyle,
    Mode,
    ProgressMode,
    Task,
)
from whisper_cli.errors import ConfigError

T = TypeVar("T")
E = TypeVar("E", bound=StrEnum)


def _text(text: str) -> str:
    return text


def _optional(text: str) -> str | None:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ConfigError("the text is not UTF-8") from None
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


def _whole(least: int, most: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        if not re.fullmatch(r"\d{1,9}", text.strip()) or not least <= int(text) <= most:
            raise ConfigError(f'"{text}" is not a whole number from {least} to {most}')
        return int(text)

    return parse


def in_bytes(text: str) -> int:
    """Read a size: "500000", "500kB", "8MiB". Raises ConfigError."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([kmgt]?)(i?)(?:b(?:/s)?)?", text.strip().lower())
    if not found:
        raise ConfigError(f'"{text}" is not a size', hint="500000, 500kB, 8MiB, 1.5GB")
    power = " kmgt".index(found[2] or " ")
    return int(float(found[1]) * (1024 if found[3] else 1000) ** power)


def _switch(text: str) -> bool:
    known = {"true": True, "yes": True, "on": True, "1": True}
    known |= {"false": False, "no": False, "off": False, "0": False}
    if text.strip().lower() not in known:
        raise ConfigError(f'"{text}" is neither true nor false')
    return known[text.strip().lower()]


def _number(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise ConfigError(f'"{text}" is not a number')
    return value


def _share(text: str) -> float:
    value = _number(text)
    if not 0 <= value <= 1:
        raise ConfigError(f'"{text}" is not a number from 0 to 1')
    return value


def _preset(text: str) -> str | None:
    return text.strip().lower() or None


def _presets(text: str) -> tuple[tuple[str, str, float], ...]:
    from whisper_cli.cues.rules import parse_change

    return tuple(parse_change(item) for item in text.split(",") if item.strip())


def _limit(most: float, *, least: float = 0.0) -> Callable[[str], float | None]:
    def parse(text: str) -> float | None:
        if not text.strip():
            return None
        value = _number(text)
        if not least <= value <= most:
            raise ConfigError(f'"{text}" is not a number from {least:g} to {most:g}')
        return value

    return parse


def _count(least: int, most: int) -> Callable[[str], int | None]:
    return lambda text: _whole(least, most)(text) if text.strip() else None


def _token(text: str) -> int:
    if not re.fullmatch(r"-1|\d{1,6}", text.strip()):
        raise ConfigError(f'"{text}" is not a token', hint="its number, or -1")
    return int(text)


def _candidate(text: str) -> str:
    from whisper_cli.languages import code_of

    return code_of(text)


def _language(text: str) -> str | None:
    from whisper_cli.languages import code_of

    return None if text.strip().lower() in ("", "auto") else code_of(text)


def _channel(text: str) -> str:
    from whisper_cli.audio.mono import parse_channel

    parse_channel(text.lower())
    return text.lower()


def _speakers(text: str) -> str:
    from whisper_cli.speakers.asked import parse_speakers

    return parse_speakers(text)


def _peer(text: str) -> str:
    found = re.fullmatch(r"([\w.-]+|\[[0-9a-fA-F:.]+\]):(\d{1,5})", text, re.ASCII)
    if not found or not 0 < int(found[2]) <= 65535:
        raise ConfigError(f'"{text}" is not a peer', hint="host:port, such as 10.0.0.5:8770")
    return text


def _clip(text: str) -> tuple[tuple[float, float | None], ...]:
    from whisper_cli.audio.clips import parse_clip

    return tuple(parse_clip(item) for item in text.split(",") if item.strip())


def _name(text: str) -> str:
    unknown = set(re.findall(r"\{([^{}]*)\}", text)) - {"stem", "ext", "language", "model"}
    if text.rstrip(".") == "" or text.endswith(("/", "/.", "/..")):
        raise ConfigError(f'the template "{text}" names no file')
    if unknown:
        raise ConfigError(
            f'the template "{text}" has an unknown field: {", ".join(sorted(unknown))}',
            hint="fields are {stem}, {ext}, {language} and {model}",
        )
    return text


def _cue_settings(text: str) -> str:
    from whisper_cli.writers.vtt import parse_settings

    return parse_settings(text)


def _setting(default: Any, parse: Callable[[str], Any], about: str) -> Any:
    """Declare a setting; Any because a dataclass field stands where its value will be."""
    return field(default=default, metadata={"parse": parse, "about": about})


@dataclass(frozen=True, slots=True)
class Settings:
    """Every value a command needs, resolved. A field's name is also its flag and its TOML key."""

    model: str = _setting("base", _text, "short name, owner/name, or a folder")
    mode: Mode = _setting(
        Mode.fast, _one_of(Mode), "fast, or exact: faster-whisper's own sequential algorithm"
    )
    language: str | None = _setting(None, _language, "code or name; empty: detect it")
    language_candidates: tuple[str, ...] = _setting(
        (), _several(_candidate), "en,de,…: detect one of these"
    )
    multilingual: bool = _setting(
        default=False, parse=_switch, about="detect the language of every window"
    )
    task: Task = _setting(Task.TRANSCRIBE, _one_of(Task), "transcribe, or translate to English")
    device: Device = _setting(Device.auto, _one_of(Device), "auto, cpu or cuda")
    compute_type: ComputeType = _setting(
        ComputeType.auto, _one_of(ComputeType), "arithmetic; auto: int8 on CPU, float16 on GPU"
    )
    threads: int = _setting(0, _whole(0, 1024), "CPU threads in all; 0: one for each core")
    workers: int = _setting(
        0, _whole(0, 1024), "batches decoded at once; 0: as many as do best here"
    )
    batch_size: int = _setting(
        0, _whole(0, 1024), "windows decoded together; 0: 8, on a GPU by its free memory"
    )
    beam_size: int = _setting(5, _whole(1, 100), "beams of the search; 1: greedy")
    temperature: tuple[float, ...] = _setting(
        (0.0, 0.2, 0.4, 0.6, 0.8, 1.0),
        _several(_share),
        "first try and fallbacks, 0 to 1",
    )
    compression_ratio_threshold: float = _setting(
        2.4, _number, "a text that repeats itself more is decoded again"
    )
    log_prob_threshold: float = _setting(
        -1.0, _number, "a text less probable than this is decoded again"
    )
    no_speech_threshold: float = _setting(
        0.6, _number, "above it, and below log-prob-threshold, a window is silent"
    )
    suppress_tokens: tuple[int, ...] = _setting(
        (-1,), _several(_token), "tokens never to say; -1: those of no speech"
    )
    initial_prompt: str | None = _setting(None, _optional, "text that sets style and spelling")
    hotwords: str | None = _setting(None, _optional, "words to expect")
    word_timestamps: bool = _setting(default=False, parse=_switch, about="time every word")
    vad: bool = _setting(default=True, parse=_switch, about="find speech first, skip silence")
    clip: tuple[tuple[float, float | None], ...] = _setting((), _clip, "START-END, comma-separated")
    track: int = _setting(1, _whole(1, 999), "audio track of a video or container")
    channel: str = _setting("mix", _channel, "left, right, mix, or a number")
    allow_private_urls: bool = _setting(
        default=False, parse=_switch, about="open addresses of this machine and network too"
    )
    max_url_size: int = _setting(4_000_000_000, in_bytes, "most of an address, such as 4GB")
    max_url_time: float = _setting(21600.0, _number, "seconds that reading an address may take")
    format: tuple[Format, ...] = _setting((Format.txt,), _several(_one_of(Format)), "txt,srt,…")
    json_style: JsonStyle = _setting(JsonStyle.native, _one_of(JsonStyle), "shape of JSON output")
    highlight: Highlight = _setting(
        Highlight.none, _one_of(Highlight), "words: mark each one as it is spoken; srt vtt ass lrc"
    )
    vtt_settings: str = _setting("", _cue_settings, "of every cue in vtt: line:0 align:start")
    colors: bool = _setting(
        default=False, parse=_switch, about="show doubtful words in colour on a terminal"
    )
    review_below: float = _setting(
        0.5, _share, "probability under which review lists a word, and html marks it"
    )
    name: str = _setting("{stem}.{ext}", _name, "output names: {stem} {ext} {language} {model}")
    history: bool = _setting(
        default=True, parse=_switch, about="keep finished segments, for other formats later"
    )
    preset: str | None = _setting(
        None, _preset, "cues as netflix, bbc, ted, youtube, social or plain has them"
    )
    max_line_width: int | None = _setting(None, _count(8, 999), "columns of a line in a cue")
    max_lines: int | None = _setting(None, _count(1, 9), "lines of a cue")
    max_cps: float | None = _setting(None, _limit(1000), "characters a second; 0: no limit")
    min_duration: float | None = _setting(None, _limit(60), "seconds that a cue stays at least")
    max_duration: float | None = _setting(
        None, _limit(3600), "seconds that a cue stays at most; 0: no limit"
    )
    min_gap: float | None = _setting(None, _limit(60), "seconds between two cues")
    max_words: int | None = _setting(None, _count(0, 999), "words of a cue; 0: no limit")
    presets: tuple[tuple[str, str, float], ...] = _setting(
        (), _presets, "presets of your own, as NAME.RULE=VALUE"
    )
    speakers: str = _setting(
        "", _speakers, "channels: each of two is a speaker; auto, auto:N: tell voices apart"
    )
    speaker_names: tuple[str, ...] = _setting(
        (), _several(_text), "names of the speakers, in the order of channels or first words"
    )
    segmentation_model: str = _setting(
        "pyannote-segmentation-3.0", _text, "finds turns for --speakers auto; or a file.onnx"
    )
    embedding_model: str = _setting(
        "campplus-zh-en", _text, "knows voices for --speakers auto; or a file.onnx"
    )
    replace: str | None = _setting(
        None, _optional, "FILE.toml or .csv of words and patterns to replace"
    )
    strip_fillers: bool = _setting(
        default=False, parse=_switch, about="leave out um, uh and their like"
    )
    mask_profanity: bool = _setting(
        default=False, parse=_switch, about="write profane words as f***"
    )
    mask_words: tuple[str, ...] = _setting(
        (), _several(_text), "words of your own to mask; dar*: all that begin so"
    )
    source: tuple[str, ...] = _setting(
        ("hub", "index"), _several(_text), "hub, index, peer, folder:PATH, URL of mirror; in order"
    )
    peers: tuple[str, ...] = _setting(
        (), _several(_peer), "host:port of machines that share models; for the source peer"
    )
    engine: EngineName = _setting(
        EngineName.auto, _one_of(EngineName), "auto, ranges, hf-transfer or xet"
    )
    connections: int = _setting(0, _whole(0, 64), "connections of a download; 0: as many as help")
    chunk_size: int = _setting(
        0, in_bytes, "range of a request, such as 4MiB; 0: by the model's size"
    )
    limit_rate: int = _setting(0, in_bytes, "bytes a second, such as 5MB; 0: no limit")
    server: str = _setting("never", _text, "never, auto, or the address of a serve-lite")
    offline: bool = _setting(default=False, parse=_switch, about="never touch the network")
    progress: ProgressMode = _setting(
        ProgressMode.auto, _one_of(ProgressMode), "auto, plain, json or none"
    )
