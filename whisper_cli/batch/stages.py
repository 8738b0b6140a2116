"""What happens to segments between the engine and a writer that shows them while sound plays."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Protocol

from whisper_cli.batch.sinks import Sink
from whisper_cli.choices import CUES, LABELLED, Format, Highlight
from whisper_cli.cues.style import Style
from whisper_cli.transcript import Info, Segment
from whisper_cli.writers.karaoke import pieces
from whisper_cli.writers.look import Look
from whisper_cli.writers.text import lines, speaker


class Stage(Protocol):
    """Takes segments one by one and gives others, maybe some segments later."""

    def add(self, segment: Segment) -> Iterable[Segment]:
        """Take the next segment."""
        ...

    def end(self, duration: float | None = None) -> Iterable[Segment]:
        """Give what is left; `duration` in seconds of sound, where that is known."""
        ...


def stages(kind: Format, info: Info, look: Look, cues: Style | None) -> Sequence[Stage]:
    """List what a format's segments go through, in order."""
    found: list[Stage] = [Labels()] if kind in LABELLED else []
    if cues is not None and kind in CUES:
        from whisper_cli.cues.shaper import Shaper

        found.append(Shaper(cues.rules(info.spoken), info.spoken))
    if kind is Format.srt and look.highlight is Highlight.words:
        found.append(Karaoke())
    return found


class Labels:
    """Says who speaks where that changes, as a part of the text, so that lines have room for it."""

    def __init__(self) -> None:
        self._last = ""

    def add(self, segment: Segment) -> Iterable[Segment]:
        """Take the next segment, and give it with a label where another speaks."""
        name, before = speaker(segment), self._last
        if not segment.text.strip():
            return (segment,)
        self._last = name
        return (_labelled(segment, f"{name}:") if name not in ("", before) else segment,)

    def end(self, duration: float | None = None) -> Iterable[Segment]:  # noqa: ARG002
        """Give nothing: no segment waits."""
        return ()


def _labelled(segment: Segment, label: str) -> Segment:
    """Put a label before the text, as a word that takes no time."""
    words = segment.words
    if words:
        first = words[0]
        named = replace(first, word=f" {label}", end=first.start, probability=1.0)
        words = (named, replace(first, word=f" {first.word.lstrip()}"), *words[1:])
    return replace(segment, text=f" {label} {segment.text.lstrip()}", words=words)


class Karaoke:
    """Shows a cue once for each of its words, underlined while it is spoken."""

    def add(self, segment: Segment) -> Iterable[Segment]:
        """Take the next cue, and give it as often as it has words."""
        return list(_marked(segment)) or [segment]

    def end(self, duration: float | None = None) -> Iterable[Segment]:  # noqa: ARG002
        """Give nothing: no cue waits."""
        return ()


def _marked(cue: Segment) -> Iterator[Segment]:
    found = pieces("\n".join(lines(cue.text)), cue)
    for at, piece in enumerate(found):
        before = "".join(each.space + each.text for each in found[:at])
        after = "".join(each.space + each.text for each in found[at + 1 :])
        word = f"<u>{piece.text}</u>" if piece.text else ""
        text = f"{before}{piece.space}{word}{after}"
        if piece.start < piece.end:
            yield replace(cue, start=piece.start / 1000, end=piece.end / 1000, text=text, words=())


class StagedSink:
    """Passes what it gets through a stage into another sink."""

    def __init__(self, sink: Sink, stage: Stage) -> None:
        self._sink, self._stage = sink, stage
        self._given: list[Segment] = []

    def add(self, info: Info, number: int, segment: Segment) -> None:  # noqa: ARG002 - others count
        """Take the next segment."""
        self._pass(info, self._stage.add(segment))

    def guess(self, segment: Segment) -> None:
        """Leave it out: stages work on what stays."""

    def close(self, info: Info, segments: Sequence[Segment]) -> None:  # noqa: ARG002 - it has its own
        """Write the segments that are left, and the end."""
        try:
            self._pass(info, self._stage.end(info.duration))
        finally:
            self._sink.close(info, self._given)

    def _pass(self, info: Info, segments: Iterable[Segment]) -> None:
        for segment in segments:
            self._given.append(segment)
            self._sink.add(info, len(self._given), segment)
