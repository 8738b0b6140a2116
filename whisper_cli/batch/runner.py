"""Many jobs: skip what is current, decode the others together, write what the engine tells."""

from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import ExitStack, closing, suppress
from dataclasses import replace
from itertools import chain
from typing import Self, cast

from whisper_cli.batch.claims import Claims
from whisper_cli.batch.events import InputDone, InputError, JobInputProgress, Outcome
from whisper_cli.batch.job_input import JobInput
from whisper_cli.batch.job_outputs import JobOutputs
from whisper_cli.batch.journal import prune
from whisper_cli.batch.session import EngineHandle, Session
from whisper_cli.batch.targets import BatchJob
from whisper_cli.diarization.options import CHANNELS, DiarizationMethod
from whisper_cli.engine.events import (
    DecodeProgress,
    Event,
    InputFailed,
    InputFinished,
    InputStarted,
    PartialDecoded,
    SegmentDecoded,
)
from whisper_cli.errors import ConfigError, ModelError, WhisperError, failure_of
from whisper_cli.iterators import in_background
from whisper_cli.transcript import Info


def inputs_of(number: int, job: BatchJob, session: Session, claims: Claims) -> tuple[JobInput, ...]:
    """Make the inputs of a job."""
    if session.speakers is None or session.speakers.by is not DiarizationMethod.channels:
        return (JobInput(number, job, session, claims),)
    parts = tuple(JobInput(number, job, session, claims, channel) for channel in range(CHANNELS))
    for part in parts:
        part.group = parts
    return parts


class RunWriter:
    """Writes what an engine says; use `with`, so that outputs in work are closed whatever comes.

    `handle` is the model, once it is here; `claims` are of the jobs' outputs, until each is over.
    """

    def __init__(self, session: Session) -> None:
        self.handle: EngineHandle | None = None
        self.claims = Claims(session.output_index.folder / "outputs.lock")
        self._session = session
        self._pages: dict[int, JobOutputs] = {}
        self._skipped: dict[int, int] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with ExitStack() as stack:
            stack.callback(self.claims.close)
            for page in self._pages.values():
                stack.enter_context(page.stack)
        if self._session.history is not None:
            prune(self._session.history)
        self._session.output_index.close()  # it opens again where it is asked once more

    def take(self, event: Event | None) -> Iterator[Outcome]:
        """Write what one event says; None is a moment in which nothing happened."""
        if event is None:
            yield from self._start_first()
            return
        job_input = cast("JobInput", event.input)
        try:
            yield from self._written(job_input, event)
        except ConfigError:
            raise
        except Exception as error:  # noqa: BLE001 - it is this input's failure
            yield self.failed(job_input, failure_of(error, job_input.name))

    def failed(self, job_input: JobInput, error: WhisperError) -> InputError:
        """Leave an input, with all that is told of it from now on."""
        for item in job_input.group:
            item.needed = False
        with suppress(Exception):  # closing meets the same full disk, and the first failure counts
            self._leave(job_input)
        self.claims.leave(job_input.number)
        return InputError(job_input.number, job_input.name, error)

    def _written(self, job_input: JobInput, event: Event) -> Iterator[Outcome]:
        if not job_input.needed:
            return
        match event:
            case InputStarted(_, info):
                page = self._page(job_input)
                page.begin(job_input, self._known(info))
                page.note(job_input)
            case SegmentDecoded() | PartialDecoded() | DecodeProgress():
                self._page(job_input).take(job_input, event)
                yield from self._start_first()
            case InputFailed(_, error):
                yield self.failed(job_input, error)
            case InputFinished(_, None):
                yield from self._without_decoding(job_input)
            case InputFinished(_, Info() as info):
                yield from self._input_finished(job_input, job_input.checked(self._known(info)))

    def _without_decoding(self, job_input: JobInput) -> Iterator[Outcome]:
        """Take an input whose outputs are current, or that is stored whole."""
        if job_input.stored is not None:
            self._page(job_input).begin(job_input, job_input.stored.info)
            yield from self._input_finished(job_input, job_input.stored.info)
            return
        skipped = self._skipped.pop(job_input.number, 0) + 1
        if skipped == len(job_input.group):
            yield self._finished(job_input)
        else:
            self._skipped[job_input.number] = skipped

    def _input_finished(self, job_input: JobInput, info: Info) -> Iterator[Outcome]:
        page = self._page(job_input)
        whole = page.end(job_input, info)
        if whole is None:
            return
        yield self._progress(job_input.number, whole.duration)
        del self._pages[job_input.number]
        yield self._finished(job_input, whole)

    def _finished(self, job_input: JobInput, info: Info | None = None) -> InputDone:
        done = job_input.finished(info)
        self.claims.leave(job_input.number)
        return done

    def _page(self, job_input: JobInput) -> JobOutputs:
        if job_input.number not in self._pages:
            self._pages[job_input.number] = JobOutputs(job_input.group, self._session)
        return self._pages[job_input.number]

    def _leave(self, job_input: JobInput) -> None:
        if job_input.number in self._pages:
            self._pages.pop(job_input.number).stack.close()

    def _start_first(self) -> Iterator[Outcome]:
        """Tell how far the first of the jobs in work has come."""
        for number in list(self._pages)[:1]:
            yield self._progress(number)

    def _progress(self, number: int, seconds: float | None = None) -> JobInputProgress:
        page = self._pages[number]
        return JobInputProgress(
            number, page.name, page.processed if seconds is None else seconds, page.total
        )

    def _known(self, info: Info) -> Info:
        if self.handle is None:
            return info
        return replace(info, provenance=self.handle.known(info.provenance))


class InOrder:
    """Holds back what is said of a job until those before it are over."""

    def __init__(self, first: int) -> None:
        self._turn = first
        self._finished_count = 0
        self._held: dict[int, list[Event]] = {}

    def release(self, event: Event) -> Iterator[Event]:
        """Take one event, and give those whose turn it is."""
        self._held.setdefault(cast("JobInput", event.input).number, []).append(event)
        while held := self._held.pop(self._turn, None):
            yield from held
            self._finished_count += sum(isinstance(item, InputFinished) for item in held)
            job_input = cast("JobInput", held[0].input)
            whole = (
                self._finished_count == len(job_input.group) or not job_input.needed
            )  # nothing follows then
            if not whole and not any(isinstance(item, InputFailed) for item in held):
                return
            self._turn, self._finished_count = self._turn + 1, 0


__all__ = ["InputDone", "InputError", "JobInputProgress", "Outcome", "run"]


def run(jobs: Iterable[BatchJob], session: Session) -> Generator[Outcome]:
    """Do the jobs; what only one input suffers from becomes its InputError.

    Several are under way at once, but what shares stdout comes in order. Raises ConfigError and
    ModelError, which every job would meet. Those and a Stopped pass through after the outputs in
    work were closed, valid up to their last cue.
    """
    with RunWriter(session) as run_writer:
        groups = (
            inputs_of(number, job, session, run_writer.claims) for number, job in enumerate(jobs)
        )
        for group in groups:
            outcomes = _without_model(group, run_writer)
            if outcomes is None:
                yield from _decode(group, groups, session, run_writer)
                return
            yield from outcomes


def _without_model(group: Sequence[JobInput], run_writer: RunWriter) -> Iterator[Outcome] | None:
    """Open a job before there is a model; None where it needs one."""
    try:
        opened = [job_input.open() for job_input in group]
    except (ConfigError, ModelError):
        raise
    except Exception as error:  # noqa: BLE001 - it is this input's failure
        for job_input in group:
            job_input.close()
        return iter([run_writer.failed(group[0], failure_of(error, group[0].name))])
    if any(item is not None for item in opened):
        for job_input in group[1:]:
            job_input.close()  # until the engine comes to it, if ever
        return None
    return chain.from_iterable(
        run_writer.take(InputFinished(job_input, None)) for job_input in group
    )


def _decode(
    first: Sequence[JobInput],
    rest: Iterator[Sequence[JobInput]],
    session: Session,
    run_writer: RunWriter,
) -> Generator[Outcome]:
    """Bring the model here, let the engine run in the background, and write what it says."""
    try:
        handle = session.locate()
    except BaseException:
        for job_input in first:
            job_input.close()
        raise
    run_writer.handle = handle
    streamed = any(item.pattern is None for item in first[0].targets)
    order = InOrder(first[0].number) if streamed else None
    with closing(_run(handle, first, rest)) as events:
        for event in events:
            if event is None or order is None:
                yield from run_writer.take(event)
            else:
                for ready in order.release(event):
                    yield from run_writer.take(ready)


def _run(
    handle: EngineHandle, first: Sequence[JobInput], rest: Iterator[Sequence[JobInput]]
) -> Generator[Event | None]:
    doings = chain(first, chain.from_iterable(rest))
    return in_background(lambda: handle.engine.run(doings))
