"""What a running download reports."""

from dataclasses import dataclass
from enum import StrEnum


class Phase(StrEnum):
    """What is being done to a file."""

    download = "download"
    verify = "verify"
    publish = "publish"


@dataclass(frozen=True, slots=True)
class Progress:
    """How far one file has come, in bytes; `total` None where its size is not known.

    `file` is a file of the model or, from the package index, the wheel that holds it; `source` may
    name several. Of `done`, `resumed` bytes were here before.
    """

    file: str
    phase: Phase
    source: str
    done: int
    total: int | None
    connections: int = 0
    resumed: int = 0
