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
from whisper_cli.decisions import debugging, log_event, tell_dropped
from whisper_cli.diarization.options import DiarizationOptions
from whisper_cli.engine.events import DecodeProgress, PartialDecoded, SegmentDecoded
from whisper_cli.transcript import Dropped, Info, Segment

if TYPE_CHECKING:
    from whisper_cli.diarization.diarizer import Diarizer


@dataclass(slots=True)
class InputProgress:
    """One input in work: `processed` are the seconds of it that are dealt with."""

    job_input: JobInput
    info: Info
    journal: SegmentJournal | None = None
    processed: float = 0.0
    over: bool = False


class SegmentOrder(Protocol):
    """Brings what the inputs of a job say into one order."""

    @property
    def dropped(self) -> Sequence[Dropped]:
        """What was left out on the way."""
        ...

    def add(self, job_input: JobInput, segment: Segment) -> Iterator[Segment]:
        """Take the next segment of an input."""
        ...

    def passed(self, job_input: JobInput, seconds: float) -> Iterator[Segment]:
        """Take note that an input is told up to there; infinity is its end."""
        ...

    def close(self) -> None:
        """Let go of what was opened."""
        ...


class SingleInput:
    """The one input of a job: its segments come in order."""

    dropped: Sequence[Dropped] = ()

    def add(self, _job_input: JobInput, segment: Segment) -> Iterator[Segment]:
        """Give it as it is."""
        yield segment

    def passed(self, _job_input: JobInput, _seconds: float) -> Iterator[Segment]:
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
        self._crosstalk_filter = CrosstalkFilter(self._loudness.power)
        self._merge = SegmentMerge(len(group), self._crosstalk_filter)

    @property
    def dropped(self) -> Sequence[Dropped]:
        """What one channel only overheard of the other."""
        return self._crosstalk_filter.dropped

    def add(self, job_input: JobInput, segment: Segment) -> Iterator[Segment]:
        """Take a segment of a channel, and name who says it."""
        channel = job_input.channel or 0
        named = replace(segment, speaker=self._speakers.name(channel))
        return self._merge.add(channel, named)

    def passed(self, job_input: JobInput, seconds: float) -> Iterator[Segment]:
        """Take note of how far a channel is told."""
        return self._merge.passed(job_input.channel or 0, seconds)

    def close(self) -> None:
        """Close what was listened to for its loudness."""
        self._loudness.close()


def combined_info(
    channel_states: Sequence[InputProgress], whole: Info, dropped: Sequence[Dropped]
) -> Info:
    """Sum up what is known of a job in the end."""
    [first, *rest] = (channel_state.info for channel_state in channel_states)
    if not rest:
        return first
    infos = (first, *rest)
    left_out = [*dropped, *(item for info in infos for item in info.dropped)]
    again = [item for info in infos for item in info.redecoded]
    known = channel_states[0].job_input.warnings
    problems = tuple(
        f"channel {number}: {problem}"
        for number, info in enumerate(infos, 1)
        for problem in info.warnings
        if problem not in known
    )
    return replace(
        whole,
        duration=max(info.duration or 0.0 for info in infos),
        dropped=tuple(sorted(left_out, key=lambda item: item.start)),
        redecoded=tuple(sorted(again, key=lambda item: item.start)),
        warnings=(*known, *problems),
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

    def __init__(self, group: Sequence[JobInput], session: Session) -> None:
        self.name = group[0].name
        self.stack = ExitStack()
        self._group, self._session = group, session
        self._channel_states: dict[JobInput, InputProgress] = {}
        called = session.speakers if len(group) > 1 else None
        self._order: SegmentOrder = ChannelMerger(group, called) if called else SingleInput()
        self.stack.callback(self._order.close)
        self._rendered: Postprocessor | None = None
        self._diarizer: Diarizer | None = None
        self._info = Info(self.name, session.provenance)
        self._sinks: list[Sink] = []
        self._segments: list[Segment] = []

    @property
    def processed(self) -> float:
        """Seconds of the job that are dealt with."""
        return sum(
            channel_state.processed for channel_state in self._channel_states.values()
        ) / len(self._group)

    @property
    def total(self) -> float | None:
        """Seconds of it as declared; None where nothing says."""
        return self._group[0].total

    def begin(self, job_input: JobInput, info: Info) -> None:
        """Take up an input, with what is stored of it. Raises OutputError.

        The outputs come before the journal: they are locked against other processes.
        """
        channel_state = self._channel_states[job_input] = InputProgress(job_input, info)
        everyone = len(self._channel_states) == len(self._group)
        if self._rendered is None and (info.language is not None or everyone):
            self._open(info)
        stored = job_input.stored
        for segment in stored.segments if stored else ():
            self._add(channel_state, segment)
        if stored is not None:
            tell_dropped(self.name, stored.info.dropped)
            self._passed(channel_state, stored.seconds)

    def note(self, job_input: JobInput) -> None:
        """Begin its journal, or go on with it. Raises OutputError where it can't be written."""
        channel_state = self._channel_states[job_input]
        channel_state.journal = job_input.journal()
        if channel_state.journal is not None:
            self.stack.callback(channel_state.journal.close)
            if job_input.stored is None:
                channel_state.journal.started(channel_state.info)

    def take(
        self, job_input: JobInput, event: SegmentDecoded | PartialDecoded | DecodeProgress
    ) -> None:
        """Take what is told of an input on the way; a segment is written once its turn comes."""
        channel_state = self._channel_states[job_input]
        match event:
            case SegmentDecoded(_, segment):
                if channel_state.journal is not None:
                    channel_state.journal.decoded(segment)
                self._add(channel_state, segment)
            case PartialDecoded(_, segment):
                for sink in self._sinks:
                    sink.guess(segment)
            case DecodeProgress(_, seconds, mark, dropped, redecoded):
                tell_dropped(self.name, dropped)
                self._passed(channel_state, seconds)
                if channel_state.journal is not None and mark is not None:
                    channel_state.journal.passed(seconds, mark, dropped, redecoded)

    def end(self, job_input: JobInput, info: Info) -> Info | None:
        """Take note that an input is over; give what is known once all are, and published."""
        channel_state = self._channel_states[job_input]
        channel_state.info, channel_state.over = info, True
        channel_state.processed = info.duration or channel_state.processed
        if channel_state.journal is not None and not info.changed:
            known = job_input.warnings  # whoever opens it again knows them, or named what is meant
            later = tuple(item for item in info.warnings if item not in known)
            channel_state.journal.finished(replace(info, warnings=later))
        self._write(self._order.passed(job_input, inf))
        if not all(
            item in self._channel_states and self._channel_states[item].over for item in self._group
        ):
            return None
        self._emit(self._rendered.end() if self._rendered else ())
        channel_states = [self._channel_states[item] for item in self._group]
        self._info = combined_info(channel_states, self._info, self._order.dropped)
        self._log_reason()
        self.stack.close()
        if self._diarizer is not None and self._info.changed:
            self._diarizer.discard()
        for item in channel_states:
            if item.journal is not None:
                item.journal.move(None if self._info.changed else item.job_input.kept)
            else:
                item.job_input.clear()
        return self._info

    def _log_reason(self) -> None:
        """Log what was left out or changed after decoding."""
        tell_dropped(self.name, self._order.dropped)
        if self._rendered is None or not debugging():
            return
        for change in self._rendered.final_info(self._info).changes or ():
            log_event(
                "changed",
                '{start:.2f} to {end:.2f} s: "{before}" became "{after}" ({why})',
                source=self.name,
                start=change.start,
                end=change.end,
                before=change.before,
                after=change.after,
                why=change.reason,
            )

    def _open(self, info: Info) -> None:
        provenance = replace(info.provenance, complete=False)
        if len(self._group) > 1:
            channel = self._session.provenance.options.channel
            options = replace(provenance.options, channel=channel)
            provenance = replace(provenance, options=options)
        self._info = replace(info, provenance=provenance)
        self._diarizer = self._diarizer_for(self._group[0])
        self._rendered = Postprocessor(self._session, self._info, self._diarizer)
        started = any(job_input.started for job_input in self._group)
        for target in self._group[0].targets:
            final_info = self._rendered.final_info(self._info)
            self._sinks.append(sink_for(target, final_info, self._session, started=started))
            self.stack.callback(self._close, self._sinks[-1])

    def _add(self, channel_state: InputProgress, segment: Segment) -> None:
        channel_state.processed = max(channel_state.processed, segment.end)
        self._write(self._order.add(channel_state.job_input, segment))

    def _passed(self, channel_state: InputProgress, seconds: float) -> None:
        channel_state.processed = max(channel_state.processed, seconds)
        self._write(self._order.passed(channel_state.job_input, seconds))

    def _write(self, segments: Iterable[Segment]) -> None:
        for segment in segments:
            self._emit(self._rendered.add(segment) if self._rendered else ())

    def _emit(self, segments: Iterable[Segment]) -> None:
        for segment in segments:
            self._segments.append(segment)
            for sink in self._sinks:
                sink.add(self._info, len(self._segments), segment)

    def _diarizer_for(self, job_input: JobInput) -> "Diarizer | None":
        """Begin to tell the voices of the input apart, where that is asked for."""
        if self._session.diarization_models is None:
            return None
        diarizer = self._session.diarization_models.start(job_input.source, self._info)
        self.stack.callback(diarizer.close)
        return diarizer

    def _close(self, sink: Sink) -> None:
        final_info = self._rendered.final_info(self._info) if self._rendered else self._info
        sink.close(final_info, self._segments)
