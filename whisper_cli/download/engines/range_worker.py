"""The threads that fetch ranges, the thread that records them, the limit they share."""

import os
import time
from pathlib import Path
from threading import Event, Lock, Thread

from whisper_cli.download.engines.mirror import Body, MirrorConnection
from whisper_cli.download.engines.range_scheduler import Range, RangeScheduler
from whisper_cli.download.errors import disk_error
from whisper_cli.download.http import BrokenError, Client, public
from whisper_cli.download.part_file import PartJournal
from whisper_cli.download.types import FileTransfer
from whisper_cli.errors import DownloadError


class Throttle:
    """Let `rate` bytes a second through; None is no limit."""

    def __init__(self) -> None:
        self.rate: int | None = None
        self._free_at = 0.0
        self._lock = Lock()

    def take(self, count: int, stop: Event) -> None:
        """Account for bytes that came, and wait as long as they should have taken."""
        if not self.rate:
            return
        with self._lock:
            now = time.monotonic()
            self._free_at = max(self._free_at, now - 0.05) + count / self.rate
            wait = self._free_at - now
        if wait > 0:
            stop.wait(wait)


_NOTE_EVERY, _SYNC_EVERY = 0.5, 1.0


class JournalThread(Thread):
    """Note twice a second what is written, and every few seconds bring it to the disk.

    A whole file goes there at once, while the rest of it is hashed.
    """

    def __init__(
        self, range_scheduler: RangeScheduler, journal: PartJournal, job: FileTransfer, chunk: int
    ) -> None:
        super().__init__(name="journal", daemon=True)
        self._range_scheduler, self._journal, self._job = range_scheduler, journal, job
        self._lock = Lock()
        self._chunk, self._since = chunk, 0

    def written(self, count: int) -> None:
        """Count bytes; note what is written after each chunk, however long the piece is."""
        self._since += count
        if self._since >= self._chunk:
            self._since = 0
            self.note()

    def note(self) -> None:
        """Note what is written; called at the end of every piece, so that a kill costs no more."""
        try:
            with self._lock:
                self._journal.note(self._range_scheduler.extents())
        except OSError as error:
            self._range_scheduler.fail(disk_error(self._job.part, error))

    def run(self) -> None:
        """Keep the journal until the board has ended."""
        synced_at = time.monotonic()
        while not self._range_scheduler.finished.wait(_NOTE_EVERY):
            self.note()
            if time.monotonic() - synced_at >= _SYNC_EVERY:
                self._sync()
                synced_at = time.monotonic()
        self.note()
        if self._range_scheduler.done == self._job.size:
            self._sync()

    def _sync(self) -> None:
        try:
            self._journal.sync(self._range_scheduler.extents())
        except OSError as error:
            self._range_scheduler.fail(disk_error(self._job.part, error))


BUFFER = 1 << 18
"""Bytes that each connection holds in memory."""


class RangeWorker(Thread):
    """One connection; it opens the part file itself, for none may write to a number used anew."""

    def __init__(
        self,
        number: int,
        range_scheduler: RangeScheduler,
        journal_thread: JournalThread,
        part: Path,
        rate: Throttle,
        idle_timeout: float,
    ) -> None:
        super().__init__(name=f"fetch-{number}", daemon=True)
        self._number, self._range_scheduler, self._journal_thread = (
            number,
            range_scheduler,
            journal_thread,
        )
        self._part, self._rate = part, rate
        self._client = Client(read_timeout=idle_timeout)
        self._step = min(BUFFER, max(4096, rate.rate // 20)) if rate.rate else BUFFER

    def run(self) -> None:
        """Fetch until the board has nothing more to do."""
        buffer = memoryview(bytearray(BUFFER))
        try:
            fd = os.open(self._part, os.O_WRONLY | getattr(os, "O_NOFOLLOW", 0))
        except OSError as error:
            return self._range_scheduler.fail(disk_error(self._part, error))
        try:
            while claimed := self._range_scheduler.acquire(self._number):
                self._fetch(*claimed, fd, buffer)
                self._journal_thread.note()
        finally:
            os.close(fd)
            self._client.close()

    def _fetch(self, piece: Range, route: MirrorConnection, fd: int, buffer: memoryview) -> None:
        piece.acquire(self._client.cut)
        try:
            body = route.open(self._client, piece.pos, piece.end)
            self._range_scheduler.begin(piece, whole=body.whole)
            try:
                self._stream(body, piece, fd, buffer)
            finally:
                self._client.release(body.response)
        except DownloadError as error:
            self._range_scheduler.return_range(piece, error)
        except OSError as error:
            self._range_scheduler.fail(disk_error(self._part, error))
            self._range_scheduler.return_range(piece)
        else:
            self._range_scheduler.return_range(piece)

    def _stream(self, body: Body, piece: Range, fd: int, buffer: memoryview) -> None:
        at = body.start
        while piece.left and at < body.end and not self._range_scheduler.over:
            count = self._client.read(body.response, buffer[: min(self._step, body.end - at)])
            if not count:
                raise BrokenError(f"{public(body.response.url)}: ended at byte {at} of {body.end}")
            skip = piece.pos - at  # a whole file begins with bytes that are there already
            if skip < count:
                self._write(piece, buffer[max(0, skip) : count], fd)
            at += count
            self._rate.take(count, self._range_scheduler.finished)
            self._journal_thread.written(count)

    def _write(self, piece: Range, data: memoryview, fd: int) -> None:
        data = data[: piece.left]
        pos = piece.pos
        while data:
            pos += (written := os.pwrite(fd, data, pos))
            data = data[written:]
        self._range_scheduler.advance(piece, pos - piece.pos)
