"""What the engine says of many inputs at once, written to the outputs of each job."""

from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import replace
from typing import Self, cast

from whisper_cli.batch.claims import Claims
from whisper_cli.batch.doing import Doing
from whisper_cli.batch.journal import prune
from whisper_cli.batch.outcomes import Failed, Finished, Heard, Outcome
from whisper_cli.batch.page import Page
from whisper_cli.batch.work import Located, Work
from whisper_cli.engine.events import Begun, Broke, Ended, Event, Guessed, Passed, Said
from whisper_cli.errors import ConfigError, WhisperError, failure_of
from whisper_cli.transcript import Info


class Desk:
    """Writes what an engine says; use `with`, so that outputs in work are closed whatever comes.

    `located` is the model, once it is here; `claims` are of the jobs' outputs, until each is over.
    """

    def __init__(self, work: Work) -> None:
        self.located: Located | None = None
        self.claims = Claims(work.ledger.folder / "outputs.lock")
        self._work = work
        self._pages: dict[int, Page] = {}
        self._skipped: dict[int, int] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with ExitStack() as stack:
            stack.callback(self.claims.close)
            for page in self._pages.values():
                stack.enter_context(page.stack)
        if self._work.history is not None:
            prune(self._work.history)

    def take(self, event: Event | None) -> Iterator[Outcome]:
        """Write what one event says; None is a moment in which nothing happened."""
        if event is None:
            yield from self._front()
            return
        doing = cast("Doing", event.input)
        try:
            yield from self._written(doing, event)
        except ConfigError:
            raise
        except Exception as error:  # noqa: BLE001 - it is this input's failure
            yield self.failed(doing, failure_of(error, doing.name))

    def failed(self, doing: Doing, error: WhisperError) -> Failed:
        """Leave an input, with all that is told of it from now on."""
        for each in doing.group:
            each.wanted = False
        with suppress(Exception):  # closing meets the same full disk, and the first failure counts
            self._leave(doing)
        self.claims.leave(doing.number)
        return Failed(doing.number, doing.name, error)

    def _written(self, doing: Doing, event: Event) -> Iterator[Outcome]:
        if not doing.wanted:
            return
        match event:
            case Begun(_, info):
                page = self._page(doing)
                page.begin(doing, self._known(info))
                page.note(doing)
            case Said() | Guessed() | Passed():
                self._page(doing).take(doing, event)
                yield from self._front()
            case Broke(_, error):
                yield self.failed(doing, error)
            case Ended(_, None):
                yield from self._without_decoding(doing)
            case Ended(_, Info() as info):
                yield from self._ended(doing, doing.checked(self._known(info)))

    def _without_decoding(self, doing: Doing) -> Iterator[Outcome]:
        """Take an input whose outputs are current, or that is stored whole."""
        if doing.stored is not None:
            self._page(doing).begin(doing, doing.stored.info)
            yield from self._ended(doing, doing.stored.info)
            return
        skipped = self._skipped.pop(doing.number, 0) + 1
        if skipped == len(doing.group):
            yield self._finished(doing)
        else:
            self._skipped[doing.number] = skipped

    def _ended(self, doing: Doing, info: Info) -> Iterator[Outcome]:
        page = self._page(doing)
        whole = page.end(doing, info)
        if whole is None:
            return
        yield self._heard(doing.number, whole.duration)
        del self._pages[doing.number]
        yield self._finished(doing, whole)

    def _finished(self, doing: Doing, info: Info | None = None) -> Finished:
        done = doing.finished(info)
        self.claims.leave(doing.number)
        return done

    def _page(self, doing: Doing) -> Page:
        if doing.number not in self._pages:
            self._pages[doing.number] = Page(doing.group, self._work)
        return self._pages[doing.number]

    def _leave(self, doing: Doing) -> None:
        if doing.number in self._pages:
            self._pages.pop(doing.number).stack.close()

    def _front(self) -> Iterator[Outcome]:
        """Tell how far the first of the jobs in work has come."""
        for number in list(self._pages)[:1]:
            yield self._heard(number)

    def _heard(self, number: int, seconds: float | None = None) -> Heard:
        page = self._pages[number]
        return Heard(number, page.name, page.heard if seconds is None else seconds, page.total)

    def _known(self, info: Info) -> Info:
        if self.located is None:
            return info
        return replace(info, provenance=self.located.known(info.provenance))


class InOrder:
    """Holds back what is said of a job until those before it are over."""

    def __init__(self, first: int) -> None:
        self._turn = first
        self._ended = 0
        self._held: dict[int, list[Event]] = {}

    def let_through(self, event: Event) -> Iterator[Event]:
        """Take one event, and give those whose turn it is."""
        self._held.setdefault(cast("Doing", event.input).number, []).append(event)
        while held := self._held.pop(self._turn, None):
            yield from held
            self._ended += sum(isinstance(each, Ended) for each in held)
            doing = cast("Doing", held[0].input)
            whole = self._ended == len(doing.group) or not doing.wanted  # nothing follows then
            if not whole and not any(isinstance(each, Broke) for each in held):
                return
            self._turn, self._ended = self._turn + 1, 0
