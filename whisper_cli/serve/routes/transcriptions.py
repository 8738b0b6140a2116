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
from whisper_cli.serve.errors import ApiError, api_error, invalid, storing
from whisper_cli.serve.job_manager import JobManager, JobSpec
from whisper_cli.serve.job_queue import ServerJob
from whisper_cli.serve.metrics import Metrics
from whisper_cli.serve.middleware import Message, Receive, Scope, Send, Trace
from whisper_cli.serve.model_registry import ServedModel
from whisper_cli.serve.multipart import Form, FormReceiver, Pairs, steady, too_big
from whisper_cli.serve.responses import answer
from whisper_cli.serve.settings import FOREVER, ServerSettings
from whisper_cli.serve.sse import HEADERS, MEDIA_TYPE, begun, failure, stream
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
    most = kind.most(job_manager.server_settings)
    _check_length(request, most)

    asked: list[requests.TranscriptionRequest] = []

    def early(pairs: Pairs) -> None:
        if any(name == "model" for name, _ in pairs):
            asked.append(read(pairs))
        if not again:
            job_manager.jobs.require_room()

    async def looked_up(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        async for chunk in chunks:
            yield chunk
            if asked:  # the file has begun in what was just read
                await _entry(job_manager, asked.pop())

    with storing():
        receiver = FormReceiver(job_manager.folder, most, early)
    form = receiver.form
    try:
        content_type = request.headers.get("content-type", "")
        address = request.client.host if request.client else ""
        sending = request.app.state.senders.sending(address)
        with sending, job_manager.receiving(), storing():
            await receiver.read(content_type, looked_up(steady(request.stream())))
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
    def most(cls, server_settings: ServerSettings) -> int:
        """Say how many bytes a file may have: of bare sound, as many as its seconds take."""
        if cls.blocks and server_settings.max_duration < FOREVER:
            return int(server_settings.max_duration * _SOUND_A_SECOND)
        return server_settings.max_upload

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Do the work; a client that leaves ends it."""
        self._metrics = scope["app"].state.metrics
        try:
            if not await while_here(receive, self._answer(scope, receive, send)):
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
        async for news in job.follow():
            match news:
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
            failed = await asyncio.wait_for(begun(job), _FIRST)
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
        self._trace.audio = job.duration if job.over else job.heard
        self._trace.queued = (job.opened or time.monotonic()) - job.began
        if self._metrics is not None and job.over:
            self._metrics.heard(job.heard)


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


async def while_here(receive: Receive, answer: Coroutine[Any, Any, None]) -> bool:
    """Answer for as long as the client waits; False where it left before the end."""
    work = asyncio.create_task(answer)
    gone = asyncio.create_task(_gone(receive))
    try:
        await asyncio.wait({work, gone}, return_when=asyncio.FIRST_COMPLETED)
        stayed = work.done()
        if not stayed:
            work.cancel()
        with suppress(asyncio.CancelledError, OSError):
            await work
        return stayed
    finally:
        gone.cancel()
        work.cancel()


async def _gone(receive: Receive) -> None:
    """Wait until the client leaves."""
    while (await receive())["type"] != "http.disconnect":
        pass


def _retries(request: Request) -> int:
    """Tell how often a client has asked before, by what the official one says."""
    count = request.headers.get("x-stainless-retry-count", "0")
    return int(count) if count.isascii() and count.isdigit() and len(count) < 4 else 0


def _check_length(request: Request, most: int) -> None:
    """Refuse a body by what its header says, before any of it is read."""
    length = request.headers.get("content-length", "")
    if length.isascii() and length.isdigit() and int(length) > most + _BESIDES:
        raise too_big(most, int(length))


async def _entry(job_manager: JobManager, ask: requests.TranscriptionRequest) -> ServedModel:
    entry = await job_manager.registry.find(
        ask.model, here=not job_manager.server_settings.pull_on_demand
    )
    if entry.model.english_only:
        requests.check_model(ask, multilingual=False)
    return entry


def _check_file(form: Form) -> None:
    if form.path is None:
        raise invalid("the file is missing", "file", "missing_required_parameter")
    if not form.size:
        raise invalid("the file is empty (0 bytes)", "file", "invalid_audio")
