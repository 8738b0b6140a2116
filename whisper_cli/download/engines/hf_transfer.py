"""The hf_transfer engine: a fresh, whole file from one source, in a supervised child process.

hf_transfer has no timeout, deletes its target when it fails, and takes short answers for good.
So it fills a hard link to the part file, whose holes then tell what is missing: the ranges engine
fetches that, in this run or a later one, and checks the hash of all.
"""

import importlib.util
import logging
import os
from collections.abc import Iterator
from pathlib import Path
from threading import Event

from whisper_cli.download.engines.child_process import ChildProcess, follow, written
from whisper_cli.download.engines.mirror import MirrorConnection
from whisper_cli.download.engines.ranges import Ranges
from whisper_cli.download.errors import disk_error
from whisper_cli.download.http import Client
from whisper_cli.download.part_file import PartJournal, RangeSet
from whisper_cli.download.types import FileTransfer, Progress, TransferLimits
from whisper_cli.errors import DownloadError

_CONNECTIONS = 8
_log = logging.getLogger("whisper_cli")


class HfTransfer:
    """Pull by hf_transfer where it can, and by ranges what it left."""

    def __init__(self) -> None:
        self._ranges = Ranges()

    def fetch(self, job: FileTransfer, limits: TransferLimits, stop: Event) -> Iterator[Progress]:
        """Bring the file to `job.part`, see Transfer."""
        if reason := _unsupported_reason(job, limits):
            _log.warning("%s is pulled by ranges: %s", job.name, reason)
        elif job.size > limits.chunk_size:
            yield from _first_go(job, limits, stop)
        yield from self._ranges.fetch(job, limits, stop)


def _unsupported_reason(job: FileTransfer, limits: TransferLimits) -> str | None:
    if importlib.util.find_spec("hf_transfer") is None:
        return "hf_transfer is not installed"
    if not hasattr(os, "SEEK_DATA"):
        return "this system does not tell the holes of a file"
    if limits.limit_rate:
        return "hf_transfer can't be limited to a rate"
    if len(job.remote_files) != 1:
        return "hf_transfer knows only one source"
    return "it is partly here" if PartJournal(job).read().total else None


def _first_go(job: FileTransfer, limits: TransferLimits, stop: Event) -> Iterator[Progress]:
    order = _order(job, limits)
    if order is None:
        return
    target = _link(job, limits.chunk_size)
    try:
        with ChildProcess("hf_transfer", {**order, "filename": str(target)}) as child:
            for progress in follow(
                child,
                job,
                done=lambda: written(job),
                alive=lambda: child.pulse() + written(job),
                idle_timeout=limits.idle_timeout,
            ):
                yield progress
                if stop.is_set():
                    return
    finally:
        target.unlink(missing_ok=True)


def _order(job: FileTransfer, limits: TransferLimits) -> dict[str, object] | None:
    """Resolve the address; None if the source doesn't answer ranges of the right file."""
    route, client = (
        MirrorConnection(job.remote_files[0], job.size),
        Client(read_timeout=limits.idle_timeout),
    )
    try:
        body = route.open(client, 0, 1)
        client.release(body.response)
    except DownloadError:
        return None  # ranges tries again, and tells what is wrong
    finally:
        client.close()
    url, headers = route.direct()
    connections = limits.connections or _CONNECTIONS
    retries = {"parallel_failures": connections, "max_retries": limits.tries}
    order = {"url": url, "headers": headers, "max_files": connections}
    order |= {"chunk_size": limits.chunk_size} | (retries if limits.tries else {})
    return None if body.whole else order


def _link(job: FileTransfer, chunk_size: int) -> Path:
    target = job.part.with_name(job.part.name + ".hf_transfer")
    journal = PartJournal(job, job.remote_files[0].source)
    try:
        journal.start(RangeSet())
        journal.note_sparse(chunk_size)
        target.unlink(missing_ok=True)
        target.hardlink_to(job.part)
    except OSError as error:
        raise disk_error(job.part, error) from error
    return target
