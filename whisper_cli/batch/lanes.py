"""What is known of the inputs of one job while they are decoded, and of all of them together."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from whisper_cli.batch.doing import Doing
from whisper_cli.batch.journal import Journal
from whisper_cli.speakers.asked import Speakers
from whisper_cli.transcript import Dropped, Info, Segment


@dataclass(slots=True)
class Lane:
    """One input in work: `heard` are the seconds of it that are dealt with."""

    doing: Doing
    info: Info
    journal: Journal | None = None
    heard: float = 0.0
    over: bool = False


class Lanes(Protocol):
    """Brings what the inputs of a job say into one order."""

    @property
    def dropped(self) -> Sequence[Dropped]:
        """What was left out on the way."""
        ...

    def add(self, doing: Doing, segment: Segment) -> Iterator[Segment]:
        """Take the next segment of an input."""
        ...

    def passed(self, doing: Doing, seconds: float) -> Iterator[Segment]:
        """Take note that an input is told up to there; infinity is its end."""
        ...

    def close(self) -> None:
        """Let go of what was opened."""
        ...


class Alone:
    """The one input of a job: its segments come in order."""

    dropped: Sequence[Dropped] = ()

    def add(self, _doing: Doing, segment: Segment) -> Iterator[Segment]:
        """Give it as it is."""
        yield segment

    def passed(self, _doing: Doing, _seconds: float) -> Iterator[Segment]:
        """Give nothing: nothing is held back."""
        return iter(())

    def close(self) -> None:
        """Nothing was opened."""


class Channels:
    """The channels of a call: each is a speaker, and what it only overhears is left out."""

    def __init__(self, group: Sequence[Doing], speakers: Speakers) -> None:
        from whisper_cli.speakers.bleed import Bleed
        from whisper_cli.speakers.loudness import Loudness
        from whisper_cli.speakers.merge import Merge

        self._speakers = speakers
        self._loudness = Loudness(lambda channel: group[channel].sound())
        self._bleed = Bleed(self._loudness.power)
        self._merge = Merge(len(group), self._bleed)

    @property
    def dropped(self) -> Sequence[Dropped]:
        """What one channel only overheard of the other."""
        return self._bleed.dropped

    def add(self, doing: Doing, segment: Segment) -> Iterator[Segment]:
        """Take a segment of a channel, and name who says it."""
        channel = doing.channel or 0
        named = replace(segment, speaker=self._speakers.name(channel))
        return self._merge.add(channel, named)

    def passed(self, doing: Doing, seconds: float) -> Iterator[Segment]:
        """Take note of how far a channel is told."""
        return self._merge.passed(doing.channel or 0, seconds)

    def close(self) -> None:
        """Close what was listened to for its loudness."""
        self._loudness.close()


def together(lanes: Sequence[Lane], whole: Info, dropped: Sequence[Dropped]) -> Info:
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
