"""Our own engine: many ranges at once, from several sources, resumed after anything."""

from collections.abc import Iterator
from dataclasses import replace
from threading import Event

from whisper_cli.download.checksum import Checksum, bad_pieces
from whisper_cli.download.engines.mirror import MirrorConnection
from whisper_cli.download.engines.range_scheduler import RangeScheduler, RestartError
from whisper_cli.download.engines.range_worker import BUFFER, JournalThread, RangeWorker, Throttle
from whisper_cli.download.errors import checksum_error, disk_error
from whisper_cli.download.part_file import PartJournal, RangeSet
from whisper_cli.download.types import FileTransfer, Phase, Progress, RemoteFile, TransferLimits
from whisper_cli.errors import DownloadError

_POLL_SECONDS = 0.1
_MAX_ATTEMPTS = 2


class Ranges:
    """Pull by ranges; jobs fetched through one instance share the limit of bytes a second."""

    def __init__(self) -> None:
        self._rate = Throttle()

    def fetch(self, job: FileTransfer, limits: TransferLimits, stop: Event) -> Iterator[Progress]:
        """Bring the file to `job.part`, see Transfer."""
        self._rate.rate = limits.limit_rate
        have = PartJournal(job).read()
        attempts, repaired = 0, False
        while True:
            run = RangeRun(job, limits, self._rate, have)
            try:
                yield from run.follow(stop)
                mismatch = run.mismatch()
                if stop.is_set() or not mismatch:
                    return
                if repaired:
                    raise checksum_error(job, *mismatch)
                repaired, have = True, _believable(job)
                job = replace(job, remote_files=_trusted(job))
            except RestartError as error:
                if (attempts := attempts + 1) > _MAX_ATTEMPTS:
                    raise DownloadError(error.message, hint="try again later") from error
                have = RangeSet()


class RangeRun:
    """One go at a file: connections, journal and hash side by side."""

    def __init__(
        self, job: FileTransfer, limits: TransferLimits, rate: Throttle, have: RangeSet
    ) -> None:
        self._job, self._limits, self._rate = job, limits, rate
        self._resumed = have.total
        routes = [MirrorConnection(remote_file, job.size) for remote_file in job.remote_files]
        self._range_scheduler = RangeScheduler(job, limits, routes, have)
        try:
            journal = PartJournal(job, self._range_scheduler.sources)
            journal.start(have)
            self._checksum = Checksum(job)
        except OSError as error:
            raise disk_error(job.part, error) from error
        self._journal_thread = JournalThread(self._range_scheduler, journal, job, limits.chunk_size)
        self._range_workers: list[RangeWorker] = []

    def mismatch(self) -> tuple[str, str] | None:
        """Return (expected, got) where the hash of the whole file is wrong."""
        return self._checksum.mismatch()

    def follow(self, stop: Event) -> Iterator[Progress]:
        """Fetch what is missing and hash everything, telling how it goes."""
        self._journal_thread.start()
        try:
            yield from self._download(stop)
            yield from self._verify(stop)
        finally:
            self._range_scheduler.close()
            self._journal_thread.join()
            for worker in self._range_workers:
                worker.join(0.5)  # one that is still connecting ends by itself, and writes nothing
            self._checksum.close()

    def _download(self, stop: Event) -> Iterator[Progress]:
        range_scheduler = self._range_scheduler
        while not (range_scheduler.finished.is_set() or stop.is_set()):
            range_scheduler.connection_count.update(range_scheduler.done)
            range_scheduler.police()
            self._hire()
            dead = not any(worker.is_alive() for worker in self._range_workers)
            if dead and not range_scheduler.finished.is_set():
                raise RuntimeError("no connection thread is left")  # a bug, told on stderr by each
            self._checksum.advance(range_scheduler.prefix)
            yield self._progress(Phase.download, range_scheduler.done)
            range_scheduler.finished.wait(_POLL_SECONDS)
        if range_scheduler.error and not stop.is_set():
            raise range_scheduler.error
        yield self._progress(Phase.download, range_scheduler.done)

    def _verify(self, stop: Event) -> Iterator[Progress]:
        self._checksum.advance(self._range_scheduler.prefix)
        try:
            while not (stop.is_set() or self._checksum.wait(_POLL_SECONDS)):
                yield self._progress(Phase.verify, self._checksum.done)
        except OSError as error:
            raise disk_error(self._job.part, error) from error
        if not stop.is_set():
            yield self._progress(Phase.verify, self._checksum.done)

    def _hire(self) -> None:
        target = min(
            self._range_scheduler.connection_count.target,
            1 + (self._job.size - self._resumed) // BUFFER,
        )
        while len(self._range_workers) < target:
            number, part, idle_timeout = (
                len(self._range_workers),
                self._job.part,
                self._limits.idle_timeout,
            )
            worker = RangeWorker(
                number, self._range_scheduler, self._journal_thread, part, self._rate, idle_timeout
            )
            worker.start()
            self._range_workers.append(worker)

    def _progress(self, phase: Phase, done: int) -> Progress:
        range_scheduler = self._range_scheduler
        return Progress(
            self._job.name,
            phase,
            range_scheduler.sources,
            done,
            self._job.size,
            range_scheduler.connections,
            self._resumed,
        )


def _trusted(job: FileTransfer) -> tuple[RemoteFile, ...]:
    """Return the offers to ask again after wrong bytes: not the neighbours, if there are others."""
    return (
        tuple(remote_file for remote_file in job.remote_files if remote_file.trusted)
        or job.remote_files
    )


def _believable(job: FileTransfer) -> RangeSet:
    """Return what need not be fetched again: the pieces known to be right, where hashes are."""
    if not job.pieces:
        return RangeSet()
    return RangeSet([(0, job.size)]).without(bad_pieces(job.part, job.pieces))
