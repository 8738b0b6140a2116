"""A sink that gets cues instead of segments."""

from collections.abc import Iterator, Sequence

from whisper_cli.batch.sinks import Sink
from whisper_cli.choices import Task
from whisper_cli.cues.rules import Rules
from whisper_cli.cues.shaper import Shaper
from whisper_cli.transcript import Info, Segment


class ShapedSink:
    """Shapes what it gets and gives it to another sink, some segments later."""

    def __init__(self, sink: Sink, rules: Rules, language: str | None) -> None:
        self._sink = sink
        self._shaper = Shaper(rules, language)
        self._cues: list[Segment] = []

    def add(self, info: Info, number: int, segment: Segment) -> None:  # noqa: ARG002 - cues count
        """Take the next segment."""
        self._pass(info, self._shaper.add(segment))

    def guess(self, segment: Segment) -> None:
        """Leave it out: cues are made of what stays."""

    def close(self, info: Info, segments: Sequence[Segment]) -> None:  # noqa: ARG002 - it has cues
        """Write the cues that are left, and the end."""
        try:
            self._pass(info, self._shaper.end(info.duration))
        finally:
            self._sink.close(info, self._cues)

    def _pass(self, info: Info, cues: Iterator[Segment]) -> None:
        for cue in cues:
            self._cues.append(cue)
            self._sink.add(info, len(self._cues), cue)


def spoken(info: Info) -> str | None:
    """Tell the language of the text, which is English in every translation."""
    return "en" if info.provenance.options.task is Task.TRANSLATE else info.language
