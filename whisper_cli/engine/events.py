"""What an engine is given, and what it tells while it works on many inputs."""

import logging
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Protocol, Self

from whisper_cli.audio.blocks import Block
from whisper_cli.engine.chunking import ChunkPosition
from whisper_cli.errors import WhisperError
from whisper_cli.transcript import Dropped, Info, Redecoded, Segment

logger = logging.getLogger("whisper_cli")


class DecodedAudio(Protocol):
    """An open input as an engine reads it; `Audio` is the one that decodes files."""

    @property
    def duration(self) -> float | None:
        """Seconds as declared; None where nothing says."""
        ...

    @property
    def position(self) -> float:
        """Seconds read so far."""
        ...

    @property
    def sha256(self) -> str | None:
        """Hex digest of the whole input, where it is known."""
        ...

    def blocks(self) -> Iterator[Block]:
        """Give the sound, once. Raises AudioError."""
        ...

    def close(self) -> None:
        """Let go of it."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(self, *_: object) -> None: ...


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """How far an input is told: what came before is complete, and it can be gone on with here.

    `next` is where the next chunk stands, at or after that place. The others are seconds of
    speech found, those of them since the last cue, and the end of the last cue (-1: none yet).
    """

    next: ChunkPosition
    speech: float = 0.0
    unsaid: float = 0.0
    said_until: float = -1.0


@dataclass(frozen=True, slots=True)
class Recording:
    """An open input, and what is known of it; whoever reads it to the end closes it.

    With `since` it is gone on with, in the language of `info`.
    """

    audio: DecodedAudio
    info: Info
    since: Checkpoint | None = None


class Input(Protocol):
    """One of the inputs of a run."""

    @property
    def name(self) -> str:
        """What messages call it."""
        ...

    @property
    def needed(self) -> bool:
        """Say whether what it says is still written; the rest of it is left out where not."""
        ...

    def open(self) -> Recording | None:
        """Open it; None where nothing is to be done. Raises WhisperError where it can't be."""
        ...


@dataclass(frozen=True, slots=True)
class InputStarted:
    """The language of an input is settled; segments may come."""

    input: Input
    info: Info


@dataclass(frozen=True, slots=True)
class SegmentDecoded:
    """The next segment of an input; each input's come in the order of its time."""

    input: Input
    segment: Segment


@dataclass(frozen=True, slots=True)
class PartialDecoded:
    """What a phrase says so far that is still spoken; it comes whole, and may be other words."""

    input: Input
    segment: Segment


@dataclass(frozen=True, slots=True)
class DecodeProgress:
    """So many seconds of an input are dealt with.

    `dropped` is what was left out of the last ones, `redecoded` what was decoded again.
    With a `mark` the input can be gone on with from here.
    """

    input: Input
    seconds: float
    mark: Checkpoint | None = None
    dropped: tuple[Dropped, ...] = ()
    redecoded: tuple[Redecoded, ...] = ()


@dataclass(frozen=True, slots=True)
class InputFinished:
    """An input was read and decoded to its end; `info` is None where nothing was to be done."""

    input: Input
    info: Info | None


@dataclass(frozen=True, slots=True)
class InputFailed:
    """An input failed; what was said of it stands, the others go on."""

    input: Input
    error: WhisperError


Event = (
    InputStarted | SegmentDecoded | PartialDecoded | DecodeProgress | InputFinished | InputFailed
)


class Engine(Protocol):
    """What turns inputs into words; each input ends in one InputFinished or InputFailed."""

    def run(self, inputs: Iterator[Input]) -> Iterator[Event]:
        """Decode inputs. Raises ConfigError and ModelError, which every input would meet."""
        ...


def finished(recording: Recording) -> Info:
    """Add what only the end of an input tells: how long it is, and the hash of a stream."""
    audio, info = recording.audio, recording.info
    options = info.provenance.options
    if options.clip and audio.position <= min(start for start, _ in options.clip):
        logger.warning("%s ends at %.1f s, before the clip starts", info.source, audio.position)
    provenance = replace(info.provenance, input_sha256=audio.sha256, complete=True)
    duration = audio.duration if options.clip else audio.position
    return replace(info, duration=duration, provenance=provenance)
