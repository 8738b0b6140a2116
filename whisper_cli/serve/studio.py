"""Where jobs are done: each by the hands of its model, for as long as somebody waits for it."""

import asyncio
import hashlib
import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from whisper_cli.errors import WhisperError
from whisper_cli.serve.asks import Ask, check_model
from whisper_cli.serve.failures import ApiError
from whisper_cli.serve.fleet import Fleet
from whisper_cli.serve.jobs import Job, Jobs
from whisper_cli.serve.pulls import Pulls
from whisper_cli.serve.serving import Serving
from whisper_cli.serve.shelf import Entry, Shelf
from whisper_cli.serve.upload import Form
from whisper_cli.serve.worker.messages import Failed, Limits, Start


@dataclass(frozen=True, slots=True)
class Commission:
    """What is to be done: with which model, of what, for whom; `blocks` is sound, not media."""

    entry: Entry
    ask: Ask
    form: Form
    id: str
    blocks: bool = False

    @property
    def key(self) -> str:
        """Hash all that decides the answer."""
        fields = {name: values for name, values in self.ask.raw.items() if name != "keep_alive"}
        told = [self.form.digest, self.entry.id, self.ask.options.task, fields]
        return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()


class Studio:
    """Everything that the handlers share."""

    def __init__(self, serving: Serving, shelf: Shelf, fleet: Fleet, pulls: Pulls) -> None:
        self.serving, self.shelf, self.fleet, self.pulls = serving, shelf, fleet, pulls
        self.jobs = Jobs(serving.max_queue)
        self._work: dict[int, asyncio.Task[None]] = {}
        self._temporary = tempfile.TemporaryDirectory(prefix="serve-", ignore_cleanup_errors=True)
        self.folder = Path(self._temporary.name)
        self.draining = False
        self._uploads = 0

    @contextmanager
    def receiving(self) -> Iterator[None]:
        """Count an upload under way. Raises ApiError where there are as many as may be jobs."""
        if self._uploads >= self.serving.max_queue:
            wait = self.jobs.wait
            message = "too many uploads at once: come again"
            raise ApiError(429, message, code="queue_full", retry_after=wait)
        self._uploads += 1
        try:
            yield
        finally:
            self._uploads -= 1

    def join(self, commission: Commission) -> Job | None:
        """Find a running job that does just this, for a client that comes again."""
        return self.jobs.running(commission.key)

    def submit(self, commission: Commission) -> Job:
        """Accept a job and begin with it. Raises ApiError where the queue is full."""
        job = self.jobs.enter(commission.id, commission.entry.id, commission.key)
        self._work[job.number] = asyncio.create_task(self._do(job, commission))
        return job

    @contextmanager
    def following(self, job: Job) -> Iterator[Job]:
        """Wait for a job; when the last one leaves, it is left alone, at once."""
        job.followers += 1
        try:
            yield job
        finally:
            job.followers -= 1
            task = self._work.get(job.number)
            if not job.followers and not job.over and task is not None:
                task.cancel()

    async def close(self) -> None:
        """Leave all jobs, let the models go, and remove what was uploaded."""
        for task in self._work.values():
            task.cancel()
        await asyncio.gather(*self._work.values(), return_exceptions=True)
        await self.fleet.close()
        self._temporary.cleanup()

    async def _do(self, job: Job, commission: Commission) -> None:
        try:
            await self._transcribe(job, commission)
        except WhisperError as error:
            job.tell(Failed(job.number, error))
        finally:
            self.jobs.leave(job)
            commission.form.remove()
            self._work.pop(job.number, None)

    async def _transcribe(self, job: Job, commission: Commission) -> None:
        ask, form, entry = commission.ask, commission.form, commission.entry
        if entry.folder is None:
            await self.pulls.bring(entry.model)
            entry = await self.shelf.find(entry.id)
        async with self.fleet.using(entry, ask.keep_alive) as hands:
            check_model(ask, multilingual=hands.multilingual)
            if form.path is None:
                return
            limits = Limits(self.serving.max_duration)
            hands.begin(job, Start(job.number, form.path, ask.options, limits, commission.blocks))
            try:
                async for _ in job.follow():
                    pass
            finally:
                if not job.over:
                    hands.cancel(job)
