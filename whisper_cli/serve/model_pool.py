"""The models that are loaded: loaded once for all who ask, let go when nobody has for a while."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from whisper_cli.errors import WhisperError
from whisper_cli.models import usage
from whisper_cli.serve.errors import ApiError, api_error
from whisper_cli.serve.model_process import ModelWorker
from whisper_cli.serve.model_registry import ModelEntry
from whisper_cli.serve.settings import NO_LIMIT

StartWorker = Callable[[ModelEntry, Path], ModelWorker]


@dataclass(slots=True, eq=False)
class LoadedModel:
    """A model that is loaded, or about to be; `expires` by the clock of `time.time`."""

    entry: ModelEntry
    model_worker: ModelWorker
    loading: "asyncio.Task[None]"
    keep: float
    active: int = 0
    expires: float = NO_LIMIT
    timer: asyncio.TimerHandle | None = None

    @property
    def ready(self) -> bool:
        """Say whether it can work now."""
        return self.loading.done() and not self.loading.cancelled() and self.model_worker.alive


class ModelPool:
    """Loaded models by name; `start_worker` gives the process for one."""

    def __init__(self, start_worker: StartWorker, keep_alive: float) -> None:
        self._start_worker = start_worker
        self._keep_alive = keep_alive
        self._loaded: dict[str, LoadedModel] = {}
        self._ending: set[asyncio.Task[None]] = set()

    @property
    def loaded(self) -> list[LoadedModel]:
        """List what is loaded."""
        return list(self._loaded.values())

    @asynccontextmanager
    async def using(
        self, entry: ModelEntry, keep_alive: float | None = None
    ) -> AsyncIterator[ModelWorker]:
        """Give the process of a model, loaded if need be, and keep it loaded meanwhile.

        Raises ApiError where it can't be loaded.
        """
        loaded = self._find(entry)
        loaded.active += 1
        if keep_alive is not None:
            loaded.keep = keep_alive
        self._stop_clock(loaded)
        try:
            await self._ready(loaded)
            yield loaded.model_worker
        finally:
            loaded.active -= 1
            self._start_clock(loaded)

    async def load(self, entry: ModelEntry, keep_alive: float | None = None) -> None:
        """Load a model, and keep it for a while. Raises ApiError."""
        async with self.using(entry, keep_alive):
            pass

    async def unload(self, name: str, *, force: bool = False) -> bool:
        """Let a model go; False where it isn't loaded. Raises ApiError, a 409, where it works."""
        loaded = self._loaded.get(name)
        if loaded is None:
            return False
        if loaded.active and not force:
            raise ApiError(409, f'model "{name}" is in use', code="model_busy", param="model")
        await self._end(loaded)
        return True

    async def close(self) -> None:
        """Let all go."""
        for loaded in self.loaded:
            await self._end(loaded)
        if self._ending:
            await asyncio.wait(self._ending)

    def _find(self, entry: ModelEntry) -> LoadedModel:
        """Find what is loaded or being loaded under a name; begin to load it where nothing is."""
        loaded = self._loaded.get(entry.id)
        if loaded is not None and (not loaded.loading.done() or loaded.ready):
            return loaded
        if loaded is not None:
            self._discard(loaded)
            self._later(loaded.model_worker.unload())
        if entry.folder is None:
            raise ApiError(404, f'model "{entry.id}" is not here', code="model_not_found")
        model_worker = self._start_worker(entry, entry.folder)
        usage.note_used(entry.folder)
        loading = asyncio.create_task(model_worker.load())
        loading.add_done_callback(_heed)
        loaded = LoadedModel(entry, model_worker, loading, self._keep_alive)
        self._loaded[entry.id] = loaded
        return loaded

    async def _ready(self, loaded: LoadedModel) -> None:
        """Wait until it is loaded: its loading goes on when one of those who wait leaves."""
        try:
            await asyncio.shield(loaded.loading)
        except WhisperError as error:
            self._discard(loaded)
            self._later(loaded.model_worker.unload())
            raise api_error(error) from error

    def _start_clock(self, loaded: LoadedModel) -> None:
        if loaded.active or self._loaded.get(loaded.entry.id) is not loaded:
            return
        if loaded.keep == NO_LIMIT:
            return
        loaded.expires = time.time() + loaded.keep
        loop = asyncio.get_running_loop()
        loaded.timer = loop.call_later(loaded.keep, self._expire, loaded)

    def _stop_clock(self, loaded: LoadedModel) -> None:
        loaded.expires = NO_LIMIT
        if loaded.timer is not None:
            loaded.timer.cancel()
            loaded.timer = None

    def _expire(self, loaded: LoadedModel) -> None:
        if not loaded.active:
            self._later(self._end(loaded))

    async def _end(self, loaded: LoadedModel) -> None:
        self._discard(loaded)
        await loaded.model_worker.unload()

    def _discard(self, loaded: LoadedModel) -> None:
        self._stop_clock(loaded)
        if self._loaded.get(loaded.entry.id) is loaded:
            del self._loaded[loaded.entry.id]

    def _later(self, coroutine: Coroutine[object, object, None]) -> None:
        task = asyncio.create_task(coroutine)
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)


def _heed(loading: "asyncio.Task[None]") -> None:
    """Look at how it ended, which asyncio complains of where all who waited have left."""
    if not loading.cancelled():
        loading.exception()
