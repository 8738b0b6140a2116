"""Where models come from: a source is a module and a row in `SOURCES`, tried in this order."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Protocol

from whisper_cli.download.progress import Progress
from whisper_cli.download.sources.hub import HubSource
from whisper_cli.download.sources.index import IndexSource
from whisper_cli.models.catalog import Model


class ModelSource(Protocol):
    """A place that may have a model; what it gives is verified by the caller.

    Both methods raise SourceUnavailable where the next source should be tried: no connection, a
    model that isn't carried, a connection lost.
    """

    @property
    def name(self) -> str:
        """Name the source for people, as in `SOURCES`."""
        ...

    def pin(self, model: Model) -> Model:
        """Settle a model's commit and its files. Raises ModelError for what doesn't exist."""
        ...

    def download(self, model: Model, folder: Path) -> Iterator[Progress]:
        """Write the files of a pinned model into a folder."""
        ...


SOURCES: Mapping[str, Callable[[], ModelSource]] = {"hub": HubSource, "index": IndexSource}


def default_sources() -> tuple[ModelSource, ...]:
    """Make the sources in their default order."""
    return tuple(source() for source in SOURCES.values())
