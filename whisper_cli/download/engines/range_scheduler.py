"""Which connection fetches which bytes: the one state that all connections of a file share."""

import statistics
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from threading import Condition, Event

from whisper_cli.download.engines.mirror import ChangedError, MirrorConnection, ReplacedError
from whisper_cli.download.http import BrokenError, ConnectFailed
from whisper_cli.download.part_file import RangeSet, cut
from whisper_cli.download.retry import PATIENCE, pause
from whisper_cli.download.types import FileTransfer, TransferLimits
from whisper_cli.errors import DownloadError, SourceUnavailable

_FIRST, _MAX_CONNECTIONS, _WINDOW, _FASTER = 4, 16, 0.6, 1.1


class ConnectionCount:
    """Four, and four more while throughput rises by a tenth, up to sixteen; or a fixed number."""

    def __init__(self, fixed: int | None) -> None:
        self.target = fixed or _FIRST
        self.maximum = fixed or _MAX_CONNECTIONS
        self._best = 0.0
        self._idle = 0
        self._seen: tuple[float, int] | None = None

    def update(self, done: int) -> None:
        """Look at the clock and at the bytes that are there; the first call starts the clock."""
        now = time.monotonic()
        since, before = self._seen or (now, done)
        if self._seen and now - since < _WINDOW:
            return
        self._seen = (now, done)
        if now == since or self.target >= self.maximum or self._idle >= 2:
            return
        rate = (done - before) / (now - since)
        faster = rate > self._best * _FASTER
        self._idle = 0 if faster else self._idle + 1
        self._best = max(self._best, rate)
        self.target = min(self.maximum, self.target + 4) if faster else self.target


_GRACE = 1.0  # seconds before a piece without a byte counts as slow
_FIRST_SECONDS = 0.3  # seconds before the first bytes tell a speed
_WORTH = 0.5  # seconds that taking over has to gain


@dataclass(slots=True, eq=False)
class Range:
    """The bytes from `pos` to `end`: `pos` moves as they come, `end` when others take a share.

    `tries` counts the failures since `mark`, the bytes that the whole file had at the last one.
    """

    pos: int
    end: int
    tries: int = 0
    mark: int = -1
    waited: float = 0.0
    ready_at: float = 0.0
    claimed: float = 0.0
    response_at: float = 0.0
    last_read: float = 0.0
    downloaded: int = 0
    close_connection: Callable[[], None] = field(default=lambda: None, repr=False)
    _seen: tuple[float, int] = (0.0, 0)

    @property
    def left(self) -> int:
        """Return how many bytes are still to come."""
        return max(0, self.end - self.pos)

    def acquire(self, close_connection: Callable[[], None]) -> None:
        """Start the clocks for a connection that `close_connection` ends."""
        self.claimed = self.response_at = self.last_read = time.monotonic()
        self.downloaded, self._seen = 0, (self.claimed, 0)
        self.close_connection = close_connection

    def move(self, count: int) -> None:
        """Note bytes that came and are written."""
        self.pos += count
        self.downloaded += count
        self.last_read = time.monotonic()

    def speed(self, expected: float) -> float:
        """Return bytes a second; `expected` while it is too early to tell."""
        age = time.monotonic() - self.response_at
        return (
            expected if age < (_FIRST_SECONDS if self.downloaded else _GRACE) else self.mean_speed
        )

    @property
    def mean_speed(self) -> float:
        """Return bytes a second since the answer came."""
        return self.downloaded / max(time.monotonic() - self.response_at, 0.01)

    def latest(self, seconds: float) -> float | None:
        """Return bytes a second over the last `seconds` or more; None before they have passed."""
        since, before = self._seen
        age = time.monotonic() - since
        if age < seconds:
            return None
        self._seen = (since + age, self.downloaded)
        return (self.downloaded - before) / age


def share(piece: Range, own_speed: float, setup: float) -> int:
    """Return how many of the last bytes of a piece a second connection should take over.

    `own_speed` is in bytes a second, `setup` the seconds to its first byte. Both are to end
    together; 0 when that would gain less than a fifth of the time left or than half a second (what
    is on its way to the first one comes in vain), or under 64 KiB.
    """
    other_speed = piece.speed(own_speed)
    single_time = piece.left / other_speed if other_speed else float("inf")
    both = (
        setup + max(0.0, piece.left - other_speed * setup) / (own_speed + other_speed)
        if own_speed + other_speed
        else setup
    )
    taken = piece.left if not other_speed else min(piece.left, int(own_speed * (both - setup)))
    worth = both < 0.8 * single_time and single_time - both > _WORTH
    return taken if worth and taken >= min(1 << 16, piece.left) else 0


_TRICKLE_AFTER = 5.0  # seconds over which a connection is compared with the others
_MAX_BATCH = 16  # chunks in one request
_LONG = 0.05  # seconds; who waits so long for an answer asks for much at once
_SMALLEST = 1 << 18  # bytes; less isn't asked for at the end of a file


class RestartError(DownloadError):
    """What came so far may be of another content: all of it is to be fetched again."""


class WholeError(DownloadError):
    """The source sends the whole file to whoever asks for a part."""


class RangeScheduler:
    """Hand out pieces, take them back, and note what is there. Every method is thread-safe."""

    def __init__(
        self,
        job: FileTransfer,
        limits: TransferLimits,
        routes: Iterable[MirrorConnection],
        have: RangeSet,
    ) -> None:
        self.connection_count = ConnectionCount(limits.connections)
        self.error: DownloadError | None = None
        self._job, self._limits = job, limits
        self._routes = list(routes)
        self._unused: list[MirrorConnection] = []
        self._reasons: dict[str, DownloadError] = {}
        self._have = have
        self._changed = Condition()
        self._remaining = [Range(*span) for span in cut(have.gaps(job.size), limits.chunk_size)]
        self._active: dict[Range, MirrorConnection] = {}
        self._single = False
        self.finished = Event()
        self._mean_speed = self._setup = 0.0
        self._batch = _MAX_BATCH if any(route.waited > _LONG for route in self._routes) else 1
        if not self._remaining:
            self.finished.set()
        elif not self._routes:
            self._end(DownloadError(f"nobody offers {job.name}"))

    @property
    def done(self) -> int:
        """Return how many bytes are there."""
        return self._have.total

    @property
    def prefix(self) -> int:
        """Return the end of what is there without a gap."""
        with self._changed:
            return self._have.prefix

    @property
    def over(self) -> bool:
        """Tell whether nobody needs to go on."""
        return self.finished.is_set()

    @property
    def connections(self) -> int:
        """Return how many pieces are being fetched."""
        return len(self._active)

    @property
    def sources(self) -> str:
        """Return the labels of the sources that gave something."""
        used = [route.source for route in self._routes if route.downloaded]
        return " + ".join(dict.fromkeys(used or [route.source for route in self._routes]))

    def extents(self) -> tuple[tuple[int, int], ...]:
        """Return what is there now."""
        with self._changed:
            return tuple(self._have)

    def acquire(self, number: int) -> tuple[Range, MirrorConnection] | None:
        """Wait for something to do for connection `number`; None when all is over."""
        with self._changed:
            while not self.over:
                found = self._next(number)
                if found:
                    self._active[found[0]] = found[1]
                    return found
                self._changed.wait(0.1)
            return None

    def begin(self, piece: Range, *, whole: bool) -> None:
        """Note the answer to a claim; one that sends the whole file ends all other pieces.

        Raises WholeError where another source may be able to send parts.
        """
        with self._changed:
            piece.response_at = time.monotonic()
            self._setup = piece.response_at - piece.claimed
            if whole and (piece.pos, piece.end) != (0, self._job.size):
                if len(self._routes) > 1:
                    raise WholeError(f"{self._active[piece].source} sends whole files only")
                self._stream_all(piece)

    def advance(self, piece: Range, count: int) -> None:
        """Note bytes of a piece that are written; those that another took over count once."""
        with self._changed:
            before = self._have.total
            self._have.add(piece.pos, piece.pos + count)
            if route := self._active.get(piece):
                route.downloaded += self._have.total - before
            piece.move(count)
            if self.done == self._job.size:
                self._end()

    def return_range(self, piece: Range, error: DownloadError | None = None) -> None:
        """End a claim; what is left of it is for others, unless this was one failure too many."""
        with self._changed:
            route = self._active.pop(piece)
            if piece.downloaded:
                self._mean_speed = piece.mean_speed
                waited = piece.response_at - piece.claimed
                slow = waited > 0.5 * (time.monotonic() - piece.claimed)
                self._batch = _MAX_BATCH if slow else self._batch
            if piece.left and error and not self.over:
                self._handle_error(piece, route, self._cause(piece, route, error))
            self._put_back(piece)
            self._changed.notify_all()

    def fail(self, error: DownloadError) -> None:
        """End everything with an error."""
        with self._changed:
            self._end(error)

    def close(self) -> None:
        """End everything, and wake those who wait for bytes."""
        with self._changed:
            self.finished.set()
            for piece in self._active:
                piece.close_connection()
            self._changed.notify_all()

    def police(self) -> None:
        """Replace the connections that stall, or that trickle while the others flow."""
        with self._changed:
            latest = {p: s for p in self._active if (s := p.latest(_TRICKLE_AFTER)) is not None}
            floor = statistics.median(latest.values()) / 10 if len(latest) >= 3 else 0.0
            silent = time.monotonic() - self._limits.idle_timeout
            for piece in self._active:
                if piece.last_read < silent or latest.get(piece, floor) < floor:
                    piece.close_connection()

    def _next(self, number: int) -> tuple[Range, MirrorConnection] | None:
        now = time.monotonic()
        free = [route for route in self._routes if route.ready_at <= now]
        if number >= (1 if self._single else self.connection_count.target) or not free:
            return None
        route = min(free, key=list(self._active.values()).count)
        piece = next((piece for piece in self._remaining if piece.ready_at <= now), None)
        if piece:
            self._remaining.remove(piece)
            if self._batch > 1:
                self._extend(piece)
            else:
                self._split_range(piece)
        elif not self._remaining and not self._single:
            piece = self._take_over()
        return (piece, route) if piece else None

    def _extend(self, piece: Range) -> None:
        """Ask for more at once where waiting for the answer takes longer than reading it."""
        left = sum(other.left for other in (piece, *self._remaining, *self._active))
        maximum = min(self._batch * self._limits.chunk_size, left // self.connection_count.target)
        for following in [other for other in self._remaining if other.pos >= piece.end]:
            if following.pos != piece.end or following.tries or piece.left >= maximum:
                break
            self._remaining.remove(following)
            piece.end = following.end

    def _split_range(self, piece: Range) -> None:
        """Hand out ever less towards the end, so that all connections end together.

        Never so little that asking for it would take longer than half of fetching it.
        """
        left = piece.left + sum(other.left for other in self._remaining)
        size = max(
            left // (2 * self.connection_count.target),
            int(2 * self._mean_speed * self._setup),
            _SMALLEST,
        )
        if self._mean_speed and not self._single and piece.left > size:
            self._remaining.insert(0, Range(piece.pos + size, piece.end))
            piece.end = piece.pos + size

    def _take_over(self) -> Range | None:
        expected = max([self._mean_speed, *(piece.speed(0) for piece in self._active)])
        if not expected:
            return None
        candidate = max(
            self._active, key=lambda p: p.left / max(p.speed(expected), 1e-9), default=None
        )
        if candidate is None or (self._limits.limit_rate and candidate.speed(expected)):
            return None
        count = share(candidate, expected, self._setup)
        if not count:
            return None
        candidate.end -= count
        if not candidate.left:
            candidate.close_connection()
        return Range(candidate.end, candidate.end + count)

    def _stream_all(self, piece: Range) -> None:
        self._single = True
        self._remaining.clear()
        for other in self._active:
            if other is not piece:
                other.end = other.pos
                other.close_connection()
        piece.pos, piece.end = self._have.prefix, self._job.size

    def _put_back(self, piece: Range) -> None:
        if self._single:
            piece.pos, piece.end = self._have.prefix, self._job.size
        if piece.left and not (self._single and (self._remaining or self._active)):
            self._remaining.insert(0, piece)

    def _cause(self, piece: Range, route: MirrorConnection, error: DownloadError) -> DownloadError:
        silence = time.monotonic() - piece.last_read
        if isinstance(error, BrokenError) and silence >= self._limits.idle_timeout:
            return BrokenError(f"{route.source} stalled: no byte of {self._job.name} came in time")
        return error

    def _handle_error(self, piece: Range, route: MirrorConnection, error: DownloadError) -> None:
        if isinstance(error, WholeError):
            self._unused.append(route)
            self._drop(route, error)
        elif isinstance(error, ReplacedError) or (
            isinstance(error, ChangedError) and route.downloaded
        ):
            self._end(RestartError(error.message))
        elif isinstance(error, ChangedError) or not getattr(error, "temporary", True):
            self._drop(route, error)
        elif isinstance(error, ConnectFailed) and not route.downloaded and len(self._routes) > 1:
            self._drop(route, error)  # passed over, as long as others can serve
        else:
            self._handle_temporary(piece, route, error)

    def _handle_temporary(
        self, piece: Range, route: MirrorConnection, error: DownloadError
    ) -> None:
        requested_wait = getattr(error, "wait", None)
        if self.done > piece.mark:
            piece.tries, piece.mark, piece.waited = 0, self.done, 0.0
        piece.tries += requested_wait is None
        wait = (
            0.1
            if piece.downloaded and requested_wait is None
            else pause(max(0, piece.tries - 1), requested_wait)
        )
        piece.waited += wait
        piece.ready_at = time.monotonic() + wait
        if piece.tries > self._limits.tries or piece.waited > PATIENCE:
            piece.tries, piece.waited = 0, 0.0
            self._drop(route, error)
        elif requested_wait is not None:
            route.rest(wait)

    def _drop(self, route: MirrorConnection, error: DownloadError) -> None:
        if route not in self._routes:
            return
        self._reasons[route.source] = error
        self._routes.remove(route)
        if not self._routes and self._unused:
            self._routes.append(self._unused.pop())
        elif not self._routes:
            self._end(_summary(self._job.name, self._reasons))

    def _end(self, error: DownloadError | None = None) -> None:
        self.error = self.error or error
        self.finished.set()
        self._changed.notify_all()


def _summary(name: str, reasons: dict[str, DownloadError]) -> DownloadError:
    if len(reasons) == 1:
        return next(iter(reasons.values()))
    message = "; ".join(f"{source}: {error.message}" for source, error in reasons.items())
    hint = "run it again to continue"
    return SourceUnavailable(f"no source could give {name}: {message}", hint=hint)
