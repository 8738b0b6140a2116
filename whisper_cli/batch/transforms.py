"""What happens to segments between the engine and a writer."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

from whisper_cli.batch.session import Session
from whisper_cli.batch.sinks import Sink
from whisper_cli.choices import Highlight
from whisper_cli.diarization.options import DiarizationOptions
from whisper_cli.formats.karaoke import pieces
from whisper_cli.formats.options import FormatOptions
from whisper_cli.formats.registry import Format, HighlightBy
from whisper_cli.formats.text import label, lines, speaker
from whisper_cli.subtitles.length import MinimumLength
from whisper_cli.subtitles.presets import CueOptions
from whisper_cli.transcript import Info, Segment

if TYPE_CHECKING:
    from whisper_cli.diarization.diarizer import Diarizer


class Transform(Protocol):
    """Takes segments one by one and gives others, maybe some segments later."""

    def add(self, segment: Segment) -> Iterable[Segment]:
        """Take the next segment."""
        ...

    def end(self, duration: float | None = None) -> Iterable[Segment]:
        """Give what is left; `duration` in seconds of sound, where that is known."""
        ...


def transforms(
    kind: Format, info: Info, format_options: FormatOptions, cues: CueOptions | None
) -> Sequence[Transform]:
    """List what a format's segments go through, in order."""
    found: list[Transform] = [Labels()] if kind.spec.labels else []
    if cues is not None and kind.is_cue:
        from whisper_cli.subtitles.shaper import CueBuilder

        found.append(CueBuilder(cues.rules(info.spoken), info.spoken))
    elif kind.spec.columns:
        found.append(Wrap(kind.spec.columns, info.spoken))
    if kind.spec.ticks:
        found.append(MinimumLength(kind.spec.ticks))
    if kind.spec.clears:
        found.append(Clear())
    repeated = kind.spec.highlight is HighlightBy.repeated_cues
    if repeated and format_options.highlight is Highlight.words:
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
        if name in ("", before):
            return (segment,)
        return (_with_label(segment, label(name, segment.text)),)

    def end(self, duration: float | None = None) -> Iterable[Segment]:  # noqa: ARG002
        """Give nothing: no segment waits."""
        return ()


def _with_label(segment: Segment, label: str) -> Segment:
    """Put a label before the text, as a word that takes no time."""
    words = segment.words
    if words:
        first = words[0]
        named = replace(first, word=f" {label}", end=first.start, probability=1.0)
        words = (named, replace(first, word=f" {first.word.lstrip()}"), *words[1:])
    return replace(segment, text=f" {label} {segment.text.lstrip()}", words=words)


class Wrap:
    """Breaks lines that players would not break: they do so at spaces alone."""

    def __init__(self, columns: int, language: str | None) -> None:
        self._columns, self._language = columns, language

    def add(self, segment: Segment) -> Iterable[Segment]:
        """Take the next segment, and give it with lines that the picture has room for."""
        if len(segment.text) * 2 <= self._columns:
            return (segment,)
        from whisper_cli.subtitles.shaper import wrapped

        text = "\n".join(lines(segment.text))
        return (replace(segment, text=wrapped(text, self._columns, self._language)),)

    def end(self, duration: float | None = None) -> Iterable[Segment]:  # noqa: ARG002
        """Give nothing: no segment waits."""
        return ()


LONG_SILENCE = 3.0  # seconds; over shorter ones a line may stay


class Clear:
    """Ends, by a segment without text, what would else be shown through silence."""

    def __init__(self) -> None:
        self._reached: float | None = None

    def add(self, segment: Segment) -> Iterable[Segment]:
        """Take the next segment, and give it after what ends the one before."""
        reached = self._reached
        self._reached = max(segment.end, reached or 0.0)
        if reached is not None and segment.start - reached > LONG_SILENCE:
            return (Segment(reached, reached, ""), segment)
        return (segment,)

    def end(self, duration: float | None = None) -> Iterable[Segment]:
        """End the last one, where the sound was read to its end."""
        if self._reached is None or duration is None:
            return ()
        return (Segment(self._reached, self._reached, ""),)


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
        before = "".join(item.space + item.text for item in found[:at])
        after = "".join(item.space + item.text for item in found[at + 1 :])
        word = f"<u>{piece.text}</u>" if piece.text else ""
        text = f"{before}{piece.space}{word}{after}"
        if piece.start < piece.end:
            yield replace(cue, start=piece.start / 1000, end=piece.end / 1000, text=text, words=())


class TransformSink:
    """Passes what it gets through a stage into another sink."""

    def __init__(self, sink: Sink, stage: Transform) -> None:
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


class Postprocessor:
    """What the options that only change rendering make of one input's segments.

    With `diarizer` they wait until it is known who speaks when.
    """

    def __init__(self, session: Session, info: Info, diarizer: "Diarizer | None" = None) -> None:
        self._speakers = session.speakers or DiarizationOptions()
        self._known: dict[str, int] = {}
        self._diarizer = diarizer
        self._held: list[Segment] = []
        self._text_editor = None
        if session.text_options is not None:
            from whisper_cli.text.editor import TextEditor

            self._text_editor = TextEditor(session.text_options, info.spoken)

    def add(self, segment: Segment) -> Iterator[Segment]:
        """Take the next segment as it was decoded."""
        if self._diarizer is None:
            return self._edited(self._with_names(segment))
        self._held.append(segment)
        return self.end() if self._diarizer.over else iter(())

    def end(self) -> Iterator[Segment]:
        """Give what waits. Raises EngineError where it can't be known who speaks."""
        if self._diarizer is None:
            return
        from whisper_cli.diarization.turns import spoken

        turns = self._diarizer.turns()
        held, self._held = self._held, []
        for segment in held:
            for part, index in spoken(segment, turns):
                name = None if index is None else self._speakers.name(index)
                yield from self._edited(replace(part, speaker=name))

    def final_info(self, info: Info) -> Info:
        """Add what was changed so far to what is known."""
        if self._text_editor is None:
            return info
        return replace(info, changes=(*(info.changes or ()), *self._text_editor.changes))

    def _edited(self, segment: Segment) -> Iterator[Segment]:
        edited = self._text_editor.add(segment) if self._text_editor else (segment,)
        return (item for item in edited if item.text.strip())  # writers count on it

    def _with_names(self, segment: Segment) -> Segment:
        """Give a transcript's own speakers names, in the order in which they come."""
        if segment.speaker is None or self._speakers.by is not None or not self._speakers.names:
            return segment
        number = self._known.setdefault(segment.speaker, len(self._known))
        if number >= len(self._speakers.names):
            return segment
        return replace(segment, speaker=self._speakers.names[number])
