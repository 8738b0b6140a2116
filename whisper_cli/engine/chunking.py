"""Blocks of audio cut into chunks of speech, each decoded in one go, in bounded memory."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from whisper_cli.audio.blocks import SAMPLE_RATE, Block
from whisper_cli.decisions import debugging, decided

Spans = list[tuple[int, int]]  # (start, end) in samples, in order, none over another
Quietest = Callable[[int, int], int]  # the quietest sample between two


def joined(spans: Spans, pause: int) -> Spans:
    """Join what is less than `pause` samples apart."""
    pieces: Spans = []
    for first, last in spans:
        if pieces and first - pieces[-1][1] < pause:
            pieces[-1] = (pieces[-1][0], last)
        else:
            pieces.append((first, last))
    return pieces


def packed(spans: Spans, longest: int, quietest: Quietest, pause: int = 0) -> Spans:
    """Pack neighbouring speech, with its own pauses, into pieces of at most `longest` samples.

    Whisper needs whole phrases: pieces are as long as they may be, cut at the longest pause in
    their second half, or at the quietest sample where nobody pauses. `pause` always parts two.
    """
    pieces: Spans = []
    group: Spans = []
    for span in spans:
        if group and 0 < pause <= span[0] - group[-1][1]:
            pieces += _cut_at_pauses(group, longest, quietest)
            group = []
        group.append(span)
    return pieces + _cut_at_pauses(group, longest, quietest)


def padded(pieces: Spans, pad: int, length: int) -> Spans:
    """Give each piece `pad` samples more on both sides, as far as its neighbours leave room."""
    edges = [0, *((left[1] + right[0]) // 2 for left, right in pairwise(pieces)), length]
    return [
        (max(first - pad, low), min(last + pad, high))
        for (first, last), (low, high) in zip(pieces, pairwise(edges), strict=True)
    ]


def _cut_at_pauses(group: Spans, longest: int, quietest: Quietest) -> Spans:
    pieces: Spans = []
    rest = list(group)
    while rest and rest[-1][1] - rest[0][0] > longest:
        begin = rest[0][0]
        where = _longest_pause(rest, begin + longest // 2, begin + longest)
        if where is None:
            cut = quietest(begin + longest * 2 // 3, begin + longest)
            pieces.append((begin, cut))
            rest = [(max(first, cut), last) for first, last in rest if last > cut]
        else:
            pieces.append((begin, rest[where][1]))
            rest = rest[where + 1 :]
    return [*pieces, (rest[0][0], rest[-1][1])] if rest else pieces


def _longest_pause(spans: Spans, least: int, most: int) -> int | None:
    """Find the span before the longest pause that starts between two samples."""
    pauses = [
        (later[0] - earlier[1], number)
        for number, (earlier, later) in enumerate(pairwise(spans))
        if least <= earlier[1] <= most and later[0] > earlier[1]
    ]
    return max(pauses)[1] if pauses else None


FIRST_STRETCH = 30 * SAMPLE_RATE  # one window of Whisper: the first cue comes soon
LONGEST_STRETCH = 600 * SAMPLE_RATE  # 38 MB of samples, whatever the input's length
# Where chunks are at most a window long: a longer stretch gains nothing, and of the first one the
# chunks are short, so that the first cue comes at once.
FIRST_OF_WINDOWS, LONGEST_OF_WINDOWS = 15 * SAMPLE_RATE, 60 * SAMPLE_RATE
FIRST_WINDOW = 10 * SAMPLE_RATE
WIDEST_PAUSE = 5 * SAMPLE_RATE  # a longer one parts two chunks, so that no cue spans it
ONSET = SAMPLE_RATE * 3 // 10  # around a phrase: the detector is late for soft consonants
LEAD = SAMPLE_RATE // 2  # kept before a stretch without speech, for the onset at its edge
DEAD = 1e-4  # peak of -80 dBFS: nothing to detect speech in
QUIET, LOUD, MOST_GAIN = 0.05, 0.3, 100.0  # Silero misses speech at -50 dBFS; lift the peak

FindSpeech = Callable[[np.ndarray], Spans]


@dataclass(frozen=True, slots=True)
class ChunkPosition:
    """Which chunk of a recording one is: the `number`-th, from 0, of the stretch cut together.

    `start` (seconds) and `limit` (samples) say where that stretch begins and when it is cut.
    """

    start: float
    limit: int
    number: int

    @property
    def after(self) -> "ChunkPosition":
        """Where the next chunk of the stretch stands, if there is one."""
        return replace(self, number=self.number + 1)


@dataclass(frozen=True, slots=True)
class Chunk:
    """Samples (n,) of 16 kHz mono float32 that hold speech; `start` in the input's own seconds.

    `speech` are the (start, end) in seconds, from the chunk's start, where the detector heard
    speech; empty where it was not asked. `place` is None where nothing cut it. A `partial` one is
    the beginning of what comes whole later. `source` is what messages call the input.
    """

    start: float
    samples: np.ndarray
    speech: tuple[tuple[float, float], ...] = ()
    place: ChunkPosition | None = None
    partial: bool = False
    source: str = ""

    @property
    def end(self) -> float:
        """Where it ends, in the input's own seconds."""
        return self.start + self.length

    @property
    def length(self) -> float:
        """Seconds."""
        return len(self.samples) / SAMPLE_RATE

    def after(self, offset: float) -> "Chunk":
        """Give the rest of it, from `offset` seconds on."""
        return Chunk(
            self.start + offset,
            self.samples[round(offset * SAMPLE_RATE) :],
            tuple(
                (max(0.0, first - offset), last - offset)
                for first, last in self.speech
                if last > offset
            ),
            source=self.source,
        )


def chunks_of(
    blocks: Iterable[Block],
    find_speech: FindSpeech | None,
    longest: float | None = None,
    since: ChunkPosition | None = None,
) -> Iterator[Chunk]:
    """Cut a recording into chunks of speech (all of it is one where `find_speech` is None).

    Reads in stretches that grow from 30 s to 10 min. Speech that goes on at the end of a stretch
    is carried into the next one, or cut at its quietest moment when it is long. With `longest`
    (seconds, below 30) speech is cut into whole phrases of at most that, at the longest pauses.
    With `since` the chunks before that place are left out; the others are the same as without.
    """
    cutter = _Cutter(find_speech, None if longest is None else int(longest * SAMPLE_RATE))
    opening = FIRST_STRETCH if longest is None else FIRST_OF_WINDOWS
    limit, first = opening, longest is not None
    if since is not None:
        limit, first = since.limit, first and since.limit == opening
        blocks = _from(since.start, blocks)
    start, held = 0.0, np.zeros(0, np.float32)
    parts: list[np.ndarray] = []
    length = 0
    for block in blocks:
        if length and abs(block.start - start - length / SAMPLE_RATE) > 0.05:
            yield from _placed(cutter.all(start, np.concatenate(parts)), start, limit, since)
            parts, length = [], 0
        if not length:
            start = block.start
        parts.append(block.samples)
        length += len(block.samples)
        if length >= limit:
            samples = np.concatenate(parts)
            found, keep = (cutter.first() if first else cutter).closed(start, samples)
            first = False
            yield from _placed(found, start, limit, since)
            start, held = start + keep / SAMPLE_RATE, samples[keep:].copy()
            parts, length = [held], len(held)
            limit = min(limit * 2, cutter.stretch)
    if length:
        yield from _placed(cutter.all(start, np.concatenate(parts)), start, limit, since)


def _placed(
    found: Iterable[Chunk], start: float, limit: int, since: ChunkPosition | None = None
) -> Iterator[Chunk]:
    """Give the chunks of one stretch their places, and leave out those before `since`."""
    for number, chunk in enumerate(found):
        place = ChunkPosition(start, limit, number)
        if since is None or place.start > since.start or number >= since.number:
            yield replace(chunk, place=place)


def _from(start: float, blocks: Iterable[Block]) -> Iterator[Block]:
    """Leave out what is before `start`."""
    for block in blocks:
        gone = max(0, round((start - block.start) * SAMPLE_RATE))
        if gone < len(block.samples):
            yield Block(start, block.samples[gone:]) if gone else block


@dataclass(frozen=True, slots=True)
class _Cutter:
    """Cuts one stretch; `longest` in samples."""

    find_speech: FindSpeech | None
    longest: int | None

    @property
    def stretch(self) -> int:
        """How many samples are looked at together, in the long run."""
        return LONGEST_STRETCH if self.longest is None else LONGEST_OF_WINDOWS

    def first(self) -> "_Cutter":
        """Give the cutter of the first stretch, for shorter chunks."""
        return replace(self, longest=min(self.longest or FIRST_WINDOW, FIRST_WINDOW))

    def all(self, start: float, samples: np.ndarray) -> Iterator[Chunk]:
        """Cut what is the end of a recording."""
        pieces, spans = self._pieces(samples)
        if debugging():
            _tell_cuts(start, pieces, spans, len(samples))
        return self._chunks(start, samples, pieces, spans)

    def closed(self, start: float, samples: np.ndarray) -> tuple[Iterator[Chunk], int]:
        """Cut off what is over, and tell the sample from which to keep the rest."""
        pieces, spans = self._pieces(samples)
        if not pieces or len(samples) - pieces[-1][1] >= WIDEST_PAUSE:
            keep = max(len(samples) - LEAD, pieces[-1][1] if pieces else 0)
        else:
            first, last = pieces.pop()
            keep = first
            if self.longest is None and last - first >= FIRST_STRETCH // 2:
                keep = quietest(samples, last - (last - first) // 3, last)
                pieces.append((first, keep))
        if debugging():
            _tell_cuts(start, pieces, spans, keep)
        return self._chunks(start, samples, pieces, spans), keep

    def _pieces(self, samples: np.ndarray) -> tuple[Spans, Spans]:
        """Find what is to be decoded in one go, and the speech in it."""
        if self.find_speech is None:
            whole = [(0, len(samples))]
            if self.longest is None:
                return whole, []
            return packed(whole, self.longest, lambda a, b: quietest(samples, a, b)), []
        if np.abs(samples).max(initial=0.0) < DEAD:
            return [], []
        spans = self.find_speech(_lifted(samples))
        pieces = joined(spans, WIDEST_PAUSE)
        if self.longest is not None:
            pieces = packed(spans, self.longest, lambda a, b: quietest(samples, a, b), WIDEST_PAUSE)
            pieces = padded(pieces, ONSET, len(samples)) if pieces else []
        return pieces, spans

    def _chunks(
        self, start: float, samples: np.ndarray, pieces: Spans, spans: Spans
    ) -> Iterator[Chunk]:
        lifted = _lifted(samples)
        for piece in pieces:
            yield split(start, lifted, piece, spans)


def _tell_cuts(start: float, pieces: Spans, spans: Spans, end: int) -> None:
    """Log where a stretch of samples is cut and why, and what is skipped for want of speech."""
    reached = 0
    for first, last in pieces:
        _tell_skipped(start, reached, first)
        decided(
            "chunk",
            "chunk from {start:.2f} to {end:.2f} s, cut {why}",
            start=start + first / SAMPLE_RATE,
            end=start + last / SAMPLE_RATE,
            why=_why_cut(last, spans),
        )
        reached = last
    _tell_skipped(start, reached, end)


def _tell_skipped(start: float, first: int, last: int) -> None:
    if last > first:
        decided(
            "no speech",
            "{start:.2f} to {end:.2f} s are skipped: no speech was detected",
            start=start + first / SAMPLE_RATE,
            end=start + last / SAMPLE_RATE,
        )


def _why_cut(cut: int, spans: Spans) -> str:
    """Say what a chunk ends at: the sample `cut`, given the speech that was detected."""
    if not spans:
        return "where the sound ends"
    if any(first < cut < last for first, last in spans):
        return "at the quietest moment, since nobody pauses"
    before = max((last for _, last in spans if last <= cut), default=None)
    after = min((first for first, _ in spans if first >= cut), default=None)
    if before is None or after is None:
        return "where the speech ends"
    return f"in a pause of {(after - before) / SAMPLE_RATE:.2f} s"


def split(start: float, samples: np.ndarray, piece: tuple[int, int], spans: Spans) -> Chunk:
    """Take a piece (first, last sample) out of a stretch, with the speech in it."""
    first, last = piece
    speech = tuple(
        ((max(a, first) - first) / SAMPLE_RATE, (min(b, last) - first) / SAMPLE_RATE)
        for a, b in spans
        if a < last and b > first
    )
    return Chunk(start + first / SAMPLE_RATE, samples[first:last].copy(), speech)


def _lifted(samples: np.ndarray) -> np.ndarray:
    """Amplify what is very quiet; leave everything else alone."""
    peak = float(np.abs(samples).max(initial=0.0))
    if not DEAD <= peak < QUIET:
        return samples
    return samples * np.float32(min(LOUD / peak, MOST_GAIN))


def quietest(samples: np.ndarray, first: int, last: int) -> int:
    """Find the middle of the quietest 0.3 s between two samples."""
    frame = SAMPLE_RATE // 50
    count = max((last - first) // frame, 1)
    energy = np.square(samples[first : first + count * frame]).reshape(count, -1).mean(axis=1)
    smooth = np.convolve(energy, np.ones(15), mode="same")[7:-7] if count > 15 else energy
    return first + (int(smooth.argmin()) + (count - len(smooth)) // 2) * frame + frame // 2
