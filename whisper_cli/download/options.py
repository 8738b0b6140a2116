"""What a person may say about a pull."""

from dataclasses import dataclass, field
from pathlib import Path

from whisper_cli.config.settings import Settings
from whisper_cli.download.destinations import Cache, Destination, PlainFolder
from whisper_cli.download.engines.registry import EngineName
from whisper_cli.download.sources import ModelSource, default_sources, source
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
    place: Destination = field(default_factory=Cache)
    all_files: bool = False
    force: bool = False
    offline: bool = False
    checked: bool = False


def pull_options_of(
    settings: Settings, token: str | None = None, folder: Path | None = None
) -> PullOptions:
    """Put what the settings say of a pull together. Raises ConfigError for an unknown source."""
    return PullOptions(
        sources=tuple(source(name, token, settings.peers) for name in settings.source),
        engine=settings.engine,
        limits=TransferLimits(
            connections=settings.connections or None, limit_rate=settings.limit_rate or None
        ),
        chunk_size=settings.chunk_size or None,
        place=PlainFolder(folder) if folder else Cache(),
        offline=settings.offline,
    )
