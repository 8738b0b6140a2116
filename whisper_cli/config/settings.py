"""Every setting: its type, its default, how it is typed, and what it means."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from whisper_cli.choices import (
    ComputeType,
    Device,
    EngineName,
    Highlight,
    JsonStyle,
    Mode,
    ProgressMode,
    Task,
)
from whisper_cli.config import parsers as p
from whisper_cli.formats.registry import Format


def _setting(default: Any, parse: Callable[[str], Any], about: str) -> Any:
    """Declare a setting; Any because a dataclass field stands where its value will be."""
    return field(default=default, metadata={"parse": parse, "about": about})


@dataclass(frozen=True, slots=True)
class Settings:
    """Every value a command needs, resolved. A field's name is also its flag and its TOML key."""

    model: str = _setting("base", str, "short name, owner/name, or a folder")
    mode: Mode = _setting(
        Mode.fast, p.one_of(Mode), "fast, or exact: faster-whisper's own sequential algorithm"
    )
    language: str | None = _setting(None, p.language, "code or name; empty: detect it")
    language_candidates: tuple[str, ...] = _setting(
        (), p.several(p.candidate), "en,de,…: detect one of these"
    )
    multilingual: bool = _setting(
        default=False, parse=p.switch, about="detect the language of every window"
    )
    task: Task = _setting(Task.TRANSCRIBE, p.one_of(Task), "transcribe, or translate to English")
    device: Device = _setting(Device.auto, p.one_of(Device), "auto, cpu or cuda")
    compute_type: ComputeType = _setting(
        ComputeType.auto, p.one_of(ComputeType), "arithmetic; auto: int8 on CPU, float16 on GPU"
    )
    threads: int = _setting(0, p.whole(0, 1024), "CPU threads in all; 0: one for each core")
    workers: int = _setting(
        0, p.whole(0, 1024), "batches decoded at once; 0: as many as do best here"
    )
    batch_size: int = _setting(
        0, p.whole(0, 1024), "windows decoded together; 0: 8, on a GPU by its free memory"
    )
    beam_size: int = _setting(5, p.whole(1, 100), "beams of the search; 1: greedy")
    temperature: tuple[float, ...] = _setting(
        (0.0, 0.2, 0.4, 0.6, 0.8, 1.0),
        p.several(p.share),
        "first try and fallbacks, 0 to 1",
    )
    compression_ratio_threshold: float = _setting(
        2.4, p.number, "a text that repeats itself more is decoded again"
    )
    log_prob_threshold: float = _setting(
        -1.0, p.number, "a text less probable than this is decoded again"
    )
    no_speech_threshold: float = _setting(
        0.6, p.number, "above it, and below log-prob-threshold, a window is silent"
    )
    suppress_tokens: tuple[int, ...] = _setting(
        (-1,), p.several(p.token), "tokens never to say; -1: those of no speech"
    )
    initial_prompt: str | None = _setting(None, p.optional, "text that sets style and spelling")
    hotwords: str | None = _setting(None, p.optional, "words to expect")
    word_timestamps: bool = _setting(default=False, parse=p.switch, about="time every word")
    vad: bool = _setting(default=True, parse=p.switch, about="find speech first, skip silence")
    clip: tuple[tuple[float, float | None], ...] = _setting(
        (), p.clip, "START-END, comma-separated"
    )
    track: int = _setting(1, p.whole(1, 999), "audio track of a video or container")
    channel: str = _setting("mix", p.channel, "left, right, mix, or a number")
    allow_private_urls: bool = _setting(
        default=False, parse=p.switch, about="open addresses of this machine and network too"
    )
    max_url_size: int = _setting(4_000_000_000, p.in_bytes, "most of an address, such as 4GB")
    max_url_time: float = _setting(21600.0, p.number, "seconds that reading an address may take")
    format: tuple[Format, ...] = _setting((Format.txt,), p.several(p.one_of(Format)), "txt,srt,…")
    json_style: JsonStyle = _setting(JsonStyle.native, p.one_of(JsonStyle), "shape of JSON output")
    highlight: Highlight = _setting(
        Highlight.none, p.one_of(Highlight), "words: mark each one as it is spoken; srt vtt ass lrc"
    )
    vtt_settings: str = _setting("", p.cue_settings, "of every cue in vtt: line:0 align:start")
    colors: bool = _setting(
        default=False, parse=p.switch, about="show doubtful words in colour on a terminal"
    )
    review_below: float = _setting(
        0.5, p.share, "probability under which review lists a word, and html marks it"
    )
    name: str = _setting("{stem}.{ext}", p.name, "output names: {stem} {ext} {language} {model}")
    history: bool = _setting(
        default=True, parse=p.switch, about="keep finished segments, for other formats later"
    )
    preset: str | None = _setting(
        None, p.preset, "cues as netflix, bbc, ted, youtube, social or plain has them"
    )
    max_line_width: int | None = _setting(None, p.count(8, 999), "columns of a line in a cue")
    max_lines: int | None = _setting(None, p.count(1, 9), "lines of a cue")
    max_cps: float | None = _setting(None, p.limit(1000), "characters a second; 0: no limit")
    min_duration: float | None = _setting(None, p.limit(60), "seconds that a cue stays at least")
    max_duration: float | None = _setting(
        None, p.limit(3600), "seconds that a cue stays at most; 0: no limit"
    )
    min_gap: float | None = _setting(None, p.limit(60), "seconds between two cues")
    max_words: int | None = _setting(None, p.count(0, 999), "words of a cue; 0: no limit")
    presets: tuple[tuple[str, str, float], ...] = _setting(
        (), p.presets, "presets of your own, as NAME.RULE=VALUE"
    )
    speakers: str = _setting(
        "", p.speakers, "channels: each of two is a speaker; auto, auto:N: tell voices apart"
    )
    speaker_names: tuple[str, ...] = _setting(
        (), p.several(str), "names of the speakers, in the order of channels or first words"
    )
    segmentation_model: str = _setting(
        "pyannote-segmentation-3.0", str, "finds turns for --speakers auto; or a file.onnx"
    )
    embedding_model: str = _setting(
        "campplus-zh-en", str, "knows voices for --speakers auto; or a file.onnx"
    )
    replace: str | None = _setting(
        None, p.optional, "FILE.toml or .csv of words and patterns to replace"
    )
    strip_fillers: bool = _setting(
        default=False, parse=p.switch, about="leave out um, uh and their like"
    )
    mask_profanity: bool = _setting(
        default=False, parse=p.switch, about="write profane words as f***"
    )
    mask_words: tuple[str, ...] = _setting(
        (), p.several(str), "words of your own to mask; dar*: all that begin so"
    )
    source: tuple[str, ...] = _setting(
        ("hub", "index"),
        p.several(str),
        "hub, index, peer, folder:PATH, URL of mirror; in order",
    )
    peers: tuple[str, ...] = _setting(
        (), p.several(p.peer), "host:port of machines that share models; for the source peer"
    )
    engine: EngineName = _setting(
        EngineName.auto, p.one_of(EngineName), "auto, ranges, hf-transfer or xet"
    )
    connections: int = _setting(0, p.whole(0, 64), "connections of a download; 0: as many as help")
    chunk_size: int = _setting(
        0, p.in_bytes, "range of a request, such as 4MiB; 0: by the model's size"
    )
    limit_rate: int = _setting(0, p.in_bytes, "bytes a second, such as 5MB; 0: no limit")
    server: str = _setting(
        "never",
        str,
        "never, auto (port 8000, if it proves to be yours), or the address of a serve-lite",
    )
    offline: bool = _setting(default=False, parse=p.switch, about="never touch the network")
    progress: ProgressMode = _setting(
        ProgressMode.auto, p.one_of(ProgressMode), "auto, plain, json or none"
    )
