"""The seam of the download engines: what is asked for, who offers it, what is reported."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from threading import Event
from typing import Protocol


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


MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """One file as one source offers it.

    `source` is the label shown to people; `url` is the stable one: redirects to signed URLs are
    followed, and followed anew when the signature expires. `headers` never reach another origin.
    One that isn't `trusted` is left out once wrong bytes came. `final_url` is where `url` led a
    moment ago, if anybody asked, and `waited` the seconds that its server took to answer.
    """

    source: str
    url: str
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    trusted: bool = True
    final_url: str | None = field(default=None, repr=False)
    waited: float = 0.0


@dataclass(frozen=True, slots=True)
class BlockHashes:
    """The sha256 of every piece of `size` bytes, so that a bad one is found and fetched alone."""

    size: int
    sha256: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FileTransfer:
    """A file of known size and hash, and `part`, the path on the cache volume where it grows."""

    name: str
    size: int
    sha256: str | None
    git_sha1: str | None
    etag: str | None
    remote_files: tuple[RemoteFile, ...]
    part: Path
    pieces: BlockHashes | None = None

    @property
    def identity(self) -> str:
        """Name the content: what a partial file must be a part of to be continued."""
        return self.sha256 or self.git_sha1 or self.etag or ""


@dataclass(frozen=True, slots=True)
class TransferLimits:
    """How hard to pull.

    `connections` None starts with 4 and adds while throughput rises, up to 16. `limit_rate` is in
    bytes a second over all connections and files that share the value's `Transfer`. `tries` are
    counted only while nothing progresses; `idle_timeout` is in seconds without a byte.
    """

    connections: int | None = None
    chunk_size: int = 4 * MIB
    limit_rate: int | None = None
    tries: int = 3
    idle_timeout: float = 15.0


class Transfer(Protocol):
    """Bring a file to `job.part`, whole and verified."""

    def fetch(self, job: FileTransfer, limits: TransferLimits, stop: Event) -> Iterator[Progress]:
        """Yield ten times a second; closing the generator or setting `stop` ends it at once.

        When it ends by itself the file is complete and its hash is right. Raises DownloadError;
        what came until then stays in the part file for the next run.
        """
        ...
