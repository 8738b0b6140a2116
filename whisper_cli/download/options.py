"""What a person may say about a pull."""

from dataclasses import dataclass, field

from whisper_cli.download.destinations import Cache, Destination
from whisper_cli.download.engines.registry import EngineName
from whisper_cli.download.sources import ModelSource, default_sources
from whisper_cli.download.types import TransferLimits


@dataclass(frozen=True, slots=True)
class PullOptions:
    """How to pull: from where, by which engine, how hard, whereto, and what counts as wanted.

    `chunk_size` is in bytes, None for one that suits the model. `checked` says that a model that
    is here counts only if its hashes were found right.
    """

    sources: tuple[ModelSource, ...] = field(default_factory=default_sources)
    engine: EngineName = EngineName.auto
    limits: TransferLimits = field(default_factory=TransferLimits)
    chunk_size: int | None = None
    destination: Destination = field(default_factory=Cache)
    all_files: bool = False
    force: bool = False
    offline: bool = False
    checked: bool = False
