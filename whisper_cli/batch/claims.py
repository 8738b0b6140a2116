"""Who writes which outputs now: a run waits for another one that works on the same."""

import hashlib
import logging
import os
import threading
import time
from io import FileIO
from pathlib import Path

logger = logging.getLogger("whisper_cli")

_POLL_SECONDS = 0.1  # seconds between two looks at whether the other run is done


class Claims:
    """The claims of a run's jobs, each a locked byte of `file`, where other processes see them.

    They go with the process. Where there are no locks, or no file can be made, nobody waits.
    """

    def __init__(self, file: Path) -> None:
        self._path = file
        self._file: FileIO | None = None
        self._held: dict[int, int] = {}  # places in the file, by the number of the job
        self._turn = threading.Lock()
        self._reported = self._closed = False

    def take(self, number: int, name: str, output: str) -> None:
        """Claim what is written to `output` of the input called `name`, once nobody else has it."""
        digest = hashlib.sha256(os.fsencode(os.path.realpath(output))).digest()
        offset = int.from_bytes(digest[:7])  # below what file systems take for a size
        while not self._taken(number, offset):
            if not self._reported:
                logger.warning(
                    "another run writes the outputs of %s: waiting until it is done", name
                )
            self._reported = True
            time.sleep(_POLL_SECONDS)

    def leave(self, number: int) -> None:
        """Let others have what a job claimed, if it did."""
        with self._turn:
            offset = self._held.pop(number, None)
            if offset is not None and self._file is not None:
                _unlock(self._file, offset)

    def close(self) -> None:
        """Let go of all; whoever waits goes on without."""
        with self._turn:
            self._closed = True
            self._held.clear()
            if self._file is not None:
                self._file.close()
            self._file = None

    def _taken(self, number: int, offset: int) -> bool:
        with self._turn:
            if self._closed or number in self._held:
                return True
            if offset in self._held.values() or not self._locked(offset):
                return False
            self._held[number] = offset
            return True

    def _locked(self, offset: int) -> bool:
        """Lock a byte; False where another process has it."""
        try:
            import fcntl

            if self._file is None:
                self._path.parent.mkdir(parents=True, exist_ok=True)
                self._file = FileIO(self._path, "a")
            fcntl.lockf(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, offset)
        except (BlockingIOError, PermissionError):
            return self._file is None  # a file that can't be opened; else the byte is taken
        except (ImportError, OSError):
            pass
        return True


def _unlock(file: FileIO, offset: int) -> None:
    try:
        import fcntl

        fcntl.lockf(file, fcntl.LOCK_UN, 1, offset)
    except (ImportError, OSError):
        pass
