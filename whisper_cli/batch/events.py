"""What a run tells while it works, and of each input in the end.

An outcome names its job by the `number` (from 0) in which the run was given it: the names of two
inputs may look the same.
"""

from dataclasses import dataclass
from pathlib import Path

from whisper_cli.errors import WhisperError


@dataclass(frozen=True, slots=True)
class JobInputProgress:
    """So many seconds of the input are dealt with."""

    number: int
    source: str
    seconds: float
    total: float | None


@dataclass(frozen=True, slots=True)
class InputDone:
    """An input of so many seconds is done, in `elapsed`. `skipped`: its outputs were current.

    `warnings` are doubts about what was covered.
    """

    number: int
    source: str
    outputs: tuple[Path, ...]
    seconds: float
    elapsed: float
    warnings: tuple[str, ...] = ()
    language: str | None = None
    skipped: bool = False


@dataclass(frozen=True, slots=True)
class InputError:
    """An input failed; the others go on."""

    number: int
    source: str
    error: WhisperError


Outcome = JobInputProgress | InputDone | InputError
