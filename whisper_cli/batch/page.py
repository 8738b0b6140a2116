"""The outputs of one job in work."""

from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import replace
from math import inf
from typing import TYPE_CHECKING

from whisper_cli.batch.doing import Doing
from whisper_cli.batch.lanes import Alone, Channels, Lane, Lanes, together
from whisper_cli.batch.outputs import sink_for
from whisper_cli.batch.rendered import Rendered
from whisper_cli.batch.sinks import Sink
from whisper_cli.batch.work import Work
from whisper_cli.engine.events import Guessed, Passed, Said
from whisper_cli.transcript import Info, Segment

if TYPE_CHECKING:
    from whisper_cli.speakers.hear import Voices


class Page:
    """Writes what the inputs of a job tell; closing `stack` leaves it valid up to its last cue.

    The outputs begin when an input's language is known, or nothing more can tell one.
    """

    def __init__(self, group: Sequence[Doing], work: Work) -> None:
        self.name = group[0].name
        self.stack = ExitStack()
        self._group, self._work = group, work
        self._lanes: dict[Doing, Lane] = {}
        called = work.speakers if len(group) > 1 else None
        self._order: Lanes = Channels(group, called) if called else Alone()
        self.stack.callback(self._order.close)
        self._rendered: Rendered | None = None
        self._voices: Voices | None = None
        self._info = Info(self.name, work.provenance)
        self._sinks: list[Sink] = []
        self._segments: list[Segment] = []

    @property
    def heard(self) -> float:
        """Seconds of the job that are dealt with."""
        return sum(lane.heard for lane in self._lanes.values()) / len(self._group)

    @property
    def total(self) -> float | None:
        """Seconds of it as declared; None where nothing says."""
        return self._group[0].total

    def begin(self, doing: Doing, info: Info) -> None:
        """Take up an input, with what is stored of it. Raises OutputError.

        The outputs come before the journal: they are locked against other processes.
        """
        lane = self._lanes[doing] = Lane(doing, info)
        everyone = len(self._lanes) == len(self._group)
        if self._rendered is None and (info.language is not None or everyone):
            self._open(info)
        stored = doing.stored
        for segment in stored.segments if stored else ():
            self._add(lane, segment)
        if stored is not None:
            self._passed(lane, stored.seconds)

    def note(self, doing: Doing) -> None:
        """Begin its journal, or go on with it. Raises OutputError where it can't be written."""
        lane = self._lanes[doing]
        lane.journal = doing.journal()
        if lane.journal is not None:
            self.stack.callback(lane.journal.close)
            if doing.stored is None:
                lane.journal.begun(lane.info)

    def take(self, doing: Doing, event: Said | Guessed | Passed) -> None:
        """Take what is told of an input on the way; a segment is written once its turn comes."""
        lane = self._lanes[doing]
        match event:
            case Said(_, segment):
                if lane.journal is not None:
                    lane.journal.said(segment)
                self._add(lane, segment)
            case Guessed(_, segment):
                for sink in self._sinks:
                    sink.guess(segment)
            case Passed(_, seconds, mark, dropped):
                self._passed(lane, seconds)
                if lane.journal is not None and mark is not None:
                    lane.journal.passed(seconds, mark, dropped)

    def end(self, doing: Doing, info: Info) -> Info | None:
        """Take note that an input is over; give what is known once all are, and published."""
        lane = self._lanes[doing]
        lane.info, lane.over = info, True
        lane.heard = info.duration or lane.heard
        if lane.journal is not None and not info.changed:
            lane.journal.ended(info)
        self._write(self._order.passed(doing, inf))
        if not all(each in self._lanes and self._lanes[each].over for each in self._group):
            return None
        self._emit(self._rendered.end() if self._rendered else ())
        lanes = [self._lanes[each] for each in self._group]
        self._info = together(lanes, self._info, self._order.dropped)
        self.stack.close()
        if self._voices is not None and self._info.changed:
            self._voices.forget()
        for each in lanes:
            if each.journal is not None:
                each.journal.move(None if self._info.changed else each.doing.kept)
            else:
                each.doing.clear()
        return self._info

    def _open(self, info: Info) -> None:
        provenance = replace(info.provenance, complete=False)
        if len(self._group) > 1:
            provenance = replace(provenance, options=self._work.provenance.options)
        self._info = replace(info, provenance=provenance)
        self._voices = self._heard_in(self._group[0])
        self._rendered = Rendered(self._work, self._info, self._voices)
        begun = any(doing.begun for doing in self._group)
        for target in self._group[0].targets:
            told = self._rendered.told(self._info)
            self._sinks.append(sink_for(target, told, self._work, begun=begun))
            self.stack.callback(self._close, self._sinks[-1])

    def _add(self, lane: Lane, segment: Segment) -> None:
        lane.heard = max(lane.heard, segment.end)
        self._write(self._order.add(lane.doing, segment))

    def _passed(self, lane: Lane, seconds: float) -> None:
        lane.heard = max(lane.heard, seconds)
        self._write(self._order.passed(lane.doing, seconds))

    def _write(self, segments: Iterable[Segment]) -> None:
        for segment in segments:
            self._emit(self._rendered.add(segment) if self._rendered else ())

    def _emit(self, segments: Iterable[Segment]) -> None:
        for segment in segments:
            self._segments.append(segment)
            for sink in self._sinks:
                sink.add(self._info, len(self._segments), segment)

    def _heard_in(self, doing: Doing) -> "Voices | None":
        """Begin to tell the voices of the input apart, where that is asked for."""
        if self._work.ears is None:
            return None
        voices = self._work.ears.hear(doing.source, self._info)
        self.stack.callback(voices.close)
        return voices

    def _close(self, sink: Sink) -> None:
        told = self._rendered.told(self._info) if self._rendered else self._info
        sink.close(told, self._segments)
