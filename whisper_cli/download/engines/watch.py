"""Watching a child process pull a file: progress, stalls, and its end."""

import logging
import time
from collections.abc import Callable, Iterator

from whisper_cli.download.engines.child import Child
from whisper_cli.download.progress import Phase, Progress
from whisper_cli.download.transfer import Job

_log = logging.getLogger("whisper_cli")


def watch(
    child: Child, job: Job, *, done: Callable[[], int], alive: Callable[[], int], stall: float
) -> Iterator[Progress]:
    """Yield ten times a second until the child ends, or `alive` stays the same for `stall` seconds.

    Whatever the end, it is told to the log and not raised: another engine goes on.
    """
    heard, at = alive(), time.monotonic()
    while child.code is None:
        yield Progress(job.name, Phase.download, job.offers[0].source, done(), job.size)
        time.sleep(0.1)
        if (now := alive()) != heard:
            heard, at = now, time.monotonic()
        elif time.monotonic() - at > stall:
            _log.warning("%s stalled: ranges go on", job.name)
            return
    if child.code:
        _log.warning("%s failed (%s): ranges go on", job.name, child.complaint())


def written(job: Job) -> int:
    """Return how many bytes of the part file are not holes."""
    return min(job.size, job.part.stat().st_blocks * 512)
