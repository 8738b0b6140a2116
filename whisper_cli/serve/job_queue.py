"""Jobs: what is transcribed for whom, how far it is, and how long others will have to wait."""

import asyncio
import math
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from whisper_cli.serve.errors import ApiError
from whisper_cli.serve.worker.messages import (
    JobDone,
    JobFailed,
    JobProgressed,
    TextDecoded,
    UploadOpened,
    WorkerEvent,
)

LONGEST_WAIT = 120  # seconds: the official client does not come again after more
_UNKNOWN = 30.0  # seconds of sound that a job is taken for before anything is known of it
_FIRST_PACE = 10.0  # seconds of sound a second, before anything was measured


@dataclass(slots=True, eq=False)
class ServerJob:
    """One transcription; several may follow it. `key` is the hash of all that was sent."""

    number: int
    id: str
    model: str
    key: str = ""
    began: float = field(default_factory=time.monotonic)
    opened: float | None = None
    duration: float | None = None
    heard: float = 0.0
    followers: int = 0
    over: bool = False
    lost: bool = False  # its engine has ended without a word about it
    _told: list[WorkerEvent] = field(default_factory=list)
    _news: asyncio.Event = field(default_factory=asyncio.Event)
    _said_until: float = -1.0

    @property
    def left(self) -> float:
        """Seconds of sound still to be dealt with, a guess while nothing is known."""
        total = self.duration if self.duration is not None else max(_UNKNOWN, self.heard)
        return max(0.0, total - self.heard)

    def tell(self, news: WorkerEvent) -> None:
        """Take what the engine says, for all who follow."""
        if self.over:
            return
        match news:
            case TextDecoded(_, segment) if segment.start + segment.end < 2 * self._said_until:
                return  # an engine before this one has said it
            case UploadOpened(_, duration):
                self.opened, self.duration = time.monotonic(), duration
            case JobProgressed(_, seconds):
                self.heard = max(self.heard, seconds)
            case JobDone(_, info):
                self.duration = self.heard = info.duration or self.heard
        self.over = isinstance(news, JobDone | JobFailed)
        self._told.append(news)
        self._wake()

    def lose(self) -> None:
        """Hear that the engine has ended and will say nothing more."""
        self.lost = True
        self._wake()

    def begin_again(self) -> None:
        """Begin anew with another engine; what was said stands and is not said twice."""
        self.lost = False
        said = [news.segment.end for news in self._told if isinstance(news, TextDecoded)]
        self._said_until = max(said, default=-1.0)

    async def settled(self) -> bool:
        """Wait until it is over, True, or its engine has ended, False."""
        while not (self.over or self.lost):
            await self._news.wait()
        return self.over

    def _wake(self) -> None:
        waiting, self._news = self._news, asyncio.Event()
        waiting.set()

    async def follow(self) -> AsyncIterator[WorkerEvent]:
        """Give all news from the first on; the last is Done or Failed."""
        at = 0
        while True:
            waiting = self._news
            for news in self._told[at:]:
                at += 1
                yield news
                if isinstance(news, JobDone | JobFailed):
                    return
            if waiting is self._news:
                await waiting.wait()


class JobQueue:
    """The jobs that were accepted and are not over: at most `limit`."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._jobs: dict[int, ServerJob] = {}
        self._numbers = iter(range(1, 1 << 62))
        self._sound = self._busy = 0.0
        self._since = 0.0

    def __len__(self) -> int:
        return len(self._jobs)

    @property
    def queue(self) -> list[ServerJob]:
        """List the jobs in the order they came."""
        return list(self._jobs.values())

    @property
    def pace(self) -> float:
        """Seconds of sound dealt with in a second, measured while there was work."""
        busy = self._busy + (time.monotonic() - self._since if self._jobs else 0.0)
        sound = self._sound + sum(job.heard for job in self._jobs.values())
        return sound / busy if sound > 1 and busy > 0.1 else _FIRST_PACE

    @property
    def wait(self) -> int:
        """Whole seconds until the work that is here is done, by the measured pace."""
        left = sum(job.left for job in self._jobs.values())
        return max(1, min(LONGEST_WAIT, math.ceil(left / self.pace)))

    def require_room(self) -> None:
        """Raise ApiError where the queue is full."""
        if len(self._jobs) >= self._limit:
            raise ApiError(
                429,
                f"the queue is full ({self._limit} jobs): come again in {self.wait} s",
                code="queue_full",
                retry_after=self.wait,
            )

    def running(self, key: str) -> ServerJob | None:
        """Find a job that does just this."""
        return next((job for job in self._jobs.values() if job.key == key and not job.over), None)

    def enter(self, name: str, model: str, key: str) -> ServerJob:
        """Accept a job. Raises ApiError where the queue is full."""
        self.require_room()
        if not self._jobs:
            self._since = time.monotonic()
        job = ServerJob(next(self._numbers), name, model, key)
        self._jobs[job.number] = job
        return job

    def leave(self, job: ServerJob) -> None:
        """Forget a job that is over, or that nobody wants."""
        if self._jobs.pop(job.number, None) is None:
            return
        self._sound += job.heard
        if not self._jobs:
            self._busy += time.monotonic() - self._since
