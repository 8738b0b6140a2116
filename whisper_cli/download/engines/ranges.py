"""Our own engine: many ranges at once, from several sources, resumed after anything."""

from collections.abc import Iterator
from dataclasses import replace
from threading import Event

from whisper_cli.download.checksum import Checksum, bad_pieces
from whisper_cli.download.engines.mirror import MirrorConnection
from whisper_cli.download.engines.range_scheduler import RangeScheduler, RestartError
from whisper_cli.download.engines.range_worker import BUFFER, JournalThread, RangeWorker, Throttle
from whisper_cli.download.errors import disk_error, wrong_bytes
from whisper_cli.download.part_file import Extents, PartJournal
from whisper_cli.download.types import FileTransfer, Phase, Progress, RemoteFile, TransferLimits
from whisper_cli.errors import DownloadError

_TICK = 0.1
_MOST_RESTARTS = 2


class Ranges:
    """Pull by ranges; jobs fetched through one instance share the limit of bytes a second."""

    def __init__(self) -> None:
        self._rate = Throttle()

    def fetch(self, job: FileTransfer, limits: TransferLimits, stop: Event) -> Iterator[Progress]:
        """Bring the file to `job.part`, see Transfer."""
        self._rate.rate = limits.limit_rate
        have = PartJournal(job).read()
        restarts, repaired = 0, False
        while True:
            run = RangeRun(job, limits, self._rate, have)
            try:
                yield from run.follow(stop)
                wrong = run.mismatch()
                if stop.is_set() or not wrong:
                    return
                if repaired:
                    raise wrong_bytes(job, *wrong)
                repaired, have = True, _believable(job)
                job = replace(job, offers=_trusted(job))
            except RestartError as error:
                if (restarts := restarts + 1) > _MOST_RESTARTS:
                    raise DownloadError(error.message, hint="try again later") from error
                have = Extents()


class RangeRun:
    """One go at a file: connections, journal and hash side by side."""

    def __init__(
        self, job: FileTransfer, limits: TransferLimits, rate: Throttle, have: Extents
    ) -> None:
        self._job, self._limits, self._rate = job, limits, rate
        self._resumed = have.total
        routes = [MirrorConnection(offer, job.size) for offer in job.offers]
        self._board = RangeScheduler(job, limits, routes, have)
        try:
            journal = PartJournal(job, self._board.sources)
            journal.start(have)
            self._checksum = Checksum(job)
        except OSError as error:
            raise disk_error(job.part, error) from error
        self._keeper = JournalThread(self._board, journal, job, limits.chunk_size)
        self._crew: list[RangeWorker] = []

    def mismatch(self) -> tuple[str, str] | None:
        """Return (expected, got) where the hash of the whole file is wrong."""
        return self._checksum.mismatch()

    def follow(self, stop: Event) -> Iterator[Progress]:
        """Fetch what is missing and hash everything, telling how it goes."""
        self._keeper.start()
        try:
            yield from self._download(stop)
            yield from self._verify(stop)
        finally:
            self._board.close()
            self._keeper.join()
            for worker in self._crew:
                worker.join(0.5)  # one that is still connecting ends by itself, and writes nothing
            self._checksum.close()

    def _download(self, stop: Event) -> Iterator[Progress]:
        board = self._board
        while not (board.ended.is_set() or stop.is_set()):
            board.ramp.tick(board.done)
            board.police()
            self._hire()
            dead = not any(worker.is_alive() for worker in self._crew)
            if dead and not board.ended.is_set():
                raise RuntimeError("no connection thread is left")  # a bug, told on stderr by each
            self._checksum.advance(board.front)
            yield self._progress(Phase.download, board.done)
            board.ended.wait(_TICK)
        if board.error and not stop.is_set():
            raise board.error
        yield self._progress(Phase.download, board.done)

    def _verify(self, stop: Event) -> Iterator[Progress]:
        self._checksum.advance(self._board.front)
        try:
            while not (stop.is_set() or self._checksum.wait(_TICK)):
                yield self._progress(Phase.verify, self._checksum.done)
        except OSError as error:
            raise disk_error(self._job.part, error) from error
        if not stop.is_set():
            yield self._progress(Phase.verify, self._checksum.done)

    def _hire(self) -> None:
        wanted = min(self._board.ramp.wanted, 1 + (self._job.size - self._resumed) // BUFFER)
        while len(self._crew) < wanted:
            number, part, stall = len(self._crew), self._job.part, self._limits.stall
            worker = RangeWorker(number, self._board, self._keeper, part, self._rate, stall)
            worker.start()
            self._crew.append(worker)

    def _progress(self, phase: Phase, done: int) -> Progress:
        board = self._board
        return Progress(
            self._job.name,
            phase,
            board.sources,
            done,
            self._job.size,
            board.connections,
            self._resumed,
        )


def _trusted(job: FileTransfer) -> tuple[RemoteFile, ...]:
    """Return the offers to ask again after wrong bytes: not the neighbours, if there are others."""
    return tuple(offer for offer in job.offers if offer.trusted) or job.offers


def _believable(job: FileTransfer) -> Extents:
    """Return what need not be fetched again: the pieces known to be right, where hashes are."""
    if not job.pieces:
        return Extents()
    return Extents([(0, job.size)]).without(bad_pieces(job.part, job.pieces))
