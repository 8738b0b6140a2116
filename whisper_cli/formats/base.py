"""Formats that are a header, then cue after cue, and a footer at most."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from whisper_cli.formats.text import lines
from whisper_cli.transcript import Info, Segment


@dataclass(frozen=True, slots=True)
class CueFile:
    """Write segments by `cue(number, segment, lines)`; those without text are left out."""

    cue: Callable[[int, Segment, list[str]], str]
    header: str | Callable[[Info], str] = ""
    footer: str | Callable[[int], str] = ""

    def begin(self, info: Info) -> str:
        """Write the header."""
        return self.header if isinstance(self.header, str) else self.header(info)

    def segment(self, number: int, segment: Segment) -> str:
        """Write one cue."""
        text = lines(segment.text)
        return self.cue(number, segment, text) if text else ""

    def closing(self, info: Info, number: int) -> str:  # noqa: ARG002 - it holds for all
        """Write the footer after so many cues."""
        return self.footer if isinstance(self.footer, str) else self.footer(number)

    def end(self, info: Info, segments: Sequence[Segment]) -> str:
        """Write the footer."""
        return self.closing(info, len(segments))
