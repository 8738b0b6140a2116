"""Many jobs: skip what is current, decode the others together, and go on after a failure."""

from collections.abc import Generator, Iterable, Iterator
from contextlib import closing
from itertools import chain

from whisper_cli.batch.background import in_background
from whisper_cli.batch.desk import Desk, InOrder, without_decoding
from whisper_cli.batch.doing import Doing
from whisper_cli.batch.outcomes import Failed, Finished, Heard, Outcome
from whisper_cli.batch.targets import Job
from whisper_cli.batch.work import Located, Work
from whisper_cli.engine.events import Event
from whisper_cli.errors import ConfigError, ModelError, WhisperError

__all__ = ["Failed", "Finished", "Heard", "Outcome", "run"]


def run(jobs: Iterable[Job], work: Work) -> Generator[Outcome]:
    """Do the jobs; what only one input suffers from becomes its Failed outcome.

    Several are under way at once, but what shares stdout comes in order. Raises ConfigError and
    ModelError, which every job would meet. Those and a Stopped pass through after the outputs in
    work were closed, valid up to their last cue.
    """
    doings = (Doing(number, job, work) for number, job in enumerate(jobs))
    for doing in doings:
        outcome = _without_model(doing, work)
        if outcome is None:
            yield from _decode(doing, doings, work)
            return
        yield outcome


def _without_model(doing: Doing, work: Work) -> Outcome | None:
    """Open a job before there is a model; None where it needs one."""
    try:
        return without_decoding(doing, work) if doing.open() is None else None
    except (ConfigError, ModelError):
        raise
    except WhisperError as error:
        return Failed(doing.name, error)


def _decode(first: Doing, others: Iterator[Doing], work: Work) -> Generator[Outcome]:
    """Bring the model here, let the engine run in the background, and write what it says."""
    try:
        located = work.locate()
    except BaseException:
        first.close()
        raise
    order = InOrder(first.number) if any(each.pattern is None for each in first.targets) else None
    with Desk(located.revision, work) as desk, closing(_run(located, first, others)) as events:
        for event in events:
            if event is None or order is None:
                yield from desk.take(event)
            else:
                for due in order.let_through(event):
                    yield from desk.take(due)


def _run(located: Located, first: Doing, others: Iterator[Doing]) -> Generator[Event | None]:
    return in_background(lambda: located.engine.run(chain([first], others)))
