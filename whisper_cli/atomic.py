"""Small files that are there whole or not at all."""

import os
import secrets
import stat
from contextlib import suppress
from pathlib import Path


def write_text(path: Path, text: str, *, durable: bool = False) -> None:
    """Replace a file by UTF-8 text, so that who reads it finds the old text or the new.

    A `durable` one is on the disk before it takes its name. What fails leaves nothing beside. A
    link at `path` is replaced, not followed. Raises OSError.
    """
    new = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    file = new.open("x", encoding="utf-8")
    try:
        with file:
            file.write(text)
            if durable:
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
