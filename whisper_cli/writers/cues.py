"""Formats that are a header and then cue after cue, valid wherever they stop."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from whisper_cli.transcript import Info, Segment
from whisper_cli.writers.text import lines


@dataclass(frozen=True, slots=True)
class CueFile:
    """Write segments by `cue(number, segment, lines)`; those without text are left out."""

    media_type: str
    cue: Callable[[int, Segment, list[str]], str]
    header: str = ""
    needs_end: bool = False

    def begin(self, info: Info) -> str:  # noqa: ARG002 - a header knows nothing of the input
        """Write the header."""
        return self.header

    def segment(self, number: int, segment: Segment) -> str:
        """Write one cue."""
        text = lines(segment.text)
        return self.cue(number, segment, text) if text else ""

    def end(self, info: Info, segments: Sequence[Segment]) -> str:  # noqa: ARG002 - no end
        """Write nothing."""
        return ""
