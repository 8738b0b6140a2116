"""Samples in, segments out: the fast engine and the exact one."""

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from whisper_cli.choices import Mode
from whisper_cli.decisions import about, log_event
from whisper_cli.engine.device import ResolvedDevice
from whisper_cli.engine.events import Engine
from whisper_cli.transcript import DecodingOptions

if TYPE_CHECKING:
    from whisper_cli.engine.model import WhisperEngineModel

    ModelResolver = Callable[
        [Path, ResolvedDevice], tuple[ResolvedDevice, Callable[[], WhisperEngineModel]]
    ]  # as `resolve_model` does it


def engine_for(
    folder: Path,
    device_plan: ResolvedDevice,
    options: DecodingOptions,
    *,
    live: bool = False,
    partials: bool = False,
    fair: bool = False,
    resolve: "ModelResolver | None" = None,
) -> tuple[Engine, ResolvedDevice]:
    """Choose the engine, and tell where it runs; the model in `folder` is loaded when needed.

    A `live` one decodes each phrase as soon as it is over, with `partials` before that too;
    a `fair` one lets inputs take turns. `resolve` gives a model that several engines share.
    """
    from whisper_cli.engine.chunking import chunking_options
    from whisper_cli.engine.decoder import Decoder
    from whisper_cli.engine.memory import limit_memory
    from whisper_cli.engine.model import resolve_model
    from whisper_cli.engine.quality import QualityChecks
    from whisper_cli.engine.queue import ChunkQueue, FairQueue
    from whisper_cli.engine.scheduler import Scheduler
    from whisper_cli.engine.sequential import SequentialDecoder, SequentialEngine
    from whisper_cli.engine.streaming import LiveScheduler, PartialsScheduler
    from whisper_cli.engine.vad import find_speech

    chunking_options(options)  # refuses what the mode has not before anything is loaded
    resolve = resolve or resolve_model
    limit_memory(device_plan.workers)
    if options.mode is Mode.exact:
        device_plan, model = resolve(folder, device_plan.for_one())
        _tell_device(device_plan)
        return SequentialEngine(cache(lambda: SequentialDecoder(model()))), device_plan
    device_plan, model = resolve(folder, device_plan)
    _tell_device(device_plan)
    quality_checks = QualityChecks()
    kind = PartialsScheduler if partials else LiveScheduler if live else Scheduler
    engine = kind(
        lambda: Decoder(model(), options, quality_checks),
        options,
        find_speech,
        quality_checks.frames,
        workers=device_plan.workers,
        batch=device_plan.batch,
        pool=FairQueue if fair else ChunkQueue,
    )
    return engine, device_plan


def _tell_device(device_plan: ResolvedDevice) -> None:
    about("")  # no input: this thread may have worked on one before
    log_event(
        "device",
        "decoding on {device} in {compute_type}: {workers} workers of {threads} threads, "
        "up to {batch} chunks together",
        device=str(device_plan.device),
        compute_type=str(device_plan.compute_type),
        workers=device_plan.workers,
        threads=device_plan.threads,
        batch=device_plan.batch,
    )
