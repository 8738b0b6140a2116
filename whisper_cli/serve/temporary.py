"""Temporary folders that live as long as this process, however it ends."""

import os
import secrets
import shutil
import stat
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from filelock import FileLock, Timeout

_PREFIX = "serve-"


class OwnFolder:
    """A folder for this user alone; those that killed processes left are removed when it is made.

    A lock beside it says that its process lives: the system lets go of it however that ends.
    """

    def __init__(self) -> None:
        self._made: tuple[Path, FileLock] | None = None

    @property
    def path(self) -> Path:
        """Return the folder, made anew where something has removed it. Raises OSError."""
        if self._made is None or not _is_ours(self._made[0], stat.S_ISDIR):
            self.close()
            self._made = _made()
        return self._made[0]

    def close(self) -> None:
        """Remove it with all that is in it."""
        if self._made is None:
            return
        (folder, lock), self._made = self._made, None
        shutil.rmtree(folder, ignore_errors=True)
        with suppress(OSError):  # some systems keep a file that is open
            _lock_of(folder).unlink(missing_ok=True)
        lock.release()


def _made() -> tuple[Path, FileLock]:
    root = Path(tempfile.gettempdir())
    _sweep(root)
    folder = root / f"{_PREFIX}{secrets.token_hex(4)}"
    lock = FileLock(_lock_of(folder), blocking=False, thread_local=False)
    lock.acquire()  # before the folder is there: one without a holder is taken for left behind
    try:
        folder.mkdir(mode=0o700)
    except OSError:
        _lock_of(folder).unlink(missing_ok=True)
        lock.release()
        raise
    return folder, lock


def _sweep(root: Path) -> None:
    """Remove folders whose lock is there and free: nothing else proves that they are left."""
    for folder in root.glob(f"{_PREFIX}*"):
        lock = _lock_of(folder)
        if _is_ours(folder, stat.S_ISDIR) and _is_ours(lock, stat.S_ISREG):
            with suppress(Timeout, OSError), FileLock(lock, blocking=False):
                shutil.rmtree(folder, ignore_errors=True)
                lock.unlink(missing_ok=True)


def _lock_of(folder: Path) -> Path:
    return folder.with_name(f"{folder.name}.lock")


def _is_ours(path: Path, is_kind: Callable[[int], bool]) -> bool:
    """Say whether a path is of a kind and belongs to this user; links belong to nobody."""
    try:
        found = path.lstat()
    except OSError:
        return False
    return is_kind(found.st_mode) and (not hasattr(os, "getuid") or found.st_uid == os.getuid())
