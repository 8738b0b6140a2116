"""The fast engine for inputs that come while it runs, each with options of its own."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from whisper_cli.engine.chunking import Chunk
from whisper_cli.engine.decoder import DecodedWindow, Decoder, WindowTask
from whisper_cli.engine.device import ResolvedDevice
from whisper_cli.engine.events import Event, Input
from whisper_cli.engine.memory import limit_memory
from whisper_cli.engine.model import WhisperEngineModel, resolve_model
from whisper_cli.engine.quality import QualityChecks
from whisper_cli.engine.queue import FairQueue
from whisper_cli.engine.scheduler import Scheduler, WindowDecoder
from whisper_cli.engine.vad import find_speech
from whisper_cli.transcript import DecodingOptions


class SharedEngine:
    """A WindowDecoder that decodes each batch by the options of its inputs."""

    def __init__(self, model: WhisperEngineModel) -> None:
        self._model = model
        self._quality_checks = QualityChecks()

    @property
    def multilingual(self) -> bool:
        """Say whether the model knows more than English."""
        return self._model.multilingual

    def decode(self, tasks: Sequence[WindowTask]) -> list[DecodedWindow]:
        """Decode windows of one length and like options; raises as Decoder does."""
        return Decoder(self._model, tasks[0].options, self._quality_checks).decode(tasks)

    def warm_up(self) -> None:
        """Decode a second of silence: what is loaded only when it is used is there then."""
        import numpy as np

        self.decode([WindowTask(Chunk(0.0, np.zeros(16_000, np.float32)), "en", DecodingOptions())])
        find_speech(np.zeros(16_000, np.float32))


def shared_engine(
    folder: Path,
    device_plan: ResolvedDevice,
    inputs: Iterator[Input],
    loaded: Callable[[WindowDecoder], None],
) -> Iterator[Event]:
    """Load the model, say so when it is warm, and decode inputs until their iterator ends.

    Raises ModelError and ConfigError where the model can't be loaded.
    """
    limit_memory(device_plan.workers)
    device_plan, model = resolve_model(folder, device_plan)

    def load() -> WindowDecoder:
        decoder = SharedEngine(model())
        decoder.warm_up()
        loaded(decoder)
        return decoder

    return Scheduler(
        load,
        DecodingOptions(),
        find_speech,
        QualityChecks().frames,
        workers=device_plan.workers,
        batch=device_plan.batch,
        pool=FairQueue,
    ).run(inputs)
