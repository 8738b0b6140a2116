"""Segments to cues as they come, with a look-ahead that is bounded."""

from collections.abc import Iterable, Iterator, Sequence

from whisper_cli.subtitles.lines import TextLine, line_of, split_lines
from whisper_cli.subtitles.measure import columns
from whisper_cli.subtitles.optimizer import FAR, CueRange, optimize
from whisper_cli.subtitles.presets import CuePreset
from whisper_cli.subtitles.units import Unit, UnitBuilder
from whisper_cli.transcript import Segment

HORIZON = 256  # units that are looked at together
TAIL = 32  # of them, how many may change while more come: more than a cue or two hold
LONG_PAUSE = 2000  # milliseconds of silence that no cue spans and nothing after depends on
ENOUGH = 32  # units that make it worth while to plan up to a scene's end


class CueBuilder:
    """Makes publishable cues of segments. What comes out depends on the words and nothing else.

    A cue's text has a newline between its lines; its words are those it shows. No cue overlaps the
    next, has wider or more lines, or stays longer than the rules say.
    """

    def __init__(self, rules: CuePreset, language: str | None = None) -> None:
        self._rules, self._language = rules, language or ""
        self._unit_builder = UnitBuilder(rules.max_line_width)
        self._pending: list[Unit] = []
        self._gone = 0  # milliseconds: where the last cue ends

    def add(self, segment: Segment) -> Iterator[Segment]:
        """Take the next segment, and give the cues that nothing after it will change."""
        return self._take(self._unit_builder.add(segment))

    def end(self, duration: float | None = None) -> Iterator[Segment]:
        """Give the cues that are left; none goes on after `duration`, the seconds of the sound."""
        yield from self._take(self._unit_builder.end())
        last = self._pending[-1].end if self._pending else 0
        limit = last if duration is None else max(duration * 1000, self._gone)
        yield from self._cues(FAR, float(limit))

    def _take(self, units: Iterable[Unit]) -> Iterator[Segment]:
        before = self._pending[-1] if self._pending else None
        for unit in units:
            if before is not None:
                count = len(self._pending)
                long_pause = count >= ENOUGH and unit.start - before.end >= LONG_PAUSE
                if long_pause or unit.speaker != before.speaker:
                    yield from self._cues(float(unit.start), FAR)
                elif count >= HORIZON:
                    yield from self._cues(float(unit.start), FAR, keep=TAIL)
            self._pending.append(unit)
            before = unit

    def _cues(self, following: float, limit: float, keep: int = 0) -> Iterator[Segment]:
        """Plan what waits and give its cues, but those that the last `keep` units belong to."""
        units, self._pending = self._pending, []
        if not units:
            return
        line = line_of(units, self._language)
        for cue in optimize(line, self._rules, following, limit):
            if keep and cue.last >= len(units) - keep:
                self._pending = units[cue.first :]
                return
            self._gone = cue.end
            yield _cue(line, cue, self._rules.max_line_width)


def _cue(line: TextLine, cue: CueRange, width: int) -> Segment:
    first, end = cue.first, cue.last + 1
    units, spaces = line.units[first:end], line.spaces[first:end]
    starts = split_lines(line.edges[first : end + 1], spaces, line.penalty[first:end], width)
    return Segment(
        start=min(units[0].start, cue.end) / 1000,
        end=cue.end / 1000,
        text=_text(units, starts),
        words=tuple([word for unit in units for word in unit.words]),
        speaker=units[0].speaker,
    )


def _text(units: Sequence[Unit], starts: Sequence[int]) -> str:
    """Join units, a line break instead of a space before those that begin a line."""
    parts = [" " + unit.text if unit.spaced else unit.text for unit in units]
    for at in starts:
        parts[at] = "\n" + units[at].text
    return "".join(parts)[1:]


def wrapped(text: str, width: int, language: str | None = None) -> str:
    """Break lines that hold a run of letters without a space wider than `width` columns."""
    return "\n".join(_wrapped(line, width, language or "") for line in text.splitlines())


def _wrapped(text: str, width: int, language: str) -> str:
    if max(map(columns, text.split()), default=0) <= width:
        return text
    unit_builder = UnitBuilder(width)
    units = [*unit_builder.add(Segment(0.0, 0.0, text)), *unit_builder.end()]
    line = line_of(units, language)
    return _text(units, split_lines(line.edges, line.spaces, line.penalty, width))


def shape(
    segments: Iterable[Segment],
    rules: CuePreset,
    language: str | None = None,
    duration: float | None = None,
) -> Iterator[Segment]:
    """Make cues of segments, of which only some are held at a time."""
    cue_builder = CueBuilder(rules, language)
    for segment in segments:
        yield from cue_builder.add(segment)
    yield from cue_builder.end(duration)
