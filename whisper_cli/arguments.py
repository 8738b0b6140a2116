"""The keyword arguments of the library, each named and read as the setting of the command line."""

from collections.abc import Mapping, Sequence
from os import PathLike
from typing import TypedDict


class PullArguments(TypedDict, total=False):
    """Where a model may come from, and how hard to pull; sizes and rates in bytes, or as "5MB"."""

    sources: Sequence[str]
    peers: Sequence[str]
    engine: str
    connections: int
    chunk_size: int | str
    limit_rate: int | str
    offline: bool


class LoadArguments(PullArguments, total=False):
    """Where and how a model runs."""

    mode: str
    device: str
    compute_type: str
    threads: int
    workers: int
    batch_size: int


class TextArguments(TypedDict, total=False):
    """What is done to the text once it is decoded."""

    replace: str | PathLike[str] | None
    strip_fillers: bool
    mask_profanity: bool
    mask_words: Sequence[str]
    speaker_names: Sequence[str]


class TranscribeArguments(TextArguments, total=False):
    """What is decoded, and how; times in seconds."""

    language: str | None
    language_candidates: Sequence[str]
    multilingual: bool
    task: str
    beam_size: int
    temperature: float | Sequence[float]
    compression_ratio_threshold: float
    log_prob_threshold: float
    no_speech_threshold: float
    suppress_tokens: Sequence[int]
    initial_prompt: str | None
    hotwords: str | None
    word_timestamps: bool
    vad: bool
    vad_threshold: float | None
    vad_min_silence: float | None
    vad_pad: float | None
    max_chunk: float | None
    clip: str | Sequence[str]
    track: int | None
    channel: str | int
    raw: str | None
    live: bool
    allow_private_urls: bool
    max_url_size: int | str
    max_url_time: float
    speakers: str
    segmentation_model: str
    embedding_model: str


class WriteArguments(TextArguments, total=False):
    """What outputs look like; durations and gaps of cues in seconds."""

    json_style: str
    highlight: str
    vtt_settings: str
    review_below: float
    preset: str | None
    presets: Mapping[str, Mapping[str, float]] | Sequence[str]
    max_line_width: int
    max_lines: int
    max_cps: float
    min_duration: float
    max_duration: float
    min_gap: float
    max_words: int
