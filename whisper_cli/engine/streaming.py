"""Sound that still comes, cut into phrases as soon as each is over."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import partial

import numpy as np

from whisper_cli.audio.blocks import SAMPLE_RATE, Block
from whisper_cli.decisions import decided
from whisper_cli.engine.chunking import Chunk, ChunkPosition, FindSpeech, Spans, quietest, split
from whisper_cli.engine.scheduler import Scheduler

STEP = SAMPLE_RATE * 3 // 10  # how much new sound is worth another look
PAUSE = SAMPLE_RATE * 6 // 10  # of silence, after which a phrase is over
LONG = SAMPLE_RATE * 5  # of a phrase, after which a breath ends it
BREATH = SAMPLE_RATE // 4
MOST = 12.0  # seconds of a phrase without either
PAD = SAMPLE_RATE * 2 // 10  # around a phrase: the detector is late for soft consonants
MORE = 1.0  # seconds of new sound, after which what a phrase says so far is decoded
LEAD = SAMPLE_RATE // 2  # kept where nobody speaks, for the onset at its edge


def phrases(
    blocks: Iterable[Block],
    find_speech: FindSpeech | None,
    longest: float | None = None,
    since: ChunkPosition | None = None,  # noqa: ARG001 - what comes once can't be gone on with
    *,
    partials: bool = False,
) -> Iterator[Chunk]:
    """Cut sound as it comes: at pauses of 0.6 s, after 5 s at shorter ones too.

    At the quietest moment of 12 s or `longest` where there are none; holds no more than that. The
    end gives what is left. With `partials` what there is of a phrase is given every second, too.
    """
    most = int(min(longest or MOST, MOST) * SAMPLE_RATE)
    start, held, looked, told = 0.0, np.zeros(0, np.float32), 0, 0.0
    for block in blocks:
        if len(held) and abs(block.start - start - len(held) / SAMPLE_RATE) > 0.05:
            yield from _rest(start, held, find_speech)
            held, looked = held[:0], 0
        if not len(held):
            start = block.start
        held = np.concatenate([held, block.samples])
        if len(held) - looked < STEP:
            continue
        spans = _spans(held, find_speech)
        found, keep = _over(spans, held, most)
        if found is not None:
            phrase = split(start, held, found, spans)
            decided(
                "chunk",
                "phrase from {start:.2f} to {end:.2f} s",
                start=phrase.start,
                end=phrase.end,
            )
            yield phrase
        elif partials and spans:
            so_far = split(start, held, (keep, len(held)), spans)
            if so_far.end - max(told, so_far.start) >= MORE:
                told = so_far.end
                yield replace(so_far, partial=True)
        start, held = start + keep / SAMPLE_RATE, held[keep:]
        looked = len(held)
    yield from _rest(start, held, find_speech)


class LiveScheduler(Scheduler):
    """The fast engine, for sound that still comes."""

    cut = staticmethod(phrases)


class PartialsScheduler(Scheduler):
    """The same, that also tells what a phrase says so far."""

    cut = staticmethod(partial(phrases, partials=True))


def _spans(held: np.ndarray, find_speech: FindSpeech | None) -> Spans:
    return find_speech(held) if find_speech else [(0, len(held))]


def _over(spans: Spans, held: np.ndarray, most: int) -> tuple[tuple[int, int] | None, int]:
    """Say which stretch is over, if one is, and from which sample on to keep the rest."""
    if not spans:
        return None, max(0, len(held) - LEAD)
    first = max(0, spans[0][0] - PAD)
    for (_, end), later in zip(spans, [*(span[0] for span in spans[1:]), len(held)], strict=True):
        if later - end >= (PAUSE if end - first < LONG else BREATH):
            return (first, end + PAD), end + PAD
    if len(held) - first >= most:
        cut = quietest(held, first + most * 3 // 4, first + most)
        return (first, cut), cut
    return None, first


def _rest(start: float, held: np.ndarray, find_speech: FindSpeech | None) -> Iterator[Chunk]:
    spans = _spans(held, find_speech) if len(held) else []
    if spans:
        whole = max(0, spans[0][0] - PAD), min(len(held), spans[-1][1] + PAD)
        yield split(start, held, whole, spans)
