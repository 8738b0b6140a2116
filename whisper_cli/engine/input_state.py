"""One input under way: its windows come back in any order, its segments leave in theirs."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any

from whisper_cli.engine.chunking import Chunk
from whisper_cli.engine.coverage import Coverage
from whisper_cli.engine.decoder import DecodedWindow
from whisper_cli.engine.events import (
    Checkpoint,
    DecodeProgress,
    Event,
    Input,
    InputFinished,
    InputStarted,
    PartialDecoded,
    SegmentDecoded,
)
from whisper_cli.transcript import ADDED_OPTIONS, DecodingOptions, Dropped, Info, Redecoded

# What only reading and cutting an input asks for, as windows of one batch are to have it.
_OF_READING: Mapping[str, Any] = {
    item.name: item.default
    for item in fields(DecodingOptions)
    if item.name in ("raw", "track", "vad", *ADDED_OPTIONS)
}


@dataclass(slots=True, eq=False)
class InputState:
    """What is known of an input while its windows are decoded.

    `number` is its place among the inputs; `language` is None until it is settled, by the window
    `detection_chunk`; `decoded_seconds` are those that count as decoded where inputs take turns.
    """

    number: int
    input: Input
    info: Info
    language: str | None
    windows: int = 0
    detection_chunk: int = 0
    broken: bool = False
    decoded_seconds: float = 0.0
    _detected: tuple[str, float] | None = None
    _given: int = 0
    _started: bool = False
    _finished: Info | None = None
    _pending: dict[int, tuple[Chunk, DecodedWindow]] = field(default_factory=dict)
    _dropped: list[Dropped] = field(default_factory=list)
    _redecoded: list[Redecoded] = field(default_factory=list)
    _coverage: Coverage = field(default_factory=Coverage)

    def go_on(self, since: Checkpoint) -> None:
        """Take up what was told of it before."""
        self._dropped = list(self.info.dropped)
        self._redecoded = list(self.info.redecoded)
        self._coverage = Coverage.since(since)

    @property
    def options(self) -> DecodingOptions:
        """What was asked for with this input."""
        return self.info.provenance.options

    @property
    def kind(self) -> DecodingOptions:
        """What of that the windows of one batch share: all but the language and reading."""
        return replace(self.options, language=None, clip=(), channel="", **_OF_READING)

    @property
    def over(self) -> bool:
        """Say whether nothing more will come of it."""
        return self._finished is not None and self._given == self.windows

    def decoded(self, number: int, chunk: Chunk, result: DecodedWindow) -> Iterator[Event]:
        """Take one window's result, and give what is next in order."""
        self._pending[number] = (chunk, result)
        if self.language is None:
            self.language = result.language
            self._detected = result.language, result.probability
        while self._given in self._pending:
            yield from self._next(*self._pending.pop(self._given))
            self._given += 1
        yield from self._end()

    def finished(self, info: Info) -> Iterator[Event]:
        """Take what the end of the input tells; its last windows may still be on their way."""
        self._finished = info
        return self._end()

    @property
    def idle(self) -> bool:
        """Say whether nothing of it waits, and its language is known."""
        return self._given == self.windows and self.language is not None

    def _next(self, chunk: Chunk, result: DecodedWindow) -> Iterator[Event]:
        if not self._started:
            if self.info.language is None:
                language, probability = self._detected or (result.language, result.probability)
                self.info = replace(self.info, language=language, language_probability=probability)
            self._started = True
            yield InputStarted(self.input, self.info)
        if chunk.partial:
            if result.segments:
                first, last = result.segments[0], result.segments[-1]
                text = "".join(segment.text for segment in result.segments)
                yield PartialDecoded(self.input, replace(first, end=last.end, text=text))
            return
        for segment in result.segments:
            self._coverage.add_text(segment.end)
            yield SegmentDecoded(self.input, segment)
        self._dropped += result.dropped
        self._redecoded += result.redecoded
        self._coverage.add_speech(chunk)
        mark = self._coverage.mark(chunk)
        yield DecodeProgress(self.input, chunk.end, mark, result.dropped, result.redecoded)

    def _end(self) -> Iterator[Event]:
        if self._finished is None or self._given < self.windows:
            return
        known, end = self.info, self._finished
        if not self._started:
            if known.language is None:
                probability = float(self.language is not None)
                known = replace(known, language=self.language, language_probability=probability)
            yield InputStarted(self.input, known)
        yield InputFinished(
            self.input,
            replace(
                known,
                duration=end.duration,
                provenance=end.provenance,
                dropped=tuple(self._dropped),
                redecoded=tuple(self._redecoded),
                warnings=(*known.warnings, *self._coverage.warnings()),
            ),
        )
