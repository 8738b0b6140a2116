"""Downloads of models: one of each, whoever asks for it, with progress for all."""

import asyncio
import logging
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from whisper_cli.download.options import PullOptions
from whisper_cli.download.stopping import Stop
from whisper_cli.download.types import Progress
from whisper_cli.errors import WhisperError
from whisper_cli.models.catalog import Model
from whisper_cli.serve.errors import ApiError, api_error, bug

NAMES = {"download": "downloading", "verify": "verifying", "publish": "writing"}
MAX_DOWNLOADS = 4  # downloads at once, with those that are being stopped
_logger = logging.getLogger("whisper_cli")


@dataclass(slots=True, eq=False)
class _Pull:
    """One download under way; the newest state of each file, and how it ended."""

    model: Model
    files: dict[str, Progress] = field(default_factory=dict)
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    followers: int = 0
    over: bool = False
    error: WhisperError | None = None
    stop: Stop = field(default_factory=Stop)

    def tell(self, progress: Progress) -> None:
        self.files[progress.file] = progress
        self._notify()

    def end(self, error: WhisperError | None) -> None:
        self.over, self.error = True, error
        self._notify()

    async def follow(self) -> AsyncIterator[Progress]:
        """Give the progress until it is over. Raises ApiError."""
        last: dict[str, Progress] = {}
        while True:
            changed = self.changed
            for name, progress in list(self.files.items()):
                if last.get(name) != progress:
                    last[name] = progress
                    yield progress
            if self.over:
                break
            if changed is self.changed:
                await changed.wait()
        if self.error is not None:
            raise api_error(self.error)

    def _notify(self) -> None:
        pending, self.changed = self.changed, asyncio.Event()
        pending.set()


class Downloads:
    """The downloads under way. Left by everybody, one stops; what came is kept for the next."""

    def __init__(self, how: PullOptions) -> None:
        self._how = how
        self._downloads: dict[str, _Pull] = {}
        self._threads = 0

    @property
    def running(self) -> list[str]:
        """Name the models that are being fetched."""
        return list(self._downloads)

    async def fetch_model(self, model: Model) -> None:
        """Wait until a model is here. Raises ApiError."""
        with self.following(model) as events:
            async for _ in events:
                pass

    @contextmanager
    def following(self, model: Model) -> Iterator[AsyncIterator[Progress]]:
        """Fetch a model, or join who does, and give its progress within the block.

        Raises ApiError, a 429 where there are too many downloads.
        """
        pull = self._downloads.get(model.name)
        if pull is None or pull.stop.is_set():
            pull = self._begin(model)
        pull.followers += 1
        try:
            yield pull.follow()
        finally:
            pull.followers -= 1
            if not pull.followers and not pull.over:
                pull.stop.set()

    def _begin(self, model: Model) -> _Pull:
        if self._threads >= MAX_DOWNLOADS:
            message = f"{MAX_DOWNLOADS} models are fetched already: come again"
            raise ApiError(429, message, code="too_many_pulls", retry_after=10)
        pull = self._downloads[model.name] = _Pull(model)
        self._threads += 1
        loop = asyncio.get_running_loop()
        threading.Thread(target=self._fetch, args=(pull, loop), daemon=True).start()
        return pull

    def _fetch(self, pull: _Pull, loop: asyncio.AbstractEventLoop) -> None:
        """Fetch in a thread of its own."""
        from contextlib import closing

        from whisper_cli.download.fetch import fetch

        error: WhisperError | None = None
        try:
            with pull.stop.use_stop(), closing(fetch(pull.model, self._how)) as events:
                for progress in events:
                    loop.call_soon_threadsafe(pull.tell, progress)
                    if pull.stop.is_set():
                        break
        except WhisperError as failed:
            error = failed
        except Exception:  # whatever it is, those who wait have to hear
            _logger.exception('pulling "%s" failed', pull.model.name)
            error = bug()
        with suppress(RuntimeError):  # the server is over
            loop.call_soon_threadsafe(self._end, pull, error)

    def _end(self, pull: _Pull, error: WhisperError | None) -> None:
        self._threads -= 1
        if self._downloads.get(pull.model.name) is pull:
            del self._downloads[pull.model.name]
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
