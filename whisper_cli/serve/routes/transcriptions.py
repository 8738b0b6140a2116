"""The two routes that turn an upload into words."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import suppress
from functools import partial
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from whisper_cli.choices import Task
from whisper_cli.errors import WhisperError
from whisper_cli.serve import requests
from whisper_cli.serve.errors import ApiError, api_error, invalid, storage_errors
from whisper_cli.serve.job_manager import JobManager, JobSpec
from whisper_cli.serve.job_queue import ServerJob
from whisper_cli.serve.metrics import Metrics
from whisper_cli.serve.middleware import Message, Receive, Scope, Send, Trace
from whisper_cli.serve.model_registry import ModelEntry
from whisper_cli.serve.multipart import Form, FormReader, Pairs, too_big, with_minimum_rate
from whisper_cli.serve.responses import answer
from whisper_cli.serve.settings import NO_LIMIT, ServerSettings
from whisper_cli.serve.sse import HEADERS, MEDIA_TYPE, failure, started, stream
from whisper_cli.serve.worker.messages import JobDone, JobFailed, TextDecoded
from whisper_cli.transcript import Segment

_BESIDES = 1_000_000  # bytes of a body that are not its file
_SOUND_A_SECOND = 66_000  # bytes of float32 at 16 kHz, with the heads of blocks
_FIRST = 5.0  # seconds in which a failure still gets a status of its own, before a stream begins


async def transcriptions(request: Request) -> Response:
    """Answer `POST /v1/audio/transcriptions`."""
    return await take(request, partial(requests.read, task=Task.TRANSCRIBE), Transcription)


async def translations(request: Request) -> Response:
    """Answer `POST /v1/audio/translations`."""
    return await take(request, partial(requests.read, task=Task.TRANSLATE), Transcription)


async def take(
    request: Request,
    read: Callable[[Pairs], requests.TranscriptionRequest],
    kind: "type[Transcription]",
) -> Response:
    """Read a request, refusing what can be refused before its file is read."""
    job_manager: JobManager = request.app.state.job_manager
    again = _retries(request) > 0
    if not again:
        job_manager.jobs.require_room()
    maximum = kind.maximum(job_manager.server_settings)
    _check_length(request, maximum)

    parsed: list[requests.TranscriptionRequest] = []

    def early(pairs: Pairs) -> None:
        if any(name == "model" for name, _ in pairs):
            parsed.append(read(pairs))
        if not again:
            job_manager.jobs.require_room()

    async def with_model(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        async for chunk in chunks:
            yield chunk
            if parsed:  # the file has begun in what was just read
                await _entry(job_manager, parsed.pop())

    with storage_errors():
        form_reader = FormReader(job_manager.folder, maximum, early)
    form = form_reader.form
    try:
        content_type = request.headers.get("content-type", "")
        address = request.client.host if request.client else ""
        upload = request.app.state.upload_limits.upload(address)
        with upload, job_manager.receiving(), storage_errors():
            await form_reader.read(content_type, with_model(with_minimum_rate(request.stream())))
        ask = read(form.fields)
        entry = await _entry(job_manager, ask)
        _check_file(form)
        trace: Trace = request.state.trace
        job_spec = JobSpec(entry, ask, form, trace.id, kind.blocks)
        return kind(job_manager, job_spec, trace, again=again)
    except BaseException:
        form.remove()
        raise


class Transcription(Response):
    """An answer that is made while the client waits, and no longer than that.

    `blocks` says that what comes is sound in blocks, not media.
    """

    blocks = False

    def __init__(
        self, job_manager: JobManager, job_spec: JobSpec, trace: Trace, *, again: bool
    ) -> None:
        self._job_manager, self._job_spec, self._trace = job_manager, job_spec, trace
        self._again = again
        self._taken = False  # by a job, which removes the file when it is done
        self._metrics: Metrics | None = None

    @classmethod
    def maximum(cls, server_settings: ServerSettings) -> int:
        """Say how many bytes a file may have: of bare sound, as many as its seconds take."""
        if cls.blocks and server_settings.max_duration < NO_LIMIT:
            return int(server_settings.max_duration * _SOUND_A_SECOND)
        return server_settings.max_upload

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Do the work; a client that leaves ends it."""
        self._metrics = scope["app"].state.metrics
        try:
            if not await until_disconnect(receive, self._answer(scope, receive, send)):
                self._trace.status = 499
                self._metrics.cancelled()
        finally:
            if not self._taken:
                self._job_spec.form.remove()

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        with self._job_manager.following(self._job()) as job:
            try:
                if self._job_spec.ask.stream:
                    await self._stream(job, send)
                else:
                    response = await self._whole(job)
                    await response(scope, receive, send)
            finally:
                self._note(job)

    def _job(self) -> ServerJob:
        """Begin the job; one who comes again joins what is running."""
        running = self._job_manager.join(self._job_spec) if self._again else None
        if running is None:
            running = self._job_manager.submit(self._job_spec)
            self._taken = True
        else:
            self._job_spec.form.remove()
        return running

    async def _whole(self, job: ServerJob) -> Response:
        segments: list[Segment] = []
        async for event in job.follow():
            match event:
                case TextDecoded(_, segment):
                    segments.append(segment)
                case JobFailed(_, error):
                    raise api_error(error)
                case JobDone(_, info):
                    kind, found = answer(self._job_spec.ask, info, segments)
                    if isinstance(found, str):
                        return Response(found, media_type=kind)
                    return JSONResponse(found)
        raise ApiError(500, "the engine went away", code="engine_error")

    async def _stream(self, job: ServerJob, send: Send) -> None:
        failed = None
        with suppress(TimeoutError):
            failed = await asyncio.wait_for(started(job), _FIRST)
        if failed is not None:
            raise api_error(failed.error)
        headers = {"content-type": MEDIA_TYPE, **HEADERS}
        await send(
            {
                "type": "http.response.start",
                "status": 200,
                "headers": [(name.encode(), text.encode()) for name, text in headers.items()],
            }
        )
        async for text in _never_cut(stream(self._job_spec.ask, job.follow())):
            await send(body(text, more=True))
        await send(body("", more=False))

    def _note(self, job: ServerJob) -> None:
        self._trace.audio = job.duration if job.over else job.processed
        self._trace.queue_seconds = (job.opened or time.monotonic()) - job.started_at
        if self._metrics is not None and job.over:
            self._metrics.processed(job.processed)


async def _never_cut(events: AsyncIterator[str]) -> AsyncIterator[str]:
    """Give the events of a stream; what breaks it becomes its last one."""
    try:
        async for item in events:
            yield item
    except WhisperError as error:
        yield failure(api_error(error))


def body(text: str, *, more: bool) -> Message:
    """Make the message that sends a piece of an answer."""
    return {"type": "http.response.body", "body": text.encode(), "more_body": more}


async def until_disconnect(receive: Receive, answer: Coroutine[Any, Any, None]) -> bool:
    """Answer for as long as the client waits; False where it left before the end."""
    task = asyncio.create_task(answer)
    gone = asyncio.create_task(_gone(receive))
    try:
        await asyncio.wait({task, gone}, return_when=asyncio.FIRST_COMPLETED)
        stayed = task.done()
        if not stayed:
            task.cancel()
        with suppress(asyncio.CancelledError, OSError):
            await task
        return stayed
    finally:
        gone.cancel()
        task.cancel()


async def _gone(receive: Receive) -> None:
    """Wait until the client leaves."""
    while (await receive())["type"] != "http.disconnect":
        pass


def _retries(request: Request) -> int:
    """Tell how often a client has asked before, by what the official one says."""
    count = request.headers.get("x-stainless-retry-count", "0")
    return int(count) if count.isascii() and count.isdigit() and len(count) < 4 else 0


def _check_length(request: Request, maximum: int) -> None:
    """Refuse a body by what its header says, before any of it is read."""
    length = request.headers.get("content-length", "")
    if length.isascii() and length.isdigit() and int(length) > maximum + _BESIDES:
        raise too_big(maximum, int(length))


async def _entry(job_manager: JobManager, ask: requests.TranscriptionRequest) -> ModelEntry:
    entry = await job_manager.registry.find(
        ask.model, present=not job_manager.server_settings.pull_on_demand
    )
    if entry.model.english_only:
        requests.check_model(ask, multilingual=False)
    return entry


def _check_file(form: Form) -> None:
    if form.path is None:
        raise invalid("the file is missing", "file", "missing_required_parameter")
    if not form.size:
        raise invalid("the file is empty (0 bytes)", "file", "invalid_audio")
