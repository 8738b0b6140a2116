"""Server-sent events: text as it is decoded, a heartbeat while there is none, one end."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

from whisper_cli.formats.json import times
from whisper_cli.serve.errors import ApiError, api_error
from whisper_cli.serve.job_queue import ServerJob
from whisper_cli.serve.requests import TranscriptionRequest
from whisper_cli.serve.responses import logprobs, token_usage
from whisper_cli.serve.worker.messages import (
    JobDone,
    JobFailed,
    LanguageDetected,
    TextDecoded,
    WorkerEvent,
)
from whisper_cli.texts import encodable
from whisper_cli.transcript import Segment

HEARTBEAT = 10.0  # seconds without an event; proxies give up after 60 or more
MEDIA_TYPE = "text/event-stream"
HEADERS = {"cache-control": "no-store", "x-accel-buffering": "no"}


async def stream(
    ask: TranscriptionRequest, events: AsyncIterator[WorkerEvent]
) -> AsyncIterator[str]:
    """Write deltas as they come and `transcript.text.done` in the end, or an error.

    The deltas joined are the text that `done` gives.
    """
    segments: list[Segment] = []
    deltas = Deltas()
    async for item in _beating(events):
        match item:
            case None:
                yield ": keep-alive\n\n"
            case TextDecoded(_, segment):
                segments.append(segment)
                delta = deltas.add(segment.text)
                more = {"logprobs": logprobs([segment])} if ask.logprobs else {}
                if ask.timed:
                    yield f": segment {json.dumps(_timed(segment))}\n\n"
                if delta:
                    yield event({"type": "transcript.text.delta", "delta": delta, **more})
            case JobDone(_, info):
                more = {"logprobs": logprobs(segments)} if ask.logprobs else {}
                usage = token_usage(info, segments)
                done = {"type": "transcript.text.done", "text": deltas.text, **more, "usage": usage}
                yield event(done)
            case JobFailed(_, error):
                yield failure(api_error(error))


def _timed(segment: Segment) -> dict[str, Any]:
    """Describe a segment for the page: in a comment, which every other client passes over."""
    words = [{"word": encodable(word.word), **times(word)} for word in segment.words]
    return {**times(segment), "text": encodable(segment.text), "words": words}


def event(data: dict[str, Any]) -> str:
    """Write one event."""
    return f"data: {json.dumps(data, ensure_ascii=False)}\n\n"


def failure(error: ApiError) -> str:
    """Write the event that ends a stream that failed."""
    return event({"error": error.body})


class Deltas:
    """Pieces of a text which, joined, are the text without white space around it."""

    def __init__(self) -> None:
        self.text = ""
        self._held = ""

    def add(self, text: str) -> str:
        """Take the text of a segment, and give what can be said of it now."""
        given = self._held + encodable(text)
        given = given if self.text else given.lstrip()
        delta = given.rstrip()
        self._held = given[len(delta) :]
        self.text += delta
        return delta


async def started(job: ServerJob) -> JobFailed | None:
    """Wait until something is known of a job: None, or how it failed before it said a word."""
    async for events in job.follow():
        if isinstance(events, JobFailed):
            return events
        if isinstance(events, LanguageDetected | TextDecoded | JobDone):
            return None
    return None


async def _beating(events: AsyncIterator[WorkerEvent]) -> AsyncIterator[WorkerEvent | None]:
    """Give the news, and None after each silence of a heartbeat."""
    iterator = aiter(events)
    pending: asyncio.Future[WorkerEvent] | None = None
    try:
        while True:
            pending = pending or asyncio.ensure_future(_next(iterator))
            done, _ = await asyncio.wait({pending}, timeout=HEARTBEAT)
            if not done:
                yield None
                continue
            try:
                yield pending.result()
            except StopAsyncIteration:
                return
            pending = None
    finally:
        if pending is not None:
            pending.cancel()


async def _next(iterator: AsyncIterator[WorkerEvent]) -> WorkerEvent:
    return await anext(iterator)
