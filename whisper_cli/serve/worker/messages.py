"""What the server and the process of a model tell each other."""

from dataclasses import dataclass
from pathlib import Path

from whisper_cli.errors import WhisperError
from whisper_cli.transcript import DecodingOptions, Info, Segment

_YEAR = 365 * 86400.0  # seconds


@dataclass(frozen=True, slots=True)
class DecodeLimits:
    """What the decoding of one upload may take: seconds of sound, bytes of memory more, CPU time.

    `silence` is how many seconds may pass without anything being decoded.
    """

    duration: float = 4 * 3600.0
    memory: int = 512 << 20
    silence: float = 30.0

    @property
    def cpu(self) -> int:
        """Seconds; decoding is some hundred times as fast as the sound, which may have no limit."""
        return 30 + int(min(self.duration, _YEAR) / 40)


@dataclass(frozen=True, slots=True)
class Start:
    """Transcribe what is at `path`: media, or blocks as `blocks.py` writes them."""

    job: int
    path: Path
    options: DecodingOptions
    limits: DecodeLimits
    blocks: bool = False


@dataclass(frozen=True, slots=True)
class Cancel:
    """Nobody wants a job any more."""

    job: int


@dataclass(frozen=True, slots=True)
class ModelLoaded:
    """The model is there, and warm."""

    multilingual: bool


@dataclass(frozen=True, slots=True)
class UploadOpened:
    """Decoding has begun; `duration` in seconds as declared."""

    job: int
    duration: float | None


@dataclass(frozen=True, slots=True)
class LanguageDetected:
    """The language is settled."""

    job: int
    info: Info


@dataclass(frozen=True, slots=True)
class TextDecoded:
    """The next segment."""

    job: int
    segment: Segment


@dataclass(frozen=True, slots=True)
class JobProgress:
    """So many seconds are dealt with."""

    job: int
    seconds: float


@dataclass(frozen=True, slots=True)
class JobDone:
    """All is said."""

    job: int
    info: Info


@dataclass(frozen=True, slots=True)
class JobFailed:
    """A job failed; `job` None is the model itself."""

    job: int | None
    error: WhisperError


WorkerOrder = Start | Cancel
WorkerEvent = UploadOpened | LanguageDetected | TextDecoded | JobProgress | JobDone | JobFailed
