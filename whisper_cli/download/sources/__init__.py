"""Where models come from: a source is a module and a row in `SOURCES`.

There are two kinds. A source that offers addresses is read by an engine, several of them side by
side; one that brings files does all by itself. Whatever they give is verified by the caller.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol, runtime_checkable

from whisper_cli.download.sources.folder import FolderSource
from whisper_cli.download.sources.hub import HubSource
from whisper_cli.download.sources.index import IndexSource
from whisper_cli.download.sources.peer import PeerSource
from whisper_cli.download.types import Progress, RemoteFile
from whisper_cli.errors import ConfigError
from whisper_cli.models.catalog import Model, ModelFile


class ModelSource(Protocol):
    """A place that may have a model. It raises SourceUnavailable where another should be tried."""

    @property
    def name(self) -> str:
        """Name the source for people."""
        ...

    def pin(self, model: Model, *, all_files: bool = False) -> Model:
        """Settle a model's commit and its files. Raises ModelError for what doesn't exist."""
        ...


@runtime_checkable
class RangeSource(ModelSource, Protocol):
    """A source with addresses for each file."""

    def remote_files(self, model: Model, file: ModelFile) -> tuple[RemoteFile, ...]:
        """Say where a file of a pinned model is: several places are read side by side."""
        ...

    def errors_translated(self, model: Model) -> AbstractContextManager[None]:
        """Translate what is refused inside the block into what a person can do about it."""
        ...


@runtime_checkable
class DownloadSource(ModelSource, Protocol):
    """A source that writes the files itself."""

    def download(self, model: Model, folder: Path) -> Iterator[Progress]:
        """Write the files of a pinned model into a folder."""
        ...


SOURCES: Mapping[str, Callable[[str | None, tuple[str, ...]], ModelSource]] = {
    "hub": lambda token, _: HubSource(token=token),
    "index": lambda *_: IndexSource(),
    "peer": lambda _, peers: PeerSource(peers),
}

DEFAULT_SOURCES = ("hub", "index")  # in order


def source(text: str, token: str | None = None, peers: tuple[str, ...] = ()) -> ModelSource:
    """Read what `--source` names: a row of the table, `folder:PATH`, or the URL of a mirror.

    `token` is for the hub alone; None takes the one that the environment or a login gives. `peers`
    are neighbours by `host:port`. Raises ConfigError.
    """
    if text in SOURCES:
        return SOURCES[text](token, peers)
    if text.startswith("folder:") and text != "folder:":
        return FolderSource(Path(text.removeprefix("folder:")).expanduser())
    if text.startswith(("http://", "https://")):
        return HubSource(endpoint=text, token="")
    raise ConfigError(
        f'no source is called "{text}"',
        hint=f"one of: {', '.join(SOURCES)}, folder:PATH, or the URL of a mirror of the hub",
    )


def default_sources() -> tuple[ModelSource, ...]:
    """Make the sources in their default order."""
    return tuple(map(source, DEFAULT_SOURCES))
