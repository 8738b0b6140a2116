"""The fast engine for inputs that come while it runs, each with options of its own."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from whisper_cli.engine.decoder import Decoded, Decoder, Task
from whisper_cli.engine.events import Event, Input
from whisper_cli.engine.fair import FairPool
from whisper_cli.engine.faster_whisper import FasterWhisper, settled
from whisper_cli.engine.guard import Guard
from whisper_cli.engine.heap import share_heap
from whisper_cli.engine.islands import Island
from whisper_cli.engine.placement import Placement
from whisper_cli.engine.scheduler import Scheduler, WindowDecoder
from whisper_cli.engine.silero import find_phrases
from whisper_cli.transcript import Options


class Standing:
    """A WindowDecoder that decodes each batch by the options of its inputs."""

    def __init__(self, model: FasterWhisper) -> None:
        self._model = model
        self._guard = Guard()

    @property
    def multilingual(self) -> bool:
        """Say whether the model knows more than English."""
        return self._model.multilingual

    def decode(self, tasks: Sequence[Task]) -> list[Decoded]:
        """Decode windows of one length and like options; raises as Decoder does."""
        return Decoder(self._model, tasks[0].options, self._guard).decode(tasks)

    def warm_up(self) -> None:
        """Decode a second of silence: what is loaded only when it is used is there then."""
        import numpy as np

        self.decode([Task(Island(0.0, np.zeros(16_000, np.float32)), "en", Options())])
        find_phrases(np.zeros(16_000, np.float32))


def standing_engine(
    folder: Path,
    placement: Placement,
    inputs: Iterator[Input],
    loaded: Callable[[WindowDecoder], None],
) -> Iterator[Event]:
    """Load the model, say so when it is warm, and decode inputs until their iterator ends.

    Raises ModelError and ConfigError where the model can't be loaded.
    """
    share_heap(placement.workers)
    placement, model = settled(folder, placement)

    def load() -> WindowDecoder:
        decoder = Standing(model())
        decoder.warm_up()
        loaded(decoder)
        return decoder

    return Scheduler(
        load,
        Options(),
        find_phrases,
        Guard().frames,
        workers=placement.workers,
        batch=placement.batch,
        pool=FairPool,
    ).run(inputs)
