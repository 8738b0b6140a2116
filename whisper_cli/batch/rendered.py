"""Segments as outputs hold them, made of segments as they are decoded and stored."""

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from whisper_cli.batch.work import Work
from whisper_cli.speakers.asked import Speakers
from whisper_cli.transcript import Info, Segment

if TYPE_CHECKING:
    from whisper_cli.speakers.hear import Voices


class Rendered:
    """What the options that only change rendering make of one input's segments.

    With `voices` they wait until it is known who speaks when.
    """

    def __init__(self, work: Work, info: Info, voices: "Voices | None" = None) -> None:
        self._speakers = work.speakers or Speakers()
        self._known: dict[str, int] = {}
        self._voices = voices
        self._held: list[Segment] = []
        self._carer = None
        if work.care is not None:
            from whisper_cli.care.carer import Carer

            self._carer = Carer(work.care, info.spoken)

    def add(self, segment: Segment) -> Iterator[Segment]:
        """Take the next segment as it was decoded."""
        if self._voices is None:
            return self._cared(self._renamed(segment))
        self._held.append(segment)
        return self.end() if self._voices.over else iter(())

    def end(self) -> Iterator[Segment]:
        """Give what waits. Raises EngineError where it can't be known who speaks."""
        if self._voices is None:
            return
        from whisper_cli.speakers.turns import spoken

        turns = self._voices.turns()
        held, self._held = self._held, []
        for segment in held:
            for part, who in spoken(segment, turns):
                name = None if who is None else self._speakers.name(who)
                yield from self._cared(replace(part, speaker=name))

    def told(self, info: Info) -> Info:
        """Add what was changed so far to what is known."""
        if self._carer is None:
            return info
        return replace(info, changes=(*(info.changes or ()), *self._carer.changes))

    def _cared(self, segment: Segment) -> Iterator[Segment]:
        cared = self._carer.add(segment) if self._carer else (segment,)
        return (each for each in cared if each.text.strip())  # writers count on it

    def _renamed(self, segment: Segment) -> Segment:
        """Give a transcript's own speakers names, in the order in which they come."""
        if segment.speaker is None or self._speakers.by is not None or not self._speakers.names:
            return segment
        number = self._known.setdefault(segment.speaker, len(self._known))
        if number >= len(self._speakers.names):
            return segment
        return replace(segment, speaker=self._speakers.names[number])
