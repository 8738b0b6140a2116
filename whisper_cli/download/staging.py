"""Where a download lies until it is verified: a folder of its own on the cache's volume."""

import secrets
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path


@contextmanager
def staging(work: Path) -> Iterator[Path]:
    """Lend a folder below `work`, gone afterwards; those that dead processes left go first.

    A lock beside each folder says that its process lives: the system lets go of it when the
    process dies, however it dies, also in another container on the same volume.
    """
    from filelock import FileLock

    root = work / "staging"
    root.mkdir(parents=True, exist_ok=True)
    folder = root / secrets.token_hex(8)
    with ExitStack() as at_the_end:
        at_the_end.callback(_forget, folder)
        at_the_end.enter_context(FileLock(_lock(folder)))
        _sweep(root)
        folder.mkdir()
        at_the_end.callback(shutil.rmtree, folder, ignore_errors=True)
        yield folder


def _sweep(root: Path) -> None:
    from filelock import FileLock, Timeout

    for folder in root.iterdir():
        if folder.is_dir():
            with suppress(Timeout), FileLock(_lock(folder), blocking=False):
                shutil.rmtree(folder, ignore_errors=True)
                _lock(folder).unlink(missing_ok=True)


def _forget(folder: Path) -> None:
    _lock(folder).unlink(missing_ok=True)
    with suppress(OSError):  # not empty: somebody else is downloading
        folder.parent.rmdir()


def _lock(folder: Path) -> Path:
    return folder.with_name(f"{folder.name}.lock")
