"""Files written whole or not at all, and files that only one process writes at a time."""

import hashlib
import os
import secrets
import shutil
import stat
from collections.abc import Callable, Iterable
from contextlib import suppress
from io import FileIO
from pathlib import Path
from typing import Protocol

from whisper_cli.errors import OutputError

_TRIES = 10  # a file may be renamed or made by another process between two steps of ours
_SAFE_FLAGS = (
    getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
)


_NAME_MAX = 255  # bytes of a name where the system doesn't tell
_HEAD = 60  # bytes of a long name that its short one begins with


def beside(path: Path, suffix: str) -> Path:
    """Name what is kept beside a file: its name and `suffix`, or a short name of its own.

    The short one, where the other would be longer than the file system takes, holds a hash.
    """
    name = os.fsencode(path.name)
    if len(name) + len(os.fsencode(suffix)) <= _longest_name(path.parent):
        return path.with_name(path.name + suffix)
    head, digest = name[:_HEAD].decode(errors="ignore"), hashlib.sha256(name).hexdigest()[:16]
    return path.with_name(f"{head}~{digest}{suffix}")


def _longest_name(folder: Path) -> int:
    """Ask how many bytes a name may have; of a folder that isn't there yet, one above it."""
    for place in (folder, *folder.parents):
        try:
            return os.pathconf(place, "PC_NAME_MAX")
        except FileNotFoundError:
            continue
        except (AttributeError, OSError, ValueError):
            break
    return _NAME_MAX


def write_all(file: FileIO, data: bytes) -> None:
    """Write everything: an unbuffered write may take a part, and fails only the next time."""
    while data:
        data = data[file.write(data) or 0 :]


def opened(path: Path, flags: int = os.O_RDONLY) -> FileIO:
    """Open a regular file that is there, and follow no link.

    Raises OSError, and OutputError for a link, a pipe, a device, a file with several names, and
    another user's file where others may write.
    """
    if not _is_plain(os.lstat(path)):
        raise _foreign(path)
    file = FileIO(os.open(path, flags | _SAFE_FLAGS), "r+" if flags & os.O_RDWR else "r")
    known = os.fstat(file.fileno())
    if _is_plain(known) and not _is_of_another(known, path.parent):
        return file
    file.close()
    raise _foreign(path)


class FileList(Protocol):
    """Remembers which files we made."""

    def contains(self, path: Path, file: FileIO) -> bool:
        """Say whether the open file at `path` is one that we made, or wrote to its end."""
        ...

    def add_file(self, path: Path, file: FileIO) -> None:
        """Note a file that was just made, and will be worked on."""
        ...


def acquire(path: Path, output_index: FileList, owned: Callable[[FileIO], bool]) -> FileIO | None:
    """Open a file to be worked on, for us alone; None where another process works on it.

    It is made anew, or taken over where it is empty, or where the ledger or `owned` says that we
    made it. Raises OSError, and OutputError for what is somebody else's.
    """
    for _ in range(_TRIES):
        file = _create_or_open(path)
        if file is None:
            continue
        if not locked(file):
            file.close()
            return None
        if not is_at(path, file):  # it has got its final name meanwhile
            file.close()
            continue
        if os.fstat(file.fileno()).st_size and not (
            output_index.contains(path, file) or owned(file)
        ):
            file.close()
            raise _foreign(path)
        output_index.add_file(path, file)
        return file
    return None


def is_at(path: Path, file: FileIO) -> bool:
    """Say whether a name still is that of an open file."""
    try:
        return os.path.samestat(os.lstat(path), os.fstat(file.fileno()))
    except FileNotFoundError:
        return False


def locked(file: FileIO) -> bool:
    """Keep other processes away; False where one is there. Without locks nobody is."""
    try:
        import fcntl

        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except (ImportError, OSError):
        pass  # a system or a file system without locks
    return True


def _create_or_open(path: Path) -> FileIO | None:
    """Open a file for writing; None where it came or went at this moment."""
    if os.path.lexists(path):
        with suppress(FileNotFoundError):
            return opened(path, os.O_RDWR)
        return None
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | _SAFE_FLAGS
    with suppress(FileExistsError):
        return FileIO(os.open(path, flags, 0o666), "r+")
    return None


def _is_plain(known: os.stat_result) -> bool:
    return stat.S_ISREG(known.st_mode) and known.st_nlink <= 1


def _is_of_another(known: os.stat_result, folder: Path) -> bool:
    """Tell what another user may have put in our way, where more than one may write.

    In a folder of ours alone a file may belong to somebody else: some network disks have it so.
    """
    if not hasattr(os, "geteuid") or known.st_uid == os.geteuid():
        return False
    return bool(folder.stat().st_mode & (stat.S_IWGRP | stat.S_IWOTH))


def _foreign(path: Path) -> OutputError:
    return OutputError(
        f"{path} was not written by whisper-cli: kept",
        hint="move it away, or name another place with -o",
    )


def write_text(path: Path, text: str, *, sync: bool = False) -> None:
    """Replace a file by UTF-8 text, so that who reads it finds the old text or the new.

    A `sync` one is on the disk before it takes its name. What fails leaves nothing beside. A
    link at `path` is replaced, not followed. Raises OSError.
    """
    new = beside(path, f".{secrets.token_hex(4)}")
    file = new.open("x", encoding="utf-8")
    try:
        with file:
            file.write(text)
            if sync:
                file.flush()
                os.fsync(file.fileno())
        new.replace(path)
    finally:
        with suppress(OSError):  # mostly: it has its name by now
            new.unlink()


def is_regular(path: Path) -> bool:
    """Say whether a regular file stands at `path` itself, and no link, pipe or device."""
    try:
        return stat.S_ISREG(os.lstat(path).st_mode)
    except OSError:
        return False


def lock_path(folder: Path) -> Path:
    """Name the lock whose holder is the process that a folder belongs to."""
    return folder.with_name(f"{folder.name}.lock")


def remove_stale(folders: Iterable[Path]) -> None:
    """Remove folders of processes that are dead: the lock beside each is free then."""
    from filelock import FileLock, Timeout

    for folder in folders:
        with suppress(Timeout, OSError), FileLock(lock_path(folder), blocking=False):
            shutil.rmtree(folder, ignore_errors=True)
            lock_path(folder).unlink(missing_ok=True)
