"""A batch in a process of its own, which is replaced where it dies: a crash takes one file."""

import logging
import multiprocessing
import signal
import time
from collections import deque
from collections.abc import Callable, Generator, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Self

from whisper_cli.batch.events import InputDone, InputError, JobInputProgress, Outcome
from whisper_cli.batch.request import RunRequest
from whisper_cli.batch.targets import BatchJob
from whisper_cli.batch.worker import (
    Answer,
    Logged,
    Message,
    NeedsModel,
    NextJob,
    Over,
    Printed,
    main,
)
from whisper_cli.errors import EngineError
from whisper_cli.iterators import POLL_SECONDS
from whisper_cli.models.catalog import Model
from whisper_cli.signals import signals_ignored

logger = logging.getLogger("whisper_cli")

PATIENCE = 10.0  # seconds in which a process that is stopped closes its outputs
MAX_FAILURES = 4  # without an input done in between: then it is not the inputs that kill
_LAST = object()

FetchModel = Callable[[Model], Path]
Write = Callable[[str], None]


def run_in_process(
    jobs: Iterator[BatchJob | None], order: RunRequest, *, fetch_model: FetchModel, write: Write
) -> Generator[Outcome]:
    """Do jobs as `run` does, in another process; None among them is a moment without a job.

    `fetch_model` gives the folder of a model, `write` puts text on stdout.

    Where the process dies, what it had in work is tried again in a new one, each input alone and
    from where its journal ends; one that kills that too has failed. The others go on.
    Raises ConfigError, ModelError and, where every input kills its process, EngineError.
    """
    return _Batch(jobs, fetch_model, write).outcomes(order)


class _Batch:
    """The jobs of a batch, and the process that has some of them in work."""

    def __init__(
        self, jobs: Iterator[BatchJob | None], fetch_model: FetchModel, write: Write
    ) -> None:
        self._jobs, self._fetch_model = jobs, fetch_model
        self._stdout = _Stdout(write)
        self._given = 0  # jobs taken from `jobs`: the number of the next
        self._sent = 0  # jobs sent to the process that is there, which counts them itself
        self._working: dict[int, tuple[int, BatchJob]] = {}  # by the process's own numbers
        self._retries: deque[tuple[int, BatchJob]] = deque()
        self._single = False  # what is in work is a suspect
        self._requested = self._over = self._last_given = False
        self._failures = 0

    def outcomes(self, order: RunRequest) -> Generator[Outcome]:
        """Start processes until one comes to the end."""
        while not self._over:
            with _Worker(order, self._stdout) as worker:
                try:
                    while not self._over:
                        yield from self._step(worker)
                except EOFError:
                    yield from self._died(worker.wait())

    def _step(self, worker: "_Worker") -> Iterator[Outcome]:
        if self._requested:
            self._send_job(worker)
        match worker.receive():
            case None:
                pass
            case NextJob():
                self._requested = True
            case NeedsModel(model):
                worker.send(self._fetch_model(model))
            case Printed(text):
                self._stdout.write(text)
            case Logged(level, text, traceback, fields):
                logger.log(level, "%s", text, extra={"traceback": traceback, "fields": fields})
            case Over(error):
                self._over = True
                if error is not None:
                    raise error
            case JobInputProgress() as progress:
                yield replace(progress, number=self._working[progress.number][0])
            case outcome:
                yield replace(outcome, number=self._settle(outcome))

    def _send_job(self, worker: "_Worker") -> None:
        """Answer with the next job where there is one: suspects first, each when none is there."""
        if self._working and (self._retries or self._single):
            return
        self._single = bool(self._retries)
        found = self._retries.popleft() if self._single else self._next()
        if found is None:
            return
        number, job = found
        self._requested, self._last_given = False, job is None
        if job is not None:
            self._working[self._sent] = (number, job)
            self._sent += 1
        worker.send(job)

    def _next(self) -> tuple[int, BatchJob | None] | None:
        """Take a new job with its number: None now, or None for a job where there are no more."""
        found = next(self._jobs, _LAST)
        if found is None:
            return None
        job = found if isinstance(found, BatchJob) else None
        self._given += 1
        return self._given - 1, job

    def _settle(self, outcome: InputDone | InputError) -> int:
        """Note that an input is over, and give its number."""
        number, _ = self._working.pop(outcome.number)
        self._stdout.finish_line()
        self._failures = 0
        return number

    def _died(self, how: str) -> Iterator[Outcome]:
        """Suspect what was in work; what died alone has failed."""
        self._requested = False
        dead = list(self._working.values())
        self._working, self._sent = {}, 0
        if self._last_given and not dead:
            self._over = True
            return
        self._failures += 1
        if self._failures > MAX_FAILURES:
            hint = "--workers 1 needs less memory, --device cpu no GPU"
            raise EngineError(f"the engine's process {how}, again and again", hint=hint)
        if not (self._single and dead):
            logger.warning("the engine's process %s; it is started again", how)
            self._retries.extend(dead)
            self._stdout.again()
            return
        self._stdout.finish_line()
        message = f"the engine's process {how} twice on it"
        number, job = dead[0]
        error = EngineError(message, hint="it may be damaged, or big")
        yield InputError(number, job.source.name, error)


class _Stdout:
    """Passes text on; of an input that is tried again, what was written of it is left out."""

    def __init__(self, write: Write) -> None:
        self._write = write
        self._written = self._skipped = 0

    def write(self, text: str) -> None:
        """Write what is new."""
        known = min(len(text), self._skipped)
        self._skipped -= known
        if text[known:]:
            self._write(text[known:])
            self._written += len(text) - known

    def finish_line(self) -> None:
        """Begin with the next input."""
        self._written = self._skipped = 0

    def again(self) -> None:
        """Expect the same once more."""
        self._skipped = self._written


class _Worker:
    """One process; use `with`, so that it ends, its outputs closed, whatever comes."""

    def __init__(self, order: RunRequest, stdout: _Stdout) -> None:
        self._stdout = stdout
        context = multiprocessing.get_context("spawn")
        self._line, child_end = context.Pipe()
        given = (child_end, order, logger.getEffectiveLevel())
        self._process = context.Process(target=main, args=given, name="engine")
        with child_end, signals_ignored():
            self._process.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self._process.terminate()
            with suppress(EOFError, OSError):
                self._drain(time.monotonic() + PATIENCE)
        finally:
            self._process.kill()
            self._process.join()
            self._line.close()

    def send(self, answer: Answer) -> None:
        """Answer a question; one that has died is noticed when it is listened to."""
        with suppress(BrokenPipeError, ConnectionResetError):
            self._line.send(answer)

    def receive(self, patience: float = POLL_SECONDS) -> Message | None:
        """Give what it tells next; None where it tells nothing for a moment.

        Raises EOFError where it has died.
        """
        try:
            return self._line.recv() if self._line.poll(patience) else None
        except OSError:  # in the middle of a message, too
            raise EOFError from None

    def wait(self) -> str:
        """Say how a process that has died did so."""
        self._process.join()
        code = self._process.exitcode or 0
        if code >= 0:
            return f"ended with exit code {code}"
        return f"was ended by {signal.Signals(-code).name}"

    def _drain(self, until: float) -> None:
        """Write what closes the outputs, until it has gone."""
        while (left := until - time.monotonic()) > 0:
            message = self.receive(left)
            if isinstance(message, Printed):
                self._stdout.write(message.text)
