"""Where jobs are done: each by the process of its model, for as long as somebody waits for it."""

import asyncio
import hashlib
import json
import logging
import secrets
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from whisper_cli.errors import WhisperError
from whisper_cli.serve.downloads import Downloads
from whisper_cli.serve.errors import ApiError, bug, draining, storage_errors
from whisper_cli.serve.job_queue import JobQueue, ServerJob
from whisper_cli.serve.model_pool import ModelPool
from whisper_cli.serve.model_process import ModelWorker
from whisper_cli.serve.model_registry import ModelEntry, ModelRegistry
from whisper_cli.serve.multipart import Form
from whisper_cli.serve.requests import TranscriptionRequest, check_model
from whisper_cli.serve.settings import ServerSettings
from whisper_cli.serve.temporary import OwnFolder
from whisper_cli.serve.worker.messages import DecodeLimits, JobFailed, Start

_logger = logging.getLogger("whisper_cli")
_ENGINES = 2  # that a job is given to, one after the other, before it is given up
_LAST_WORDS = 1.0  # seconds that answers have to tell their clients that the server goes down


@dataclass(frozen=True, slots=True)
class JobSpec:
    """What is to be done: with which model, of what, for whom; `blocks` is sound, not media."""

    entry: ModelEntry
    ask: TranscriptionRequest
    form: Form
    id: str
    blocks: bool = False

    @property
    def key(self) -> str:
        """Hash all that decides the answer."""
        fields = {name: values for name, values in self.ask.raw.items() if name != "keep_alive"}
        parts = [self.form.digest, self.entry.id, self.ask.options.task, fields]
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


class JobManager:
    """Everything that the handlers share."""

    def __init__(
        self,
        server_settings: ServerSettings,
        registry: ModelRegistry,
        model_pool: ModelPool,
        downloads: Downloads,
    ) -> None:
        self.server_settings, self.downloads = server_settings, downloads
        self.registry, self.model_pool = registry, model_pool
        self.jobs = JobQueue(server_settings.max_queue)
        self._running: dict[int, asyncio.Task[None]] = {}
        self._temporary = OwnFolder()
        self.draining = False
        self._uploads = 0
        self._limits: set[asyncio.Timeout] = set()

    @property
    def folder(self) -> Path:
        """Return the folder of uploads. Raises OSError where there can be none."""
        return self._temporary.path

    @contextmanager
    def receiving(self) -> Iterator[None]:
        """Count an upload under way. Raises ApiError where there are as many as may be jobs."""
        if self._uploads >= self.server_settings.max_queue:
            wait = self.jobs.wait
            message = "too many uploads at once: come again"
            raise ApiError(429, message, code="queue_full", retry_after=wait)
        self._uploads += 1
        try:
            yield
        finally:
            self._uploads -= 1

    def join(self, job_spec: JobSpec) -> ServerJob | None:
        """Find a running job that does just this, for a client that comes again."""
        return self.jobs.running(job_spec.key)

    async def keep(self, data: bytes) -> Form:
        """Write sound to a file, for a job. Raises ApiError where the disk is full."""
        with storage_errors():
            write_task = asyncio.create_task(asyncio.to_thread(_written, self.folder, data))
            try:
                return await asyncio.shield(write_task)
            except asyncio.CancelledError:
                # The thread goes on, and nobody wants its file.
                write_task.add_done_callback(_removed)
                raise

    def submit(self, job_spec: JobSpec) -> ServerJob:
        """Accept a job and begin with it: from then on it is the job that removes the file.

        Raises ApiError where the queue is full.
        """
        job = self.jobs.enter(job_spec.id, job_spec.entry.id, job_spec.key)
        running = self._running[job.number] = asyncio.create_task(self._do(job, job_spec))
        # A callback, for a task that is cancelled before its first step never runs.
        running.add_done_callback(lambda _: self._leave(job, job_spec))
        return job

    @contextmanager
    def following(self, job: ServerJob) -> Iterator[ServerJob]:
        """Wait for a job; when the last one leaves, it is left alone, at once."""
        job.followers += 1
        try:
            yield job
        finally:
            job.followers -= 1
            task = self._running.get(job.number)
            if not job.followers and not job.over and task is not None:
                task.cancel()

    @asynccontextmanager
    async def answering(self) -> AsyncIterator[None]:
        """Answer one request within the block. Raises ApiError where the server goes down first."""
        try:
            async with asyncio.timeout(None) as limit:
                self._limits.add(limit)
                try:
                    yield
                finally:
                    self._limits.discard(limit)
        except TimeoutError:
            if limit.expired():
                raise draining() from None
            raise

    def drain(self, grace: float) -> None:
        """Take nothing more, and give what is under way so many seconds to end."""
        self.draining = True
        asyncio.get_running_loop().call_later(grace, self.cancel_all)

    def cancel_all(self) -> None:
        """Tell all who still wait that the server goes down."""
        self.draining = True
        for job in self.jobs.queue:
            if not job.over:
                job.tell(JobFailed(job.number, draining()))
        deadline = asyncio.get_running_loop().time() + _LAST_WORDS
        for limit in list(self._limits):
            limit.reschedule(deadline)

    async def close(self) -> None:
        """Leave all jobs, let the models go, and remove what was uploaded."""
        running = list(self._running.values())
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        await self.model_pool.close()
        await asyncio.to_thread(self._temporary.close)

    async def _do(self, job: ServerJob, job_spec: JobSpec) -> None:
        try:
            await self._transcribe(job, job_spec)
        except WhisperError as error:
            job.tell(JobFailed(job.number, error))
        except Exception:  # whatever it is, those who wait have to hear
            _logger.exception("job %s failed", job.id)
            job.tell(JobFailed(job.number, bug()))

    def _leave(self, job: ServerJob, job_spec: JobSpec) -> None:
        if not job.over:
            job.tell(JobFailed(job.number, draining()))
        self.jobs.leave(job)
        job_spec.form.remove()
        self._running.pop(job.number, None)

    async def _transcribe(self, job: ServerJob, job_spec: JobSpec) -> None:
        ask, entry = job_spec.ask, job_spec.entry
        if entry.folder is None:
            await self.downloads.fetch_model(entry.model)
            entry = await self.registry.find(entry.id)
        for _ in range(_ENGINES):
            async with self.model_pool.using(entry, ask.keep_alive) as model_worker:
                check_model(ask, multilingual=model_worker.multilingual)
                if job.over or await self._done(model_worker, job, job_spec):
                    return
            job.begin_again()
        message = "the engine ended while it worked on this: come again"
        raise ApiError(503, message, code="engine_ended", retry_after=self.jobs.wait)

    async def _done(self, model_worker: ModelWorker, job: ServerJob, job_spec: JobSpec) -> bool:
        """Have a job done; False where the engine ended before."""
        assert job_spec.form.path is not None  # noqa: S101 - a job is of a file
        limits = DecodeLimits(self.server_settings.max_duration)
        options, blocks = job_spec.ask.options, job_spec.blocks
        model_worker.begin(job, Start(job.number, job_spec.form.path, options, limits, blocks))
        try:
            return await job.wait_finished()
        finally:
            if not job.over:
                model_worker.cancel(job)


def _written(folder: Path, data: bytes) -> Form:
    with tempfile.NamedTemporaryFile(dir=folder, delete=False) as file:
        form = Form(path=Path(file.name), size=len(data), digest=secrets.token_hex(16))
        try:
            file.write(data)
            file.flush()
        except OSError:
            form.remove()
            raise
    return form


def _removed(write_task: "asyncio.Task[Form]") -> None:
    if not write_task.cancelled() and write_task.exception() is None:
        write_task.result().remove()
