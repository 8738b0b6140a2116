"""The outputs of one job in work, and what is known of each of its inputs."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from math import inf
from typing import TYPE_CHECKING, Protocol

from whisper_cli.batch.job_input import JobInput
from whisper_cli.batch.journal import SegmentJournal
from whisper_cli.batch.outputs import sink_for
from whisper_cli.batch.session import Session
from whisper_cli.batch.sinks import Sink
from whisper_cli.batch.transforms import Postprocessor
from whisper_cli.diarization.options import DiarizationOptions
from whisper_cli.engine.events import PartialDecoded, Progressed, SegmentDecoded
from whisper_cli.transcript import Dropped, Info, Segment

if TYPE_CHECKING:
    from whisper_cli.diarization.diarizer import Diarizer


@dataclass(slots=True)
class InputProgress:
    """One input in work: `heard` are the seconds of it that are dealt with."""

    doing: JobInput
    info: Info
    journal: SegmentJournal | None = None
    heard: float = 0.0
    over: bool = False


class SegmentOrder(Protocol):
    """Brings what the inputs of a job say into one order."""

    @property
    def dropped(self) -> Sequence[Dropped]:
        """What was left out on the way."""
        ...

    def add(self, doing: JobInput, segment: Segment) -> Iterator[Segment]:
        """Take the next segment of an input."""
        ...

    def passed(self, doing: JobInput, seconds: float) -> Iterator[Segment]:
        """Take note that an input is told up to there; infinity is its end."""
        ...

    def close(self) -> None:
        """Let go of what was opened."""
        ...


class SingleInput:
    """The one input of a job: its segments come in order."""

    dropped: Sequence[Dropped] = ()

    def add(self, _doing: JobInput, segment: Segment) -> Iterator[Segment]:
        """Give it as it is."""
        yield segment

    def passed(self, _doing: JobInput, _seconds: float) -> Iterator[Segment]:
        """Give nothing: nothing is held back."""
        return iter(())

    def close(self) -> None:
        """Nothing was opened."""


class ChannelMerger:
    """The channels of a call: each is a speaker, and what it only overhears is left out."""

    def __init__(self, group: Sequence[JobInput], speakers: DiarizationOptions) -> None:
        from whisper_cli.diarization.crosstalk import CrosstalkFilter, Loudness
        from whisper_cli.diarization.merge import SegmentMerge

        self._speakers = speakers
        self._loudness = Loudness(lambda channel: group[channel].sound())
        self._bleed = CrosstalkFilter(self._loudness.power)
        self._merge = SegmentMerge(len(group), self._bleed)

    @property
    def dropped(self) -> Sequence[Dropped]:
        """What one channel only overheard of the other."""
        return self._bleed.dropped

    def add(self, doing: JobInput, segment: Segment) -> Iterator[Segment]:
        """Take a segment of a channel, and name who says it."""
        channel = doing.channel or 0
        named = replace(segment, speaker=self._speakers.name(channel))
        return self._merge.add(channel, named)

    def passed(self, doing: JobInput, seconds: float) -> Iterator[Segment]:
        """Take note of how far a channel is told."""
        return self._merge.passed(doing.channel or 0, seconds)

    def close(self) -> None:
        """Close what was listened to for its loudness."""
        self._loudness.close()


def combined_info(lanes: Sequence[InputProgress], whole: Info, dropped: Sequence[Dropped]) -> Info:
    """Sum up what is known of a job in the end."""
    [first, *others] = (lane.info for lane in lanes)
    if not others:
        return first
    infos = (first, *others)
    left_out = [*dropped, *(each for info in infos for each in info.dropped)]
    doubts = tuple(
        f"channel {number}: {doubt}"
        for number, info in enumerate(infos, 1)
        for doubt in info.warnings
    )
    return replace(
        whole,
        duration=max(info.duration or 0.0 for info in infos),
        dropped=tuple(sorted(left_out, key=lambda each: each.start)),
        warnings=doubts,
        changed=any(info.changed for info in infos),
        provenance=replace(
            whole.provenance,
            input_sha256=first.provenance.input_sha256,
            complete=all(info.provenance.complete for info in infos),
        ),
    )


class JobOutputs:
    """Writes what the inputs of a job tell; closing `stack` leaves it valid up to its last cue.

    The outputs begin when an input's language is known, or nothing more can tell one.
    """

    def __init__(self, group: Sequence[JobInput], work: Session) -> None:
        self.name = group[0].name
        self.stack = ExitStack()
        self._group, self._work = group, work
        self._lanes: dict[JobInput, InputProgress] = {}
        called = work.speakers if len(group) > 1 else None
        self._order: SegmentOrder = ChannelMerger(group, called) if called else SingleInput()
        self.stack.callback(self._order.close)
        self._rendered: Postprocessor | None = None
        self._voices: Diarizer | None = None
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

    def begin(self, doing: JobInput, info: Info) -> None:
        """Take up an input, with what is stored of it. Raises OutputError.

        The outputs come before the journal: they are locked against other processes.
        """
        lane = self._lanes[doing] = InputProgress(doing, info)
        everyone = len(self._lanes) == len(self._group)
        if self._rendered is None and (info.language is not None or everyone):
            self._open(info)
        stored = doing.stored
        for segment in stored.segments if stored else ():
            self._add(lane, segment)
        if stored is not None:
            self._passed(lane, stored.seconds)

    def note(self, doing: JobInput) -> None:
        """Begin its journal, or go on with it. Raises OutputError where it can't be written."""
        lane = self._lanes[doing]
        lane.journal = doing.journal()
        if lane.journal is not None:
            self.stack.callback(lane.journal.close)
            if doing.stored is None:
                lane.journal.begun(lane.info)

    def take(self, doing: JobInput, event: SegmentDecoded | PartialDecoded | Progressed) -> None:
        """Take what is told of an input on the way; a segment is written once its turn comes."""
        lane = self._lanes[doing]
        match event:
            case SegmentDecoded(_, segment):
                if lane.journal is not None:
                    lane.journal.said(segment)
                self._add(lane, segment)
            case PartialDecoded(_, segment):
                for sink in self._sinks:
                    sink.guess(segment)
            case Progressed(_, seconds, mark, dropped):
                self._passed(lane, seconds)
                if lane.journal is not None and mark is not None:
                    lane.journal.passed(seconds, mark, dropped)

    def end(self, doing: JobInput, info: Info) -> Info | None:
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
        self._info = combined_info(lanes, self._info, self._order.dropped)
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
        self._rendered = Postprocessor(self._work, self._info, self._voices)
        begun = any(doing.begun for doing in self._group)
        for target in self._group[0].targets:
            told = self._rendered.told(self._info)
            self._sinks.append(sink_for(target, told, self._work, begun=begun))
            self.stack.callback(self._close, self._sinks[-1])

    def _add(self, lane: InputProgress, segment: Segment) -> None:
        lane.heard = max(lane.heard, segment.end)
        self._write(self._order.add(lane.doing, segment))

    def _passed(self, lane: InputProgress, seconds: float) -> None:
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

    def _heard_in(self, doing: JobInput) -> "Diarizer | None":
        """Begin to tell the voices of the input apart, where that is asked for."""
        if self._work.ears is None:
            return None
        voices = self._work.ears.hear(doing.source, self._info)
        self.stack.callback(voices.close)
        return voices

    def _close(self, sink: Sink) -> None:
        told = self._rendered.told(self._info) if self._rendered else self._info
        sink.close(told, self._segments)
