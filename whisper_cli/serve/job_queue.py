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
    JobProgress,
    TextDecoded,
    UploadOpened,
    WorkerEvent,
)

LONGEST_WAIT = 120  # seconds: the official client does not come again after more
_UNKNOWN = 30.0  # seconds of sound that a job is taken for before anything is known of it
_FIRST_SPEED = 10.0  # seconds of sound a second, before anything was measured


@dataclass(slots=True, eq=False)
class ServerJob:
    """One transcription; several may follow it. `key` is the hash of all that was sent."""

    number: int
    id: str
    model: str
    key: str = ""
    started_at: float = field(default_factory=time.monotonic)
    opened: float | None = None
    duration: float | None = None
    processed: float = 0.0
    followers: int = 0
    over: bool = False
    engine_gone: bool = False  # its engine has ended without a word about it
    _events: list[WorkerEvent] = field(default_factory=list)
    _changed: asyncio.Event = field(default_factory=asyncio.Event)
    _text_until: float = -1.0

    @property
    def left(self) -> float:
        """Seconds of sound still to be dealt with, a guess while nothing is known."""
        total = self.duration if self.duration is not None else max(_UNKNOWN, self.processed)
        return max(0.0, total - self.processed)

    def tell(self, event: WorkerEvent) -> None:
        """Take what the engine says, for all who follow."""
        if self.over:
            return
        match event:
            case TextDecoded(_, segment) if segment.start + segment.end < 2 * self._text_until:
                return  # an engine before this one has said it
            case UploadOpened(_, duration):
                self.opened, self.duration = time.monotonic(), duration
            case JobProgress(_, seconds):
                self.processed = max(self.processed, seconds)
            case JobDone(_, info):
                self.duration = self.processed = info.duration or self.processed
        self.over = isinstance(event, JobDone | JobFailed)
        self._events.append(event)
        self._notify()

    def set_engine_gone(self) -> None:
        """Hear that the engine has ended and will say nothing more."""
        self.engine_gone = True
        self._notify()

    def begin_again(self) -> None:
        """Begin anew with another engine; what was said stands and is not said twice."""
        self.engine_gone = False
        ends = [event.segment.end for event in self._events if isinstance(event, TextDecoded)]
        self._text_until = max(ends, default=-1.0)

    async def wait_finished(self) -> bool:
        """Wait until it is over, True, or its engine has ended, False."""
        while not (self.over or self.engine_gone):
            await self._changed.wait()
        return self.over

    def _notify(self) -> None:
        pending, self._changed = self._changed, asyncio.Event()
        pending.set()

    async def follow(self) -> AsyncIterator[WorkerEvent]:
        """Give all news from the first on; the last is Done or Failed."""
        at = 0
        while True:
            pending = self._changed
            for event in self._events[at:]:
                at += 1
                yield event
                if isinstance(event, JobDone | JobFailed):
                    return
            if pending is self._changed:
                await pending.wait()


class JobQueue:
    """The jobs that were accepted and are not over: at most `limit`."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._jobs: dict[int, ServerJob] = {}
        self._numbers = iter(range(1, 1 << 62))
        self._sound = self._active_seconds = 0.0
        self._since = 0.0

    def __len__(self) -> int:
        return len(self._jobs)

    @property
    def queue(self) -> list[ServerJob]:
        """List the jobs in the order they came."""
        return list(self._jobs.values())

    @property
    def speed(self) -> float:
        """Seconds of sound dealt with in a second, measured while there was work."""
        active_seconds = self._active_seconds + (
            time.monotonic() - self._since if self._jobs else 0.0
        )
        sound = self._sound + sum(job.processed for job in self._jobs.values())
        return sound / active_seconds if sound > 1 and active_seconds > 0.1 else _FIRST_SPEED

    @property
    def wait(self) -> int:
        """Whole seconds until the work that is here is done, by the measured pace."""
        left = sum(job.left for job in self._jobs.values())
        return max(1, min(LONGEST_WAIT, math.ceil(left / self.speed)))

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
        self._sound += job.processed
        if not self._jobs:
            self._active_seconds += time.monotonic() - self._since
