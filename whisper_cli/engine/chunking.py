"""Blocks of audio cut into chunks of speech, each decoded in one go, in bounded memory."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from whisper_cli.audio.blocks import SAMPLE_RATE, Block
from whisper_cli.choices import Mode
from whisper_cli.decisions import debugging, log_event
from whisper_cli.errors import ConfigError
from whisper_cli.transcript import DecodingOptions

Spans = list[tuple[int, int]]  # (start, end) in samples, in order, none over another
FindQuiet = Callable[[int, int], int]  # the quietest sample between two
FindSpeech = Callable[[np.ndarray], Spans]


@dataclass(frozen=True, slots=True)
class LiveChunkingOptions:
    """How audio is cut while it still comes; all times in seconds.

    `step`: new audio after which speech is looked for again. `pause`: silence that ends a phrase;
    `breath`: silence that ends one longer than `long`. `longest`: of a phrase without either.
    `pad`: kept around a phrase, since the detector is late for soft consonants. `margin`: kept
    where nobody speaks. `partial_every`: new speech after which a phrase is decoded so far.
    """

    step: float = 0.3
    pause: float = 0.6
    long: float = 5.0
    breath: float = 0.25
    longest: float = 12.0
    pad: float = 0.2
    margin: float = 0.5
    partial_every: float = 1.0


@dataclass(frozen=True, slots=True)
class ChunkingOptions:
    """How audio is cut into chunks; times in seconds, levels as a share of full scale.

    `longest`: speech in a chunk; more costs the encoder more, less costs context. None: a chunk
    ends only at a pause of `widest_pause`, as `--mode exact` wants it.
    `pad`: kept around the speech of a chunk, since the detector is late for soft consonants.
    `first_longest`: as `longest`, in the first stretch, so that the first cue comes soon.
    `first_length`, `max_length`: audio looked at together, at first and in the long run
    (10 min are 38 MB); the same `_of_windows` where `longest` is given: more gains nothing there.
    `widest_pause`: a longer one parts two chunks, so that no cue spans it.
    `margin`: kept before a stretch without speech, for an onset at its edge.
    `dead`: a peak below it (-80 dBFS) is nothing to detect speech in.
    `quiet`, `target_level`, `max_gain`: a peak below `quiet` is amplified to `target_level`, at
    most by `max_gain`: Silero misses speech at -50 dBFS.
    """

    longest: float | None = 18.0
    pad: float = 0.3
    first_longest: float = 10.0
    first_length: float = 30.0
    max_length: float = 600.0
    first_window_length: float = 15.0
    max_window_length: float = 60.0
    widest_pause: float = 5.0
    margin: float = 0.5
    dead: float = 1e-4
    quiet: float = 0.05
    target_level: float = 0.3
    max_gain: float = 100.0
    live: LiveChunkingOptions = LiveChunkingOptions()


def chunking_options(decoding_options: DecodingOptions) -> ChunkingOptions:
    """Return how an input with these options is cut. Raises ConfigError."""
    if decoding_options.mode is Mode.exact:
        if decoding_options.max_chunk is not None:
            message = "--max-chunk is for --mode fast: exact always decodes windows of 30 s"
            raise ConfigError(message, hint="leave --max-chunk out, or --mode fast")
        return ChunkingOptions(longest=None)
    chunk = {} if decoding_options.max_chunk is None else {"longest": decoding_options.max_chunk}
    pad = {} if decoding_options.vad_pad is None else {"pad": decoding_options.vad_pad}
    return ChunkingOptions(**chunk, **pad, live=LiveChunkingOptions(**chunk, **pad))


def samples_in(seconds: float) -> int:
    """Convert seconds to a number of samples."""
    return round(seconds * SAMPLE_RATE)


def merge_spans(spans: Spans, pause: int) -> Spans:
    """Join what is less than `pause` samples apart."""
    pieces: Spans = []
    for first, last in spans:
        if pieces and first - pieces[-1][1] < pause:
            pieces[-1] = (pieces[-1][0], last)
        else:
            pieces.append((first, last))
    return pieces


def packed(spans: Spans, longest: int, find_quiet: FindQuiet, pause: int = 0) -> Spans:
    """Pack neighbouring speech, with its own pauses, into pieces of at most `longest` samples.

    Whisper needs whole phrases: pieces are as long as they may be, cut at the longest pause in
    their second half, or at the quietest sample where nobody pauses. `pause` always parts two.
    """
    pieces: Spans = []
    group: Spans = []
    for span in spans:
        if group and 0 < pause <= span[0] - group[-1][1]:
            pieces += _cut_at_pauses(group, longest, find_quiet)
            group = []
        group.append(span)
    return pieces + _cut_at_pauses(group, longest, find_quiet)


def padded(pieces: Spans, pad: int, length: int) -> Spans:
    """Give each piece `pad` samples more on both sides, as far as its neighbours leave room."""
    edges = [0, *((left[1] + right[0]) // 2 for left, right in pairwise(pieces)), length]
    return [
        (max(first - pad, low), min(last + pad, high))
        for (first, last), (low, high) in zip(pieces, pairwise(edges), strict=True)
    ]


def _cut_at_pauses(group: Spans, longest: int, find_quiet: FindQuiet) -> Spans:
    pieces: Spans = []
    rest = list(group)
    while rest and rest[-1][1] - rest[0][0] > longest:
        begin = rest[0][0]
        where = _longest_pause(rest, begin + longest // 2, begin + longest)
        if where is None:
            cut = find_quiet(begin + longest * 2 // 3, begin + longest)
            pieces.append((begin, cut))
            rest = [(max(first, cut), last) for first, last in rest if last > cut]
        else:
            pieces.append((begin, rest[where][1]))
            rest = rest[where + 1 :]
    return [*pieces, (rest[0][0], rest[-1][1])] if rest else pieces


def _longest_pause(spans: Spans, minimum: int, maximum: int) -> int | None:
    """Find the span before the longest pause that starts between two samples."""
    pauses = [
        (later[0] - before[1], number)
        for number, (before, later) in enumerate(pairwise(spans))
        if minimum <= before[1] <= maximum and later[0] > before[1]
    ]
    return max(pauses)[1] if pauses else None


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
    speech; empty where not asked. `position` is None where nothing cut it. A `partial` one is
    the beginning of what comes whole later. `source` is what messages call the input.
    """

    start: float
    samples: np.ndarray
    speech: tuple[tuple[float, float], ...] = ()
    position: ChunkPosition | None = None
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
    options: ChunkingOptions = ChunkingOptions(),
    since: ChunkPosition | None = None,
) -> Iterator[Chunk]:
    """Cut a recording into chunks of speech (all of it is one where `find_speech` is None).

    Reads in stretches that grow from 30 s to 10 min. Speech that goes on at the end of a stretch
    is carried into the next one, or cut at its quietest moment when it is long. With
    `options.longest` speech is cut into whole phrases of at most that, at the longest pauses.
    With `since` the chunks before that place are left out; the others are the same as without.
    """
    splitter = _Splitter(find_speech, options)
    first_limit = splitter.first_limit
    limit, first = first_limit, options.longest is not None
    if since is not None:
        limit, first = since.limit, first and since.limit == first_limit
        blocks = _from(since.start, blocks)
    start, held = 0.0, np.zeros(0, np.float32)
    parts: list[np.ndarray] = []
    length = 0
    for block in blocks:
        if length and abs(block.start - start - length / SAMPLE_RATE) > 0.05:
            yield from _with_positions(
                splitter.all(start, np.concatenate(parts)), start, limit, since
            )
            parts, length = [], 0
        if not length:
            start = block.start
        parts.append(block.samples)
        length += len(block.samples)
        if length >= limit:
            samples = np.concatenate(parts)
            found, keep = (splitter.first() if first else splitter).closed(start, samples)
            first = False
            yield from _with_positions(found, start, limit, since)
            start, held = start + keep / SAMPLE_RATE, samples[keep:].copy()
            parts, length = [held], len(held)
            limit = min(limit * 2, splitter.max_length)
    if length:
        yield from _with_positions(splitter.all(start, np.concatenate(parts)), start, limit, since)


def _with_positions(
    found: Iterable[Chunk], start: float, limit: int, since: ChunkPosition | None = None
) -> Iterator[Chunk]:
    """Give the chunks of one stretch their places, and leave out those before `since`."""
    for number, chunk in enumerate(found):
        position = ChunkPosition(start, limit, number)
        if since is None or position.start > since.start or number >= since.number:
            yield replace(chunk, position=position)


def _from(start: float, blocks: Iterable[Block]) -> Iterator[Block]:
    """Leave out what is before `start`."""
    for block in blocks:
        gone = max(0, round((start - block.start) * SAMPLE_RATE))
        if gone < len(block.samples):
            yield Block(start, block.samples[gone:]) if gone else block


@dataclass(frozen=True, slots=True)
class _Splitter:
    """Cuts one stretch."""

    find_speech: FindSpeech | None
    options: ChunkingOptions

    @property
    def longest(self) -> int | None:
        """Samples of speech in a chunk; None where only pauses end one."""
        longest = self.options.longest
        return None if longest is None else samples_in(longest)

    @property
    def first_limit(self) -> int:
        """How many samples are looked at together, at first."""
        known = self.options
        windows = known.longest is not None
        return samples_in(known.first_window_length if windows else known.first_length)

    @property
    def max_length(self) -> int:
        """How many samples are looked at together, in the long run."""
        known = self.options
        windows = known.longest is not None
        return samples_in(known.max_window_length if windows else known.max_length)

    def first(self) -> "_Splitter":
        """Give the cutter of the first stretch, for shorter chunks."""
        maximum = self.options.first_longest
        longest = min(self.options.longest or maximum, maximum)
        return replace(self, options=replace(self.options, longest=longest))

    def all(self, start: float, samples: np.ndarray) -> Iterator[Chunk]:
        """Cut what is the end of a recording."""
        pieces, spans = self._pieces(samples)
        if debugging():
            _tell_cuts(start, pieces, spans, len(samples))
        return self._chunks(start, samples, pieces, spans)

    def closed(self, start: float, samples: np.ndarray) -> tuple[Iterator[Chunk], int]:
        """Cut off what is over, and tell the sample from which to keep the rest."""
        pieces, spans = self._pieces(samples)
        if not pieces or len(samples) - pieces[-1][1] >= self._widest_pause:
            keep = max(
                len(samples) - samples_in(self.options.margin), pieces[-1][1] if pieces else 0
            )
        else:
            first, last = pieces.pop()
            keep = first
            if self.longest is None and last - first >= self.first_limit // 2:
                keep = find_quiet(samples, last - (last - first) // 3, last)
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
            return packed(whole, self.longest, lambda a, b: find_quiet(samples, a, b)), []
        if np.abs(samples).max(initial=0.0) < self.options.dead:
            return [], []
        spans, pause = self.find_speech(_scale(samples, self.options)), self._widest_pause
        pieces = merge_spans(spans, pause)
        if self.longest is not None:
            pieces = packed(spans, self.longest, lambda a, b: find_quiet(samples, a, b), pause)
            pad = samples_in(self.options.pad)
            pieces = padded(pieces, pad, len(samples)) if pieces else []
        return pieces, spans

    @property
    def _widest_pause(self) -> int:
        return samples_in(self.options.widest_pause)

    def _chunks(
        self, start: float, samples: np.ndarray, pieces: Spans, spans: Spans
    ) -> Iterator[Chunk]:
        scaled = _scale(samples, self.options)
        for piece in pieces:
            yield split(start, scaled, piece, spans)


def _tell_cuts(start: float, pieces: Spans, spans: Spans, end: int) -> None:
    """Log where a stretch of samples is cut and why, and what is skipped for want of speech."""
    reached = 0
    for first, last in pieces:
        _tell_skipped(start, reached, first)
        log_event(
            "chunk",
            "chunk from {start:.2f} to {end:.2f} s, cut {why}",
            start=start + first / SAMPLE_RATE,
            end=start + last / SAMPLE_RATE,
            why=_reason_for_cut(last, spans),
        )
        reached = last
    _tell_skipped(start, reached, end)


def _tell_skipped(start: float, first: int, last: int) -> None:
    if last > first:
        log_event(
            "no speech",
            "{start:.2f} to {end:.2f} s are skipped: no speech was detected",
            start=start + first / SAMPLE_RATE,
            end=start + last / SAMPLE_RATE,
        )


def _reason_for_cut(cut: int, spans: Spans) -> str:
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


def _scale(samples: np.ndarray, options: ChunkingOptions) -> np.ndarray:
    """Amplify what is very quiet; leave everything else alone."""
    level = float(np.abs(samples).max(initial=0.0))
    if not options.dead <= level < options.quiet:
        return samples
    return samples * np.float32(min(options.target_level / level, options.max_gain))


def find_quiet(samples: np.ndarray, first: int, last: int) -> int:
    """Find the middle of the quietest 0.3 s between two samples."""
    frame = SAMPLE_RATE // 50
    count = max((last - first) // frame, 1)
    power = np.square(samples[first : first + count * frame]).reshape(count, -1).mean(axis=1)
    smooth = np.convolve(power, np.ones(15), mode="same")[7:-7] if count > 15 else power
    return first + (int(smooth.argmin()) + (count - len(smooth)) // 2) * frame + frame // 2
