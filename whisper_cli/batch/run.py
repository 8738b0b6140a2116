"""Many jobs: skip what is current, decode the others together, and go on after a failure."""

from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import closing
from itertools import chain

from whisper_cli.batch.background import in_background
from whisper_cli.batch.desk import Desk, InOrder
from whisper_cli.batch.doing import Doing
from whisper_cli.batch.groups import inputs_of
from whisper_cli.batch.outcomes import Failed, Finished, Heard, Outcome
from whisper_cli.batch.targets import Job
from whisper_cli.batch.work import Located, Work
from whisper_cli.engine.events import Ended, Event
from whisper_cli.errors import ConfigError, ModelError, failure_of

__all__ = ["Failed", "Finished", "Heard", "Outcome", "run"]


def run(jobs: Iterable[Job], work: Work) -> Generator[Outcome]:
    """Do the jobs; what only one input suffers from becomes its Failed outcome.

    Several are under way at once, but what shares stdout comes in order. Raises ConfigError and
    ModelError, which every job would meet. Those and a Stopped pass through after the outputs in
    work were closed, valid up to their last cue.
    """
    with Desk(work) as desk:
        groups = (inputs_of(number, job, work, desk.claims) for number, job in enumerate(jobs))
        for group in groups:
            outcomes = _without_model(group, desk)
            if outcomes is None:
                yield from _decode(group, groups, work, desk)
                return
            yield from outcomes


def _without_model(group: Sequence[Doing], desk: Desk) -> Iterator[Outcome] | None:
    """Open a job before there is a model; None where it needs one."""
    try:
        opened = [doing.open() for doing in group]
    except (ConfigError, ModelError):
        raise
    except Exception as error:  # noqa: BLE001 - it is this input's failure
        for doing in group:
            doing.close()
        return iter([desk.failed(group[0], failure_of(error, group[0].name))])
    if any(each is not None for each in opened):
        for doing in group[1:]:
            doing.close()  # until the engine comes to it, if ever
        return None
    return chain.from_iterable(desk.take(Ended(doing, None)) for doing in group)


def _decode(
    first: Sequence[Doing], others: Iterator[Sequence[Doing]], work: Work, desk: Desk
) -> Generator[Outcome]:
    """Bring the model here, let the engine run in the background, and write what it says."""
    try:
        located = work.locate()
    except BaseException:
        for doing in first:
            doing.close()
        raise
    desk.located = located
    streamed = any(each.pattern is None for each in first[0].targets)
    order = InOrder(first[0].number) if streamed else None
    with closing(_run(located, first, others)) as events:
        for event in events:
            if event is None or order is None:
                yield from desk.take(event)
            else:
                for due in order.let_through(event):
                    yield from desk.take(due)


def _run(
    located: Located, first: Sequence[Doing], others: Iterator[Sequence[Doing]]
) -> Generator[Event | None]:
    doings = chain(first, chain.from_iterable(others))
    return in_background(lambda: located.engine.run(doings))
