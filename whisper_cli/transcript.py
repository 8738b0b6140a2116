"""What everything else passes around: words, segments, options, and facts about a transcript."""

from dataclasses import dataclass
from enum import StrEnum

from whisper_cli.choices import Mode, Task
from whisper_cli.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Word:
    """One word as the model wrote it (with its leading space), `start` and `end` in seconds."""

    word: str
    start: float
    end: float
    probability: float


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of speech with its text; times in seconds from the start of the input.

    `seek` (frames of 10 ms) and `tokens` are what the model decoded, for the drop-in JSON shapes.
    `speaker` is a name or label, None where speakers were not told apart.
    """

    start: float
    end: float
    text: str
    avg_logprob: float = 0.0
    no_speech_prob: float = 0.0
    compression_ratio: float = 0.0
    temperature: float = 0.0
    words: tuple[Word, ...] = ()
    seek: int = 0
    tokens: tuple[int, ...] = ()
    speaker: str | None = None


@dataclass(frozen=True, slots=True)
class DecodingOptions:
    """What changes the words: part of a transcript's provenance and of what makes it current.

    `vad_threshold` (0 to 1), `vad_min_silence`, `vad_pad` and `max_chunk` (seconds) are None for
    the mode's own, see VadOptions and ChunkingOptions. `track` 0 is chosen when the input is
    opened; from then on it is the one that is heard.
    """

    mode: Mode = Mode.fast
    language: str | None = None
    language_candidates: tuple[str, ...] = ()
    multilingual: bool = False
    task: Task = Task.TRANSCRIBE
    beam_size: int = 5
    temperature: tuple[float, ...] = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)
    compression_ratio_threshold: float = 2.4
    log_prob_threshold: float = -1.0
    no_speech_threshold: float = 0.6
    suppress_tokens: tuple[int, ...] = (-1,)
    initial_prompt: str | None = None
    hotwords: str | None = None
    word_timestamps: bool = False
    vad: bool = True
    clip: tuple[tuple[float, float | None], ...] = ()
    track: int = 1
    channel: str = "mix"
    raw: str | None = None
    vad_threshold: float | None = None
    vad_min_silence: float | None = None
    vad_pad: float | None = None
    max_chunk: float | None = None


# Options that came after the first release: None changes nothing, and so makes no output stale.
ADDED_OPTIONS = ("vad_threshold", "vad_min_silence", "vad_pad", "max_chunk")


class DropReason(StrEnum):
    """Why a text was left out; the schemas of JSON and JSON lines list these, too."""

    silence = "silence"  # Whisper's own rule takes the window for silence
    phantom = "phantom"  # a known phrase where nobody speaks
    loop = "loop"  # repetitions after the first
    bleed = "bleed"  # what a channel only overhears of the other
    no_time = "no time"  # it starts and ends at one moment, or after the sound


class RedecodeReason(StrEnum):
    """Why a text was rejected and its sound decoded again."""

    too_many_tokens = "too many tokens"
    compression_ratio = "compression ratio"
    repetition = "repetition"
    log_probability = "log probability"
    no_end = "no end"
    after_window = "beyond the window"
    missing_text = "speech without text"
    prompt = "the prompt"


@dataclass(frozen=True, slots=True)
class Dropped:
    """A text that the model said and that was left out, in seconds of the input.

    `reason` is a DropReason; a newer release may know others.
    """

    start: float
    end: float
    text: str
    reason: str


@dataclass(frozen=True, slots=True)
class Redecoded:
    """A stretch that was decoded again, in seconds of the input, and the text that was rejected.

    That is empty where only the rest of a chunk, without a text so far, was decoded again.
    `reason` is a RedecodeReason; a newer release may know others.
    """

    start: float
    end: float
    reason: str
    rejected_text: str


@dataclass(frozen=True, slots=True)
class Change:
    """A text that was changed after decoding, in seconds of the input; `reason` by which rule."""

    start: float
    end: float
    before: str
    after: str
    reason: str


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where a transcript comes from, enough to make it again."""

    tool: str
    model: str
    repo: str | None
    revision: str | None
    device: str
    compute_type: str
    options: DecodingOptions
    input: str
    input_sha256: str | None = None
    complete: bool = False


@dataclass(frozen=True, slots=True)
class Info:
    """What is known about a transcript: before the first segment some of it, after the last all.

    `source` is the input's name as shown to people; `language` is None where no speech was found
    to tell it from; `duration` is in seconds of audio, None while the input is still read.
    `dropped`, `redecoded`, `warnings` (doubts about what was covered) and `changes` are complete
    in the end;
    `changes` is None where the text is as it was decoded. `changed` says that the input became
    another one while it was read.
    """

    source: str
    provenance: Provenance
    language: str | None = None
    language_probability: float = 0.0
    duration: float | None = None
    dropped: tuple[Dropped, ...] = ()
    warnings: tuple[str, ...] = ()
    changes: tuple[Change, ...] | None = None
    changed: bool = False
    redecoded: tuple[Redecoded, ...] = ()

    @property
    def over(self) -> bool:
        """Say whether the input was read to its end."""
        return self.provenance.complete or self.changed

    @property
    def spoken(self) -> str | None:
        """The language of the text, which is English in every translation."""
        return "en" if self.provenance.options.task is Task.TRANSLATE else self.language


def check_language(options: DecodingOptions, *, multilingual: bool) -> None:
    """Raise ConfigError where an English-only model is asked for another language."""
    if multilingual:
        return
    hint = "a multilingual model, such as base or large-v3, knows about 100 languages"
    if options.language not in (None, "en"):
        raise ConfigError(
            f'the model knows English only, and the language is "{options.language}"', hint=hint
        )
    if options.task is Task.TRANSLATE:
        raise ConfigError("the model knows English only: it can't translate", hint=hint)
