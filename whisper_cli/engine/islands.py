"""Blocks of audio to islands of speech: what is decoded in one go, in bounded memory."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from whisper_cli.audio.blocks import SAMPLE_RATE, Block

FIRST_STRETCH = 30 * SAMPLE_RATE  # one window of Whisper: the first cue comes soon
LONGEST_STRETCH = 600 * SAMPLE_RATE  # 38 MB of samples, whatever the input's length
WIDEST_PAUSE = 5 * SAMPLE_RATE  # a longer one parts two islands, so that no cue spans it
LEAD = SAMPLE_RATE // 2  # kept before a stretch without speech, for the onset at its edge
DEAD = 1e-4  # peak of -80 dBFS: nothing to detect speech in
QUIET, LOUD, MOST_GAIN = 0.05, 0.3, 100.0  # Silero misses speech at -50 dBFS; lift the peak

Spans = list[tuple[int, int]]
FindSpeech = Callable[[np.ndarray], Spans]


@dataclass(frozen=True, slots=True)
class Island:
    """Samples (n,) of 16 kHz mono float32 that hold speech; `start` in the input's own seconds."""

    start: float
    samples: np.ndarray

    @property
    def end(self) -> float:
        """Where it ends, in the input's own seconds."""
        return self.start + len(self.samples) / SAMPLE_RATE


def islands(blocks: Iterable[Block], find_speech: FindSpeech | None) -> Iterator[Island]:
    """Cut a recording into islands of speech (all of it is one where `find_speech` is None).

    Reads in stretches that grow from 30 s to 10 min. Speech that goes on at the end of a stretch
    is carried into the next one, or cut at its quietest moment when it is long.
    """
    limit = FIRST_STRETCH
    start, held = 0.0, np.zeros(0, np.float32)
    parts: list[np.ndarray] = []
    length = 0
    for block in blocks:
        if length and abs(block.start - start - length / SAMPLE_RATE) > 0.05:
            yield from _all(start, np.concatenate(parts), find_speech)
            parts, length = [], 0
        if not length:
            start = block.start
        parts.append(block.samples)
        length += len(block.samples)
        if length >= limit:
            samples = np.concatenate(parts)
            spans, keep = _closed(samples, find_speech)
            yield from _cut(start, samples, spans)
            start, held = start + keep / SAMPLE_RATE, samples[keep:]
            parts, length = [held], len(held)
            limit = min(limit * 2, LONGEST_STRETCH)
    if length:
        yield from _all(start, np.concatenate(parts), find_speech)


def _all(start: float, samples: np.ndarray, find_speech: FindSpeech | None) -> Iterator[Island]:
    yield from _cut(start, samples, _spans(samples, find_speech))


def _cut(start: float, samples: np.ndarray, spans: Spans) -> Iterator[Island]:
    for first, last in spans:
        yield Island(start + first / SAMPLE_RATE, _lifted(samples)[first:last])


def _closed(samples: np.ndarray, find_speech: FindSpeech | None) -> tuple[Spans, int]:
    """Split a stretch into spans that are over and the sample from which to keep the rest."""
    spans = _spans(samples, find_speech)
    if not spans or len(samples) - spans[-1][1] >= WIDEST_PAUSE:
        return spans, max(len(samples) - LEAD, spans[-1][1] if spans else 0)
    first, last = spans.pop()
    if last - first < FIRST_STRETCH // 2:
        return spans, first
    cut = _quietest(samples, last - (last - first) // 3, last)
    return [*spans, (first, cut)], cut


def _spans(samples: np.ndarray, find_speech: FindSpeech | None) -> Spans:
    """Find speech and join what is less than the widest pause apart."""
    if find_speech is None:
        return [(0, len(samples))]
    if np.abs(samples).max(initial=0.0) < DEAD:
        return []
    joined: Spans = []
    for first, last in find_speech(_lifted(samples)):
        if joined and first - joined[-1][1] < WIDEST_PAUSE:
            joined[-1] = (joined[-1][0], last)
        else:
            joined.append((first, last))
    return joined


def _lifted(samples: np.ndarray) -> np.ndarray:
    """Amplify what is very quiet; leave everything else alone."""
    peak = float(np.abs(samples).max(initial=0.0))
    if not DEAD <= peak < QUIET:
        return samples
    return samples * np.float32(min(LOUD / peak, MOST_GAIN))


def _quietest(samples: np.ndarray, first: int, last: int) -> int:
    """Find the middle of the quietest 0.3 s between two samples."""
    frame = SAMPLE_RATE // 50
    count = max((last - first) // frame, 1)
    energy = np.square(samples[first : first + count * frame]).reshape(count, -1).mean(axis=1)
    smooth = np.convolve(energy, np.ones(15), mode="same")[7:-7] if count > 15 else energy
    return first + (int(smooth.argmin()) + (count - len(smooth)) // 2) * frame + frame // 2
