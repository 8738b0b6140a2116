"""The thread that keeps the journal of a part file up to date."""

import time
from threading import Lock, Thread

from whisper_cli.download.engines.board import Board
from whisper_cli.download.failures import disk_error
from whisper_cli.download.journal import Journal
from whisper_cli.download.transfer import Job

_NOTE_EVERY, _SYNC_EVERY = 0.5, 1.0


class Keeper(Thread):
    """Note twice a second what is written, and every few seconds bring it to the disk.

    A whole file goes there at once, while the rest of it is hashed.
    """

    def __init__(self, board: Board, journal: Journal, job: Job, chunk: int) -> None:
        super().__init__(name="journal", daemon=True)
        self._board, self._journal, self._job = board, journal, job
        self._lock = Lock()
        self._chunk, self._since = chunk, 0

    def wrote(self, count: int) -> None:
        """Count bytes; note what is written after each chunk, however long the piece is."""
        self._since += count
        if self._since >= self._chunk:
            self._since = 0
            self.note()

    def note(self) -> None:
        """Note what is written; called at the end of every piece, so that a kill costs no more."""
        try:
            with self._lock:
                self._journal.note(self._board.extents())
        except OSError as error:
            self._board.fail(disk_error(self._job.part, error))

    def run(self) -> None:
        """Keep the journal until the board has ended."""
        synced_at = time.monotonic()
        while not self._board.ended.wait(_NOTE_EVERY):
            self.note()
            if time.monotonic() - synced_at >= _SYNC_EVERY:
                self._sync()
                synced_at = time.monotonic()
        self.note()
        if self._board.done == self._job.size:
            self._sync()

    def _sync(self) -> None:
        try:
            self._journal.sync(self._board.extents())
        except OSError as error:
            self._board.fail(disk_error(self._job.part, error))
