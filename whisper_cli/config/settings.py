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


def _setting(default: Any, parse: Callable[[str], Any], about: str, metavar: str = "") -> Any:
    """Declare a setting; Any because a dataclass field stands where its value will be.

    `metavar` shows in the help what its option takes, where the type doesn't say it.
    """
    return field(default=default, metadata={"parse": parse, "about": about, "metavar": metavar})


@dataclass(frozen=True, slots=True)
class Settings:
    """Every value a command needs, resolved. A field's name is also its flag and its TOML key."""

    model: str = _setting(
        "base",
        str,
        "model: a short name as in whisper-cli list --remote, owner/name, or a folder",
        "MODEL",
    )
    mode: Mode = _setting(
        Mode.fast,
        p.one_of(Mode),
        "engine: fast, or exact for faster-whisper's own sequential algorithm",
    )
    language: str | None = _setting(
        None,
        p.language,
        "language of the speech, as a code or name; detected where none is given",
        "LANGUAGE",
    )
    language_candidates: tuple[str, ...] = _setting(
        (), p.sequence_of(p.candidate), "languages that detection chooses among", "LANGUAGE,..."
    )
    multilingual: bool = _setting(
        default=False, parse=p.switch, about="detect the language of each window anew"
    )
    task: Task = _setting(
        Task.TRANSCRIBE, p.one_of(Task), "write the speech down, or translate it to English"
    )
    device: Device = _setting(Device.auto, p.one_of(Device), "device that runs the model")
    compute_type: ComputeType = _setting(
        ComputeType.auto,
        p.one_of(ComputeType),
        f"number type of the model's arithmetic: {', '.join(ComputeType)};"
        " auto is int8 on a CPU and float16 on a GPU",
        "TYPE",
    )
    threads: int = _setting(
        0, p.whole(0, 1024), "number of CPU threads in all; 0: one for each core"
    )
    workers: int = _setting(
        0, p.whole(0, 1024), "number of batches decoded at once; 0: chosen for this machine"
    )
    batch_size: int = _setting(
        0,
        p.whole(0, 1024),
        "number of windows decoded together; 0: 8 on a CPU, on a GPU by its free memory",
    )
    beam_size: int = _setting(5, p.whole(1, 100), "number of beams of the search; 1: greedy")
    temperature: tuple[float, ...] = _setting(
        (0.0, 0.2, 0.4, 0.6, 0.8, 1.0),
        p.sequence_of(p.share),
        "sampling temperatures from 0 to 1: the first try, then the fallbacks",
        "FLOAT,...",
    )
    compression_ratio_threshold: float = _setting(
        2.4, p.number, "compression ratio above which a text repeats itself and is decoded again"
    )
    log_prob_threshold: float = _setting(
        -1.0, p.number, "average log-probability below which a text is decoded again"
    )
    no_speech_threshold: float = _setting(
        0.6,
        p.number,
        "no-speech probability above which a window is silent, if below --log-prob-threshold too",
    )
    suppress_tokens: tuple[int, ...] = _setting(
        (-1,),
        p.sequence_of(p.token),
        "numbers of tokens that are never written; -1: those that are no speech",
        "INTEGER,...",
    )
    initial_prompt: str | None = _setting(
        None, p.optional, "text that shows the style and spelling wanted", "TEXT"
    )
    hotwords: str | None = _setting(None, p.optional, "words that are likely to be said", "TEXT")
    word_timestamps: bool = _setting(
        default=False, parse=p.switch, about="give each word its start and end"
    )
    vad: bool = _setting(
        default=True, parse=p.switch, about="detect speech first, and skip what is none"
    )
    vad_threshold: float | None = _setting(
        None,
        p.limit(1),
        "probability from 0 to 1 above which audio is speech; 0.35, or 0.5 with --mode exact",
    )
    vad_min_silence: float | None = _setting(
        None,
        p.limit(10),
        "seconds of silence that end a stretch of speech; 0.16, or 2 with --mode exact",
    )
    vad_pad: float | None = _setting(
        None,
        p.limit(1),
        "seconds kept before and after speech; 0.3, or 0.4 with --mode exact, 0.2 with --live",
    )
    max_chunk: float | None = _setting(
        None,
        p.limit(28, minimum=1),
        "longest seconds of speech decoded in one go, in the fast mode; 18, or 12 with --live",
    )
    clip: tuple[tuple[float, float | None], ...] = _setting(
        (), p.clip, "time ranges to decode, in seconds or h:mm:ss", "START-END,..."
    )
    track: int | None = _setting(
        None,
        p.whole(1, 999),
        "number of the audio track, from 1; else that of the language, or the default one",
    )
    channel: str = _setting(
        "mix",
        p.channel,
        "audio channel: left, right, a mix, or its number",
        "[left|right|mix|N]",
    )
    allow_private_urls: bool = _setting(
        default=False, parse=p.switch, about="also read URLs of this machine and its network"
    )
    max_url_size: int = _setting(
        4_000_000_000, p.in_bytes, "largest download of an input URL, such as 4GB", "SIZE"
    )
    max_url_time: float = _setting(
        21600.0, p.number, "longest time for reading an input URL, in seconds"
    )
    format: tuple[Format, ...] = _setting(
        (Format.txt,),
        p.sequence_of(p.one_of(Format)),
        f"formats to write: {', '.join(Format)}",
        "FORMAT,...",
    )
    json_style: JsonStyle = _setting(
        JsonStyle.native,
        p.one_of(JsonStyle),
        "JSON of this tool, of the OpenAI API (verbose_json), or of openai-whisper",
    )
    highlight: Highlight = _setting(
        Highlight.none,
        p.one_of(Highlight),
        "mark each word while it is spoken, in srt, vtt, ass and lrc",
    )
    vtt_settings: str = _setting(
        "", p.cue_settings, "cue settings for each cue in vtt, such as 'line:0 align:start'", "TEXT"
    )
    colors: bool = _setting(
        default=False, parse=p.switch, about="show doubtful words in colour on a terminal"
    )
    review_below: float = _setting(
        0.5, p.share, "probability from 0 to 1 below which review lists a word and html marks it"
    )
    name: str = _setting(
        "{stem}.{ext}",
        p.name,
        "template for the names of output files, from {stem}, {ext}, {language} and {model}",
        "TEMPLATE",
    )
    history: bool = _setting(
        default=True,
        parse=p.switch,
        about="keep finished segments in the cache, to write other formats later",
    )
    preset: str | None = _setting(
        None,
        p.preset,
        "rules for cues: netflix, bbc, ted, youtube, social, plain, or one of your own",
        "NAME",
    )
    max_line_width: int | None = _setting(
        None, p.count(8, 999), "longest line of a cue, in columns"
    )
    max_lines: int | None = _setting(None, p.count(1, 9), "largest number of lines in a cue")
    max_cps: float | None = _setting(
        None, p.limit(1000), "fastest reading speed, in characters a second; 0: no limit"
    )
    min_duration: float | None = _setting(None, p.limit(60), "shortest cue, in seconds")
    max_duration: float | None = _setting(
        None, p.limit(3600), "longest cue, in seconds; 0: no limit"
    )
    min_gap: float | None = _setting(None, p.limit(60), "shortest gap between cues, in seconds")
    max_words: int | None = _setting(
        None, p.count(0, 999), "largest number of words in a cue; 0: no limit"
    )
    presets: tuple[tuple[str, str, float], ...] = _setting(
        (), p.presets, "presets of your own, as NAME.RULE=VALUE"
    )
    speakers: str = _setting(
        "",
        p.speakers,
        "tell speakers apart: one on each of two channels, or by voice (N of them)",
        "[channels|auto|auto:N]",
    )
    speaker_names: tuple[str, ...] = _setting(
        (),
        p.sequence_of(str),
        "names of the speakers, in the order of channels or of their first words",
        "NAME,...",
    )
    segmentation_model: str = _setting(
        "pyannote-segmentation-3.0",
        str,
        "model that finds turns for --speakers auto: a name, or a file.onnx",
        "MODEL",
    )
    embedding_model: str = _setting(
        "campplus-zh-en",
        str,
        "model that tells voices apart for --speakers auto: a name, or a file.onnx",
        "MODEL",
    )
    replace: str | None = _setting(
        None, p.optional, "TOML or CSV file of words and patterns to replace", "FILE"
    )
    strip_fillers: bool = _setting(
        default=False, parse=p.switch, about="leave out filler words such as um and uh"
    )
    mask_profanity: bool = _setting(
        default=False, parse=p.switch, about="write profane words as f***"
    )
    mask_words: tuple[str, ...] = _setting(
        (),
        p.sequence_of(str),
        "more words to mask; dar* stands for all that begin so",
        "WORD,...",
    )
    source: tuple[str, ...] = _setting(
        ("hub", "index"),
        p.sequence_of(str),
        "where models come from, in order: hub, index, peer, folder:PATH, or a mirror's URL",
        "SOURCE,...",
    )
    peers: tuple[str, ...] = _setting(
        (), p.sequence_of(p.peer), "host:port of machines that share models; for the source peer"
    )
    engine: EngineName = _setting(EngineName.auto, p.one_of(EngineName), "download engine")
    connections: int = _setting(
        0, p.whole(0, 64), "number of connections of a download; 0: as many as help"
    )
    chunk_size: int = _setting(
        0, p.in_bytes, "size of one request, such as 4MiB; 0: by the model's size", "SIZE"
    )
    limit_rate: int = _setting(
        0, p.in_bytes, "highest download rate a second, such as 5MB; 0: no limit", "SIZE"
    )
    server: str = _setting(
        "never",
        str,
        "serve-lite to decode with: never, auto (on port 8000, if it proves to be yours), or a URL",
        "[never|auto|URL]",
    )
    offline: bool = _setting(default=False, parse=p.switch, about="never use the network")
    progress: ProgressMode = _setting(
        ProgressMode.auto, p.one_of(ProgressMode), "how progress is shown on standard error"
    )
