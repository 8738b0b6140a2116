"""Which connection fetches which bytes: the one state that all connections of a file share."""

import statistics
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from threading import Condition, Event

from whisper_cli.download.engines.mirror import ChangedError, MirrorConnection, ReplacedError
from whisper_cli.download.http import BrokenError, Unreachable
from whisper_cli.download.part_file import Extents, cut
from whisper_cli.download.retry import PATIENCE, pause
from whisper_cli.download.types import FileTransfer, TransferLimits
from whisper_cli.errors import DownloadError, SourceUnavailable

_FIRST, _MOST, _WINDOW, _GAIN = 4, 16, 0.6, 1.1


class ConnectionRamp:
    """Four, and four more while throughput rises by a tenth, up to sixteen; or a fixed number."""

    def __init__(self, fixed: int | None) -> None:
        self.wanted = fixed or _FIRST
        self.most = fixed or _MOST
        self._best = 0.0
        self._idle = 0
        self._seen: tuple[float, int] | None = None

    def tick(self, done: int) -> None:
        """Look at the clock and at the bytes that are there; the first call starts the clock."""
        now = time.monotonic()
        since, before = self._seen or (now, done)
        if self._seen and now - since < _WINDOW:
            return
        self._seen = (now, done)
        if now == since or self.wanted >= self.most or self._idle >= 2:
            return
        rate = (done - before) / (now - since)
        rose = rate > self._best * _GAIN
        self._idle = 0 if rose else self._idle + 1
        self._best = max(self._best, rate)
        self.wanted = min(self.most, self.wanted + 4) if rose else self.wanted


_GRACE = 1.0  # seconds before a piece without a byte counts as slow
_SOON = 0.3  # seconds before the first bytes tell a speed
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
    answered: float = 0.0
    heard: float = 0.0
    received: int = 0
    hang_up: Callable[[], None] = field(default=lambda: None, repr=False)
    _seen: tuple[float, int] = (0.0, 0)

    @property
    def left(self) -> int:
        """Return how many bytes are still to come."""
        return max(0, self.end - self.pos)

    def claim(self, hang_up: Callable[[], None]) -> None:
        """Start the clocks for a connection that `hang_up` ends."""
        self.claimed = self.answered = self.heard = time.monotonic()
        self.received, self._seen = 0, (self.claimed, 0)
        self.hang_up = hang_up

    def move(self, count: int) -> None:
        """Note bytes that came and are written."""
        self.pos += count
        self.received += count
        self.heard = time.monotonic()

    def speed(self, expected: float) -> float:
        """Return bytes a second; `expected` while it is too early to tell."""
        age = time.monotonic() - self.answered
        return expected if age < (_SOON if self.received else _GRACE) else self.pace

    @property
    def pace(self) -> float:
        """Return bytes a second since the answer came."""
        return self.received / max(time.monotonic() - self.answered, 0.01)

    def recent(self, seconds: float) -> float | None:
        """Return bytes a second over the last `seconds` or more; None before they have passed."""
        since, before = self._seen
        age = time.monotonic() - since
        if age < seconds:
            return None
        self._seen = (since + age, self.received)
        return (self.received - before) / age


def share(piece: Range, mine: float, setup: float) -> int:
    """Return how many of the last bytes of a piece a second connection should take over.

    `mine` is its speed in bytes a second, `setup` the seconds to its first byte. Both are to end
    together; 0 when that would gain less than a fifth of the time left or than half a second (what
    is on its way to the first one comes in vain), or under 64 KiB.
    """
    his = piece.speed(mine)
    alone = piece.left / his if his else float("inf")
    both = setup + max(0.0, piece.left - his * setup) / (mine + his) if mine + his else setup
    taken = piece.left if not his else min(piece.left, int(mine * (both - setup)))
    worth = both < 0.8 * alone and alone - both > _WORTH
    return taken if worth and taken >= min(1 << 16, piece.left) else 0


_TRICKLE_AFTER = 5.0  # seconds over which a connection is compared with the others
_MOST_AT_ONCE = 16  # chunks in one request
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
        have: Extents,
    ) -> None:
        self.connection_ramp = ConnectionRamp(limits.connections)
        self.error: DownloadError | None = None
        self._job, self._limits = job, limits
        self._routes = list(routes)
        self._spare: list[MirrorConnection] = []
        self._reasons: dict[str, DownloadError] = {}
        self._have = have
        self._changed = Condition()
        self._todo = [Range(*span) for span in cut(have.gaps(job.size), limits.chunk_size)]
        self._active: dict[Range, MirrorConnection] = {}
        self._single = False
        self.ended = Event()
        self._pace = self._setup = 0.0
        self._batch = _MOST_AT_ONCE if any(route.waited > _LONG for route in self._routes) else 1
        if not self._todo:
            self.ended.set()
        elif not self._routes:
            self._end(DownloadError(f"nobody offers {job.name}"))

    @property
    def done(self) -> int:
        """Return how many bytes are there."""
        return self._have.total

    @property
    def front(self) -> int:
        """Return the end of what is there without a gap."""
        with self._changed:
            return self._have.front

    @property
    def over(self) -> bool:
        """Tell whether nobody needs to go on."""
        return self.ended.is_set()

    @property
    def connections(self) -> int:
        """Return how many pieces are being fetched."""
        return len(self._active)

    @property
    def sources(self) -> str:
        """Return the labels of the sources that gave something."""
        used = [route.source for route in self._routes if route.received]
        return " + ".join(dict.fromkeys(used or [route.source for route in self._routes]))

    def extents(self) -> tuple[tuple[int, int], ...]:
        """Return what is there now."""
        with self._changed:
            return tuple(self._have)

    def claim(self, number: int) -> tuple[Range, MirrorConnection] | None:
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
            piece.answered = time.monotonic()
            self._setup = piece.answered - piece.claimed
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
                route.received += self._have.total - before
            piece.move(count)
            if self.done == self._job.size:
                self._end()

    def give_back(self, piece: Range, error: DownloadError | None = None) -> None:
        """End a claim; what is left of it is for others, unless this was one failure too many."""
        with self._changed:
            route = self._active.pop(piece)
            if piece.received:
                self._pace = piece.pace
                waited = piece.answered - piece.claimed
                slow = waited > 0.5 * (time.monotonic() - piece.claimed)
                self._batch = _MOST_AT_ONCE if slow else self._batch
            if piece.left and error and not self.over:
                self._judge(piece, route, self._cause(piece, route, error))
            self._put_back(piece)
            self._changed.notify_all()

    def fail(self, error: DownloadError) -> None:
        """End everything with an error."""
        with self._changed:
            self._end(error)

    def close(self) -> None:
        """End everything, and wake those who wait for bytes."""
        with self._changed:
            self.ended.set()
            for piece in self._active:
                piece.hang_up()
            self._changed.notify_all()

    def police(self) -> None:
        """Replace the connections that stall, or that trickle while the others flow."""
        with self._changed:
            recent = {p: s for p in self._active if (s := p.recent(_TRICKLE_AFTER)) is not None}
            floor = statistics.median(recent.values()) / 10 if len(recent) >= 3 else 0.0
            silent = time.monotonic() - self._limits.stall
            for piece in self._active:
                if piece.heard < silent or recent.get(piece, floor) < floor:
                    piece.hang_up()

    def _next(self, number: int) -> tuple[Range, MirrorConnection] | None:
        now = time.monotonic()
        free = [route for route in self._routes if route.ready_at <= now]
        if number >= (1 if self._single else self.connection_ramp.wanted) or not free:
            return None
        route = min(free, key=list(self._active.values()).count)
        piece = next((piece for piece in self._todo if piece.ready_at <= now), None)
        if piece:
            self._todo.remove(piece)
            if self._batch > 1:
                self._stretch(piece)
            else:
                self._shrink(piece)
        elif not self._todo and not self._single:
            piece = self._take_over()
        return (piece, route) if piece else None

    def _stretch(self, piece: Range) -> None:
        """Ask for more at once where waiting for the answer takes longer than reading it."""
        left = sum(other.left for other in (piece, *self._todo, *self._active))
        most = min(self._batch * self._limits.chunk_size, left // self.connection_ramp.wanted)
        for following in [other for other in self._todo if other.pos >= piece.end]:
            if following.pos != piece.end or following.tries or piece.left >= most:
                break
            self._todo.remove(following)
            piece.end = following.end

    def _shrink(self, piece: Range) -> None:
        """Hand out ever less towards the end, so that all connections end together.

        Never so little that asking for it would take longer than half of fetching it.
        """
        left = piece.left + sum(other.left for other in self._todo)
        size = max(
            left // (2 * self.connection_ramp.wanted), int(2 * self._pace * self._setup), _SMALLEST
        )
        if self._pace and not self._single and piece.left > size:
            self._todo.insert(0, Range(piece.pos + size, piece.end))
            piece.end = piece.pos + size

    def _take_over(self) -> Range | None:
        expected = max([self._pace, *(piece.speed(0) for piece in self._active)])
        if not expected:
            return None
        victim = max(
            self._active, key=lambda p: p.left / max(p.speed(expected), 1e-9), default=None
        )
        if victim is None or (self._limits.limit_rate and victim.speed(expected)):
            return None
        count = share(victim, expected, self._setup)
        if not count:
            return None
        victim.end -= count
        if not victim.left:
            victim.hang_up()
        return Range(victim.end, victim.end + count)

    def _stream_all(self, piece: Range) -> None:
        self._single = True
        self._todo.clear()
        for other in self._active:
            if other is not piece:
                other.end = other.pos
                other.hang_up()
        piece.pos, piece.end = self._have.front, self._job.size

    def _put_back(self, piece: Range) -> None:
        if self._single:
            piece.pos, piece.end = self._have.front, self._job.size
        if piece.left and not (self._single and (self._todo or self._active)):
            self._todo.insert(0, piece)

    def _cause(self, piece: Range, route: MirrorConnection, error: DownloadError) -> DownloadError:
        silence = time.monotonic() - piece.heard
        if isinstance(error, BrokenError) and silence >= self._limits.stall:
            return BrokenError(f"{route.source} stalled: no byte of {self._job.name} came in time")
        return error

    def _judge(self, piece: Range, route: MirrorConnection, error: DownloadError) -> None:
        if isinstance(error, WholeError):
            self._spare.append(route)
            self._drop(route, error)
        elif isinstance(error, ReplacedError) or (
            isinstance(error, ChangedError) and route.received
        ):
            self._end(RestartError(error.message))
        elif isinstance(error, ChangedError) or not getattr(error, "passing", True):
            self._drop(route, error)
        elif isinstance(error, Unreachable) and not route.received and len(self._routes) > 1:
            self._drop(route, error)  # passed over, as long as others can serve
        else:
            self._judge_passing(piece, route, error)

    def _judge_passing(self, piece: Range, route: MirrorConnection, error: DownloadError) -> None:
        asked = getattr(error, "wait", None)
        if self.done > piece.mark:
            piece.tries, piece.mark, piece.waited = 0, self.done, 0.0
        piece.tries += asked is None
        wait = 0.1 if piece.received and asked is None else pause(max(0, piece.tries - 1), asked)
        piece.waited += wait
        piece.ready_at = time.monotonic() + wait
        if piece.tries > self._limits.tries or piece.waited > PATIENCE:
            piece.tries, piece.waited = 0, 0.0
            self._drop(route, error)
        elif asked is not None:
            route.rest(wait)

    def _drop(self, route: MirrorConnection, error: DownloadError) -> None:
        if route not in self._routes:
            return
        self._reasons[route.source] = error
        self._routes.remove(route)
        if not self._routes and self._spare:
            self._routes.append(self._spare.pop())
        elif not self._routes:
            self._end(_summary(self._job.name, self._reasons))

    def _end(self, error: DownloadError | None = None) -> None:
        self.error = self.error or error
        self.ended.set()
        self._changed.notify_all()


def _summary(name: str, reasons: dict[str, DownloadError]) -> DownloadError:
    if len(reasons) == 1:
        return next(iter(reasons.values()))
    told = "; ".join(f"{source}: {error.message}" for source, error in reasons.items())
    hint = "run it again to continue"
    return SourceUnavailable(f"no source could give {name}: {told}", hint=hint)
