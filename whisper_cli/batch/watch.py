"""A folder that is watched: files become jobs once they have stopped growing."""

import errno
import logging
import os
import shutil
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from whisper_cli import files
from whisper_cli.audio.folders import FolderContent, look_into
from whisper_cli.audio.sources import Inputs, Source
from whisper_cli.batch.events import InputError
from whisper_cli.batch.targets import BatchJob
from whisper_cli.errors import ConfigError, OutputError, WhisperError, failure_of
from whisper_cli.extras import install_hint
from whisper_cli.files import beside, opened

logger = logging.getLogger("whisper_cli")

INSTALL = install_hint("watch")
POLL = 5.0  # seconds after which the folder is looked at without news: some disks tell none
_FIRST = b"error: "  # what a mark begins with
SHORT_POLL = 0.2  # seconds between two looks at files that may still grow

Stamp = tuple[int, int]  # size, time of the last change


@dataclass(slots=True)
class Watch:
    """Watches `folder`; a file is ready when it has not changed for `settle` seconds.

    `plan` makes the job of an input. What failed before, and was not changed since, is left alone.
    """

    folder: Path
    plan: Callable[[Inputs], tuple[BatchJob, ...]]
    settle: float = 2.0
    _given: dict[Path, Stamp] = field(default_factory=dict)
    _incomplete: dict[Path, tuple[Stamp, float]] = field(default_factory=dict)
    _outputs: dict[str, Path] = field(default_factory=dict)
    _told: set[str] = field(default_factory=set)

    def jobs(self) -> Iterator[BatchJob]:
        """Give jobs as files become ready, for ever."""
        with _FolderChanges(self.folder) as changes:
            while True:
                for path in self._ready():
                    yield from self._job(path)
                changes.wait(SHORT_POLL if self._incomplete else POLL)

    def _ready(self) -> list[Path]:
        """Look at the folder, and list what has settled."""
        content = look_into(self.folder)
        self._tell(content)
        now, current = time.monotonic(), dict(_stamped(content.recordings))
        self._given = {path: stamp for path, stamp in self._given.items() if path in current}
        incomplete: dict[Path, tuple[Stamp, float]] = {}
        ready = []
        for path, stamp in current.items():
            if self._given.get(path) == stamp:
                continue
            known, since = self._incomplete.get(path, (None, now))
            since = since if known == stamp else now
            if known == stamp and now - since >= self.settle:
                self._given[path] = stamp
                ready.append(path)
            else:
                incomplete[path] = (stamp, since)
        self._incomplete = incomplete
        return ready

    def _tell(self, content: FolderContent) -> None:
        """Say what is passed over: a link once, and files when another ending comes up."""
        unknown = content.links + [f".{ending}" for ending in content.endings]
        news = [item for item in unknown if item not in self._told]
        self._told.update(news)
        for link in (item for item in news if item in content.links):
            logger.warning("%s", link)
        if any(item not in content.links for item in news):
            logger.warning("%s", content.passed_over())

    def _job(self, path: Path) -> Iterator[BatchJob]:
        try:
            [job] = self.plan(Inputs((Source(path, self.folder),), has_folder=True))
        except WhisperError:
            raise
        except Exception as error:  # noqa: BLE001 - it is this file's failure
            failure = failure_of(error, str(path))
            logger.warning("%s is left out: %s", path, failure.message)
            return
        rest = {self._outputs.setdefault(item.pattern or "", path) for item in job.targets}
        if rest != {path}:
            other = min(rest - {path})
            logger.warning("%s is left out: its output would be that of %s", path, other)
        elif not _failed_before(job):
            yield job


def _stamped(paths: Iterable[Path]) -> Iterator[tuple[Path, Stamp]]:
    for path in sorted(paths):
        try:
            known = path.stat()
        except OSError:  # it has just gone
            continue
        if known.st_size:
            yield path, (known.st_size, known.st_mtime_ns)


class _FolderChanges:
    """Wakes whoever waits when something changes in a folder; use `with`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._changed, self._over = threading.Event(), threading.Event()

    def __enter__(self) -> Self:
        try:
            import watchfiles
        except ImportError:
            raise ConfigError("watching a folder needs watchfiles", hint=INSTALL) from None
        # In a thread of its own: it would turn our signals into a KeyboardInterrupt.
        changes = watchfiles.watch(
            self._folder, stop_event=self._over, debounce=200, rust_timeout=500
        )
        threading.Thread(target=self._follow, args=(changes,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()

    def wait(self, seconds: float) -> None:
        """Wait for a change, so many seconds at most."""
        self._changed.wait(seconds)
        self._changed.clear()

    def _follow(self, changes: Iterator[object]) -> None:
        try:
            for _ in changes:
                self._changed.set()
        except (OSError, RuntimeError) as error:
            logger.warning("no news of %s (%s): it is looked at", self._folder, error)


def mark_of(job: BatchJob) -> Path:
    """Name the file that says why an input failed: beside its first output."""
    [target, *_] = job.targets
    path = job.source.path
    if target.pattern is None or path is None:
        raise ValueError("what is watched goes from file to file")
    return beside(Path(target.pattern).parent / path.name, ".failed")


def clear_mark(job: BatchJob) -> None:
    """Take the mark of an earlier failure away, now that it is done."""
    mark = mark_of(job)
    try:
        if _is_mark(mark):
            mark.unlink()
    except OSError as error:
        logger.warning("can't remove %s: %s", mark, error.strerror)


def _failed_before(job: BatchJob) -> bool:
    mark, path = mark_of(job), job.source.path
    try:
        newer = path is not None and mark.stat().st_mtime >= path.stat().st_mtime
        return newer and _is_mark(mark)
    except OSError:
        return False


def _is_mark(path: Path) -> bool:
    """Say whether a file is a mark of ours; raises OSError."""
    with suppress(FileNotFoundError, OutputError), opened(path) as file:
        return file.read(len(_FIRST)) == _FIRST
    return False


def _write_mark(path: Path, error: WhisperError) -> None:
    """Write a mark in place of an older one; raises OSError, for what is no mark too."""
    if os.path.lexists(path) and not _is_mark(path):
        raise FileExistsError(errno.EEXIST, f"{path} is no mark of ours: kept")
    path.parent.mkdir(parents=True, exist_ok=True)
    files.write_text(path, _reason(error))


def note_failure(failed: InputError, job: BatchJob, to: Path | None, root: Path) -> None:
    """Note why an input failed, and move it below `to` if that is given and its name is free.

    Takes the mark of an earlier failure away where it is moved.
    """
    mark, path = mark_of(job), job.source.path
    try:
        target = to / path.relative_to(root) if to and path else None
        if path is None or target is None or os.path.lexists(target):
            _write_mark(mark, failed.error)
            return
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(path, target)
        clear_mark(job)
        _write_mark(beside(target, ".failed"), failed.error)
    except OSError as error:
        logger.warning("can't note the failure of %s: %s", failed.source, error.strerror)


def _reason(error: WhisperError) -> str:
    text = f"{_FIRST.decode()}{error.message}\n" + (f"hint: {error.hint}\n" if error.hint else "")
    return text.encode("utf-8", "replace").decode()
