"""Names of speakers in the text of formats that have no other place for them."""

from collections.abc import Sequence
from dataclasses import replace

from whisper_cli.batch.sinks import Sink
from whisper_cli.choices import Format
from whisper_cli.transcript import Info, Segment
from whisper_cli.writers.text import named

LABELLED = frozenset({Format.srt, Format.lrc})


class LabelledSink:
    """Puts a name before what a speaker says, where the speaker changes, for another sink.

    The name belongs to the first word, so that shaping counts it and never parts the two.
    """

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self._speaker: str | None = None

    def add(self, info: Info, number: int, segment: Segment) -> None:
        """Take the next segment."""
        speaks, self._speaker = self._speaker, segment.speaker
        changed = segment.speaker is not None and segment.speaker != speaks
        self._sink.add(info, number, _labelled(segment) if changed else segment)

    def close(self, info: Info, segments: Sequence[Segment]) -> None:
        """Close the other sink."""
        self._sink.close(info, segments)


def _labelled(segment: Segment) -> Segment:
    label = f" {named(segment)}: "
    words = segment.words
    if words:
        first = replace(words[0], word=label + words[0].word.lstrip())
        words = (first, *words[1:])
    return replace(segment, text=label + segment.text.lstrip(), words=words)
