"""The names of the output formats and of the JSON shapes."""

from enum import StrEnum


class Format(StrEnum):
    """An output format; its value is also the suffix of its files."""

    txt = "txt"
    srt = "srt"
    vtt = "vtt"
    json = "json"
    jsonl = "jsonl"
    tsv = "tsv"
    lrc = "lrc"


class JsonStyle(StrEnum):
    """Whose JSON to write: our own, the OpenAI API's verbose_json, or openai-whisper's file."""

    native = "native"
    openai = "openai"
    whisper = "whisper"
