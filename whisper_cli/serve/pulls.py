"""Downloads of models: one of each, whoever asks for it, with progress for all."""

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass, field

from whisper_cli.download.how import How
from whisper_cli.download.progress import Progress
from whisper_cli.errors import WhisperError
from whisper_cli.models.catalog import Model
from whisper_cli.serve.failures import api_error

NAMES = {"download": "downloading", "verify": "verifying", "publish": "writing"}


@dataclass(slots=True, eq=False)
class _Pull:
    """One download under way; the newest state of each file, and how it ended."""

    model: Model
    files: dict[str, Progress] = field(default_factory=dict)
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    followers: int = 0
    over: bool = False
    error: WhisperError | None = None
    stopped: threading.Event = field(default_factory=threading.Event)

    def tell(self, progress: Progress) -> None:
        self.files[progress.file] = progress
        self._notify()

    def end(self, error: WhisperError | None) -> None:
        self.over, self.error = True, error
        self._notify()

    def _notify(self) -> None:
        waiting, self.changed = self.changed, asyncio.Event()
        waiting.set()


class Pulls:
    """The downloads under way. Left by everybody, one stops; what came is kept for the next."""

    def __init__(self, how: How) -> None:
        self._how = how
        self._pulls: dict[str, _Pull] = {}

    @property
    def running(self) -> list[str]:
        """Name the models that are being fetched."""
        return list(self._pulls)

    async def bring(self, model: Model) -> None:
        """Wait until a model is here. Raises ApiError."""
        async for _ in self.follow(model):
            pass

    async def follow(self, model: Model) -> AsyncIterator[Progress]:
        """Fetch a model, or join who does, and give its progress. Raises ApiError."""
        pull = self._pulls.get(model.name)
        if pull is None or pull.stopped.is_set():
            pull = self._begin(model)
        pull.followers += 1
        told: dict[str, Progress] = {}
        try:
            while True:
                changed = pull.changed
                for name, progress in list(pull.files.items()):
                    if told.get(name) != progress:
                        told[name] = progress
                        yield progress
                if pull.over:
                    break
                if changed is pull.changed:
                    await changed.wait()
        finally:
            pull.followers -= 1
            if not pull.followers:
                pull.stopped.set()
        if pull.error is not None:
            raise api_error(pull.error)

    def _begin(self, model: Model) -> _Pull:
        pull = self._pulls[model.name] = _Pull(model)
        loop = asyncio.get_running_loop()
        threading.Thread(target=self._fetch, args=(pull, loop), daemon=True).start()
        return pull

    def _fetch(self, pull: _Pull, loop: asyncio.AbstractEventLoop) -> None:
        """Fetch in a thread of its own."""
        from contextlib import closing

        from whisper_cli.download.fetch import fetch

        error: WhisperError | None = None
        try:
            with closing(fetch(pull.model, self._how)) as events:
                for progress in events:
                    loop.call_soon_threadsafe(pull.tell, progress)
                    if pull.stopped.is_set():
                        break
        except WhisperError as failed:
            error = failed
        with suppress(RuntimeError):  # the server is over
            loop.call_soon_threadsafe(self._end, pull, error)

    def _end(self, pull: _Pull, error: WhisperError | None) -> None:
        if self._pulls.get(pull.model.name) is pull:
            del self._pulls[pull.model.name]
        pull.end(error)


def line(progress: Progress) -> dict[str, object]:
    """Describe progress as a line of NDJSON, in bytes."""
    return {
        "status": NAMES[progress.phase],
        "file": progress.file,
        "completed": progress.done,
        "total": progress.total,
        "resumed": progress.resumed,
        "source": progress.source,
    }
