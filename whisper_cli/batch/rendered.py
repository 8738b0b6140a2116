"""Segments as outputs hold them, made of segments as they are decoded and stored."""

from collections.abc import Iterator
from dataclasses import replace

from whisper_cli.batch.work import Work
from whisper_cli.transcript import Info, Segment


class Rendered:
    """What the options that only change rendering make of one input's segments."""

    def __init__(self, work: Work, info: Info) -> None:
        self._carer = None
        if work.care is not None:
            from whisper_cli.batch.shaped import spoken
            from whisper_cli.care.carer import Carer

            self._carer = Carer(work.care, spoken(info))

    def add(self, segment: Segment) -> Iterator[Segment]:
        """Take the next segment as it was decoded."""
        return self._carer.add(segment) if self._carer else iter((segment,))

    def told(self, info: Info) -> Info:
        """Add what was changed so far to what is known."""
        if self._carer is None:
            return info
        return replace(info, changes=(*(info.changes or ()), *self._carer.changes))
