"""The names one may choose among, on the command line and everywhere else."""

from enum import StrEnum


class Task(StrEnum):
    """What to do with the speech."""

    TRANSCRIBE = "transcribe"  # capitals: a str has a method translate
    TRANSLATE = "translate"


class Mode(StrEnum):
    """How speech is decoded."""

    fast = "fast"
    exact = "exact"


class Highlight(StrEnum):
    """What of a cue is marked while it is spoken."""

    none = "none"
    words = "words"


class JsonStyle(StrEnum):
    """Whose JSON to write: our own, the OpenAI API's verbose_json, or openai-whisper's file."""

    native = "native"
    openai = "openai"
    whisper = "whisper"


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


class EngineName(StrEnum):
    """How bytes are pulled; auto takes what suits the case."""

    auto = "auto"
    hf_transfer = "hf-transfer"
    ranges = "ranges"
    xet = "xet"


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
