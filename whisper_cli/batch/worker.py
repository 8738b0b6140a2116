"""The process that works through a batch: it asks for jobs and tells what becomes of them."""

import logging
import os
import queue
import signal
import threading
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from typing import cast

from whisper_cli.batch.events import Outcome
from whisper_cli.batch.request import RunRequest
from whisper_cli.batch.targets import BatchJob
from whisper_cli.decisions import fields_of, listen
from whisper_cli.errors import WhisperError, failure_of, traceback_of
from whisper_cli.ipc import Pipe
from whisper_cli.models.catalog import Model
from whisper_cli.signals import Stopped, stop_on_signal


@dataclass(frozen=True, slots=True)
class NextJob:
    """The process waits for a Job, or None where there are no more."""


@dataclass(frozen=True, slots=True)
class NeedsModel:
    """The process waits for the folder of a model."""

    model: Model


@dataclass(frozen=True, slots=True)
class Printed:
    """Text for stdout."""

    text: str


@dataclass(frozen=True, slots=True)
class Logged:
    """A line for people, the traceback that belongs to it, and its fields for programs."""

    level: int
    text: str
    traceback: str = ""
    fields: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Over:
    """The batch has ended; by an `error` where every job would meet it."""

    error: WhisperError | None = None


Question = NextJob | NeedsModel
Message = Question | Outcome | Printed | Logged | Over
Answer = BatchJob | Path | None


def main(line: Connection, order: RunRequest, log_level: int = logging.INFO) -> None:
    """Be the process, until all jobs are done, it is stopped, or nobody listens any more.

    It forwards its log from a level on.
    """
    for name in {"SIGINT", "SIGHUP"} & set(dir(signal)):  # they are for the process that asked
        signal.signal(getattr(signal, name), signal.SIG_IGN)
    client = _Client(Pipe(line))
    listen(_Forwarded(client), log_level)
    threading.Thread(target=client.receive, daemon=True).start()
    try:
        with stop_on_signal():
            _run_jobs(client, order)
        client.send(Over())
    except Stopped:
        pass
    except Exception as error:  # noqa: BLE001 - it is told where the batch was asked for
        client.send(Over(failure_of(error, "the batch")))
    os._exit(0)  # whatever a decoding thread is still busy with


def _run_jobs(client: "_Client", order: RunRequest) -> None:
    from whisper_cli.batch.runner import run
    from whisper_cli.batch.session import session_for

    session = session_for(
        order.model,
        order.settings,
        order.flags,
        fetch_model=lambda model: cast("Path", client.ask(NeedsModel(model))),
        write=lambda text: client.send(Printed(text)),
    )
    with closing(run(client.jobs(), session)) as outcomes:
        for outcome in outcomes:
            client.send(outcome)


class _Client:
    """Asks whoever started the process, and tells it what happens."""

    def __init__(self, line: Pipe) -> None:
        self._line = line
        self._results: queue.SimpleQueue[Answer] = queue.SimpleQueue()

    def send(self, message: Message) -> None:
        self._line.send(message)

    def ask(self, question: Question) -> Answer:
        """Wait for the answer; one question is open at a time."""
        self.send(question)
        return self._results.get()

    def jobs(self) -> Iterator[BatchJob]:
        while isinstance(job := self.ask(NextJob()), BatchJob):
            yield job

    def receive(self) -> None:
        """Take answers."""
        for answer in self._line.messages():
            self._results.put(answer)


class _Forwarded(logging.Handler):
    """Sends the log to whoever shows it."""

    def __init__(self, client: _Client) -> None:
        super().__init__()
        self._client = client

    def emit(self, record: logging.LogRecord) -> None:
        from_transcript = Logged(
            record.levelno, record.getMessage(), traceback_of(record), fields_of(record)
        )
        self._client.send(from_transcript)
