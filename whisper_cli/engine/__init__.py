"""Samples in, segments out: the fast engine and the exact one."""

from collections.abc import Callable
from pathlib import Path

from whisper_cli.choices import Mode
from whisper_cli.engine.events import Engine
from whisper_cli.engine.placement import Placement
from whisper_cli.transcript import Options


def engine_for(
    folder: Path,
    placement: Placement,
    options: Options,
    *,
    live: bool = False,
    partials: bool = False,
    fair: bool = False,
    placed: Callable[[Placement], None] = lambda _: None,
) -> Engine:
    """Choose the engine; the model in `folder` is loaded when it is needed.

    A `live` one decodes each phrase as soon as it is over, with `partials` before that too;
    a `fair` one lets inputs take turns. `placed` hears where it was loaded: a GPU may fail.
    """
    from functools import cache

    from whisper_cli.engine.decoder import Decoder
    from whisper_cli.engine.exact import Exact, Sequential
    from whisper_cli.engine.fair import FairPool
    from whisper_cli.engine.faster_whisper import FasterWhisper, find_phrases
    from whisper_cli.engine.guard import Guard
    from whisper_cli.engine.heap import share_heap
    from whisper_cli.engine.live import LiveScheduler, PartialsScheduler
    from whisper_cli.engine.pool import Pool
    from whisper_cli.engine.scheduler import Scheduler

    def load(where: Placement) -> FasterWhisper:
        model = FasterWhisper(folder, where)
        placed(model.placement)
        return model

    share_heap(placement.workers)
    if options.mode is Mode.exact:
        alone = placement.for_one()
        return Sequential(cache(lambda: Exact(load(alone))))
    guard = Guard()
    kind = PartialsScheduler if partials else LiveScheduler if live else Scheduler
    return kind(
        lambda: Decoder(load(placement), options, guard),
        options,
        find_phrases,
        guard.frames,
        workers=placement.workers,
        batch=placement.batch,
        pool=FairPool if fair else Pool,
    )
