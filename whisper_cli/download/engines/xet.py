"""The xet engine: huggingface_hub's own path, in a child process, with ranges to fall back on."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from threading import Event

from whisper_cli.download.engines.child_process import ChildProcess, follow
from whisper_cli.download.engines.ranges import Ranges
from whisper_cli.download.errors import disk_error
from whisper_cli.download.part_file import PartJournal, RangeSet
from whisper_cli.download.types import FileTransfer, Progress, RemoteFile, TransferLimits

_RESOLVE = re.compile(r"(https?://.+?)/([^/]+/[^/]+)/resolve/([^/]+)/([^?]+)")


class Xet:
    """Pull by huggingface_hub, and by ranges what it fails or stalls on."""

    def __init__(self) -> None:
        self._ranges = Ranges()

    def fetch(self, job: FileTransfer, limits: TransferLimits, stop: Event) -> Iterator[Progress]:
        """Bring the file to `job.part`, see Transfer."""
        order = next(
            (found for remote_file in job.remote_files if (found := _order(remote_file))), None
        )
        if order and not PartJournal(job).read().total:
            yield from _first_go(job, order, limits, stop)
        yield from self._ranges.fetch(job, limits, stop)


def _first_go(
    job: FileTransfer, order: dict[str, str | None], limits: TransferLimits, stop: Event
) -> Iterator[Progress]:
    folder = job.part.with_name(job.part.name + ".xet")
    fetched = folder / "came"
    try:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        with ChildProcess(
            "xet", {**order, "local_dir": str(folder), "target": str(fetched)}
        ) as child:
            size = lambda: min(job.size, _size(folder))  # noqa: E731
            for progress in follow(
                child, job, done=size, alive=size, idle_timeout=limits.idle_timeout
            ):
                yield progress
                if stop.is_set():
                    return
        if fetched.is_file() and fetched.stat().st_size == job.size:
            journal = PartJournal(job, "xet")
            journal.start(RangeSet())
            fetched.replace(job.part)
            journal.note([(0, job.size)])
    except OSError as error:
        raise disk_error(job.part, error) from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _order(remote_file: RemoteFile) -> dict[str, str | None] | None:
    from urllib.parse import unquote

    found = _RESOLVE.fullmatch(remote_file.url)
    if not found:
        return None
    endpoint, repo, revision, name = map(unquote, found.groups())
    bearer = dict(remote_file.headers).get("Authorization", "").removeprefix("Bearer ")
    order = {"endpoint": endpoint, "repo_id": repo, "revision": revision, "filename": name}
    return {**order, "token": bearer or None}


def _size(folder: Path) -> int:
    total = 0
    for path in folder.rglob("*"):
        try:
            total += path.stat().st_blocks * 512
        except OSError:
            continue  # renamed under our eyes
    return total
