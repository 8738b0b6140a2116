"""What the engine says of many inputs at once, written to the outputs of each."""

from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field, replace
from types import TracebackType
from typing import Self, cast

from whisper_cli.batch.doing import Doing
from whisper_cli.batch.journal import Journal, prune
from whisper_cli.batch.outcomes import Failed, Heard, Outcome
from whisper_cli.batch.outputs import sink_for
from whisper_cli.batch.rendered import Rendered
from whisper_cli.batch.sinks import Sink
from whisper_cli.batch.work import Work
from whisper_cli.engine.events import Begun, Broke, Ended, Event, Passed, Said
from whisper_cli.errors import ConfigError, WhisperError
from whisper_cli.transcript import Info, Segment


@dataclass(slots=True)
class _Page:
    """The outputs of one input in work; closing them leaves each valid up to its last cue."""

    doing: Doing
    info: Info
    rendered: Rendered
    sinks: list[Sink] = field(default_factory=list)
    segments: list[Segment] = field(default_factory=list)
    heard: float = 0.0
    stack: ExitStack = field(default_factory=ExitStack)
    journal: Journal | None = None

    def open(self, work: Work) -> None:
        """Begin every output, with what is stored. Raises OutputError where one can't be written.

        The outputs come before the journal: they are locked against other processes.
        """
        for target in self.doing.targets:
            self.sinks.append(sink_for(target, self.rendered.told(self.info), work))
            self.stack.callback(self._close, self.sinks[-1])
        stored = self.doing.stored
        for segment in stored.segments if stored else ():
            self.add(segment)
        if stored is not None:
            self.heard = max(self.heard, stored.seconds)

    def note(self) -> None:
        """Begin the journal, or go on with it. Raises OutputError where it can't be written."""
        self.journal = self.doing.journal()
        if self.journal is not None:
            self.stack.callback(self.journal.close)
            if self.doing.stored is None:
                self.journal.begun(self.info)

    def add(self, segment: Segment) -> None:
        """Write one more segment into every output."""
        if self.journal is not None:
            self.journal.said(segment)
        self.heard = max(self.heard, segment.end)
        for each in self.rendered.add(segment):
            self.segments.append(each)
            for sink in self.sinks:
                sink.add(self.info, len(self.segments), each)

    def close(self) -> None:
        """Publish the outputs, and then take the journal away."""
        journal = self.journal
        if journal is not None:
            journal.ended(self.info)
        self.stack.close()
        if journal is not None:
            journal.move(self.doing.kept)

    def _close(self, sink: Sink) -> None:
        sink.close(self.rendered.told(self.info), self.segments)


class Desk:
    """Writes what an engine says; use `with`, so that outputs in work are closed whatever comes."""

    def __init__(self, revision: str | None, work: Work) -> None:
        self._revision, self._work = revision, work
        self._pages: dict[Doing, _Page] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with ExitStack() as stack:
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
        except WhisperError as error:
            doing.wanted = False
            with suppress(WhisperError):  # closing meets the same full disk
                self._leave(doing)
            yield Failed(doing.name, error)

    def _written(self, doing: Doing, event: Event) -> Iterator[Outcome]:
        if not doing.wanted:
            return
        match event:
            case Begun(_, info):
                known = self._known(info)
                page = self._pages[doing] = _Page(doing, known, Rendered(self._work, known))
                page.open(self._work)
                page.note()
            case Said(_, segment):
                self._pages[doing].add(segment)
            case Passed(_, seconds, mark, dropped):
                page = self._pages[doing]
                page.heard = max(page.heard, seconds)
                if page.journal is not None and mark is not None:
                    page.journal.passed(seconds, mark, dropped)
            case Broke(_, error):
                raise error
            case Ended(_, None):
                yield without_decoding(doing, self._work)
            case Ended(_, Info() as info):
                page = self._pages[doing]
                page.info = self._known(info)
                yield from self._heard(page, info.duration)
                page.close()
                del self._pages[doing]
                yield doing.finished(page.info)
        if isinstance(event, Said | Passed):
            yield from self._front()

    def _leave(self, doing: Doing) -> None:
        if doing in self._pages:
            self._pages.pop(doing).stack.close()

    def _front(self) -> Iterator[Outcome]:
        """Tell how far the first of the inputs in work has come."""
        for page in list(self._pages.values())[:1]:
            yield from self._heard(page)

    def _heard(self, page: _Page, seconds: float | None = None) -> Iterator[Outcome]:
        yield Heard(page.doing.name, page.heard if seconds is None else seconds, page.doing.total)

    def _known(self, info: Info) -> Info:
        return replace(info, provenance=replace(info.provenance, revision=self._revision))


def without_decoding(doing: Doing, work: Work) -> Outcome:
    """Finish an input whose outputs are current, or written from its stored segments."""
    if doing.stored is None:
        return doing.finished()
    whole = doing.stored.info
    begun = replace(whole, provenance=replace(whole.provenance, complete=False))
    page = _Page(doing, begun, Rendered(work, begun))
    with page.stack:
        page.open(work)
        page.info = whole
    doing.clear()
    return doing.finished(page.info)


class InOrder:
    """Holds back what is said of an input until those before it are over."""

    def __init__(self, first: int) -> None:
        self._turn = first
        self._held: dict[int, list[Event]] = {}

    def let_through(self, event: Event) -> Iterator[Event]:
        """Take one event, and give those whose turn it is."""
        self._held.setdefault(cast("Doing", event.input).number, []).append(event)
        while held := self._held.pop(self._turn, None):
            yield from held
            if not any(isinstance(each, Ended | Broke) for each in held):
                return
            self._turn += 1
