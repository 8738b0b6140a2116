"""Temporary folders that live as long as this process, however it ends."""

import os
import secrets
import shutil
import stat
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

from filelock import FileLock

from whisper_cli.files import lock_path, remove_stale

_PREFIX = "serve-"


class OwnFolder:
    """A folder for this user alone; those that killed processes left are removed when it is made.

    A lock beside it says that its process lives: the system lets go of it however that ends.
    """

    def __init__(self) -> None:
        self._created: tuple[Path, FileLock] | None = None
        self._one_at_a_time = threading.RLock()

    @property
    def path(self) -> Path:
        """Return the folder, made anew where something has removed it. Raises OSError."""
        with self._one_at_a_time:
            if self._created is None or not _is_owned(self._created[0], stat.S_ISDIR):
                self.close()
                self._created = _created()
            return self._created[0]

    def close(self) -> None:
        """Remove it with all that is in it."""
        with self._one_at_a_time:
            if self._created is None:
                return
            (folder, lock), self._created = self._created, None
        shutil.rmtree(folder, ignore_errors=True)
        with suppress(OSError):  # some systems keep a file that is open
            lock_path(folder).unlink(missing_ok=True)
        lock.release()


def _created() -> tuple[Path, FileLock]:
    root = Path(tempfile.gettempdir())
    remove_stale(_left(root))
    folder = root / f"{_PREFIX}{secrets.token_hex(4)}"
    lock = FileLock(lock_path(folder), blocking=False, thread_local=False)
    lock.acquire()  # before the folder is there: one without a holder is taken for left behind
    try:
        folder.mkdir(mode=0o700)
    except OSError:
        lock_path(folder).unlink(missing_ok=True)
        lock.release()
        raise
    return folder, lock


def _left(root: Path) -> Iterator[Path]:
    """Yield the folders that have a lock beside them: nothing else proves that one is ours."""
    for folder in root.glob(f"{_PREFIX}*"):
        if _is_owned(folder, stat.S_ISDIR) and _is_owned(lock_path(folder), stat.S_ISREG):
            yield folder


def _is_owned(path: Path, is_kind: Callable[[int], bool]) -> bool:
    """Say whether a path is of a kind and belongs to this user; links belong to nobody."""
    try:
        found = path.lstat()
    except OSError:
        return False
    return is_kind(found.st_mode) and (not hasattr(os, "getuid") or found.st_uid == os.getuid())
