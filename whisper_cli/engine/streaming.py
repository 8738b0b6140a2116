"""Sound that still comes, cut into phrases as soon as each is over."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import partial

import numpy as np

from whisper_cli.audio.blocks import SAMPLE_RATE, Block
from whisper_cli.decisions import log_event
from whisper_cli.engine.chunking import (
    Chunk,
    ChunkingOptions,
    ChunkPosition,
    FindSpeech,
    LiveChunkingOptions,
    Spans,
    find_quiet,
    samples_in,
    split,
)
from whisper_cli.engine.scheduler import Scheduler


def phrases(
    blocks: Iterable[Block],
    find_speech: FindSpeech | None,
    options: ChunkingOptions,
    since: ChunkPosition | None = None,  # noqa: ARG001 - what comes once can't be gone on with
    *,
    partials: bool = False,
) -> Iterator[Chunk]:
    """Cut sound as it comes: at pauses of 0.6 s, after 5 s at shorter ones too.

    At the quietest moment of `options.live.longest` (12 s) where there are none; holds no more
    than that. The end gives what is left. With `partials` what there is of a phrase is given every
    second, too.
    """
    live = options.live
    start, held, checked, reported = 0.0, np.zeros(0, np.float32), 0, 0.0
    for block in blocks:
        if len(held) and abs(block.start - start - len(held) / SAMPLE_RATE) > 0.05:
            yield from _rest(start, held, find_speech, live)
            held, checked = held[:0], 0
        if not len(held):
            start = block.start
        held = np.concatenate([held, block.samples])
        if len(held) - checked < samples_in(live.step):
            continue
        spans = _spans(held, find_speech)
        found, keep = _over(spans, held, live)
        if found is not None:
            phrase = split(start, held, found, spans)
            log_event(
                "chunk",
                "phrase from {start:.2f} to {end:.2f} s",
                start=phrase.start,
                end=phrase.end,
            )
            yield phrase
        elif partials and spans:
            so_far = split(start, held, (keep, len(held)), spans)
            if so_far.end - max(reported, so_far.start) >= live.partial_every:
                reported = so_far.end
                yield replace(so_far, partial=True)
        start, held = start + keep / SAMPLE_RATE, held[keep:]
        checked = len(held)
    yield from _rest(start, held, find_speech, live)


class LiveScheduler(Scheduler):
    """The fast engine, for sound that still comes."""

    cut = staticmethod(phrases)


class PartialsScheduler(Scheduler):
    """The same, that also tells what a phrase says so far."""

    cut = staticmethod(partial(phrases, partials=True))


def _spans(held: np.ndarray, find_speech: FindSpeech | None) -> Spans:
    return find_speech(held) if find_speech else [(0, len(held))]


def _over(
    spans: Spans, held: np.ndarray, live: LiveChunkingOptions
) -> tuple[tuple[int, int] | None, int]:
    """Say which stretch is over, if one is, and from which sample on to keep the rest."""
    if not spans:
        return None, max(0, len(held) - samples_in(live.margin))
    pad, maximum = samples_in(live.pad), samples_in(live.longest)
    first = max(0, spans[0][0] - pad)
    for (_, end), later in zip(spans, [*(span[0] for span in spans[1:]), len(held)], strict=True):
        needed = live.pause if end - first < samples_in(live.long) else live.breath
        if later - end >= samples_in(needed):
            padded = end + min(pad, later - end)
            return (first, padded), padded
    if len(held) - first >= maximum:
        cut = find_quiet(held, first + maximum * 3 // 4, first + maximum)
        return (first, cut), cut
    return None, first


def _rest(
    start: float, held: np.ndarray, find_speech: FindSpeech | None, live: LiveChunkingOptions
) -> Iterator[Chunk]:
    spans = _spans(held, find_speech) if len(held) else []
    if spans:
        pad = samples_in(live.pad)
        whole = max(0, spans[0][0] - pad), min(len(held), spans[-1][1] + pad)
        yield split(start, held, whole, spans)
