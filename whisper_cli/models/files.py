"""Reading small files that anybody may have put there."""

import errno
import os
import stat
from pathlib import Path


def read_regular(path: Path, maximum: int) -> bytes:
    """Read a regular file of at most `maximum` bytes, without ever waiting for it.

    Raises OSError, also for a pipe or a device, and for a file that is longer.
    """
    # Without it, opening a named pipe waits for somebody who writes into it.
    fd = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        raise OSError(errno.EINVAL, "no regular file", str(path))
    with os.fdopen(fd, "rb") as file:
        data = file.read(maximum + 1)
    if len(data) > maximum:
        raise OSError(errno.EFBIG, "the file is too big", str(path))
    return data
