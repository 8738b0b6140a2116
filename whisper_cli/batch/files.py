"""What writing a file bit by bit takes: all of the bytes, and nobody else at it."""

from io import FileIO


def write_all(file: FileIO, data: bytes) -> None:
    """Write everything: an unbuffered write may take a part, and fails only the next time."""
    while data:
        data = data[file.write(data) or 0 :]


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
