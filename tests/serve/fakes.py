"""A server whose hands do what the uploaded file says, in a thread of the test."""

import asyncio
import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import uvicorn

from whisper_cli.download.options import PullOptions
from whisper_cli.errors import AudioError, EngineError, ModelError, TooLong
from whisper_cli.serve.app import application
from whisper_cli.serve.connections import ServerSocket
from whisper_cli.serve.downloads import Downloads
from whisper_cli.serve.job_manager import JobManager
from whisper_cli.serve.job_queue import ServerJob
from whisper_cli.serve.model_pool import ModelPool
from whisper_cli.serve.model_registry import ModelRegistry
from whisper_cli.serve.server import configured
from whisper_cli.serve.settings import ServerSettings
from whisper_cli.serve.worker.messages import (
    JobDone,
    JobFailed,
    JobProgress,
    LanguageDetected,
    Start,
    TextDecoded,
    UploadOpened,
)
from whisper_cli.transcript import DecodingOptions, Info, Provenance, Segment, Word

ERRORS = {
    "audio": AudioError("the file is in no audio format we know"),
    "long": TooLong("the audio is longer than this server takes (9 s)"),
    "engine": EngineError("the engine failed: secret"),
}


class FakeHands:
    """Says the lines of the upload, a second each; a line that begins with `!` is done instead.

    `!wait N`, `!fail KIND`, `!hold` until `release`, and `!die` if it is mortal.
    """

    def __init__(
        self,
        *,
        multilingual: bool = True,
        load: float = 0.0,
        broken: bool = False,
        mortal: bool = False,
    ):
        self.multilingual = multilingual
        self.alive = False
        self.memory = 1 << 20
        self.loads = 0
        self.starts: list[Start] = []
        self.cancelled: list[int] = []
        self._released = asyncio.Event()
        self._load, self._broken, self._mortal = load, broken, mortal
        self._tasks: dict[int, asyncio.Task[None]] = {}

    async def load(self) -> None:
        self.loads += 1
        await asyncio.sleep(self._load)
        if self._broken:
            raise ModelError("can't load the model in /secret/place")
        self.alive = True

    def release(self) -> None:
        """Let what is held go on; called from another thread."""
        self.loop.call_soon_threadsafe(self._released.set)

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        return next(iter(self._tasks.values())).get_loop()

    def begin(self, job: ServerJob, start: Start) -> None:
        self.starts.append(start)
        self._tasks[job.number] = asyncio.create_task(self._say(job, start))

    def cancel(self, job: ServerJob) -> None:
        self.cancelled.append(job.number)
        self._tasks[job.number].cancel()

    async def unload(self) -> None:
        self.alive = False

    async def _say(self, job: ServerJob, start: Start) -> None:
        lines = start.path.read_bytes().decode(errors="replace").splitlines()
        spoken = [line for line in lines if not line.startswith("!")]
        job.tell(UploadOpened(job.number, float(len(spoken))))
        info = Info("", provenance(start.options), start.options.language or "en", 1.0)
        second = 0
        for line in lines:
            command, _, value = line.partition(" ")
            if command == "!wait":
                await asyncio.sleep(float(value))
            elif command == "!hold":
                await self._released.wait()
            elif command == "!die":
                if self._mortal:
                    self.alive = False
                    job.set_engine_gone()
                    return
            elif command == "!fail":
                job.tell(JobFailed(job.number, ERRORS[value]))
                return
            else:
                if not second:
                    job.tell(LanguageDetected(job.number, info))
                job.tell(TextDecoded(job.number, segment(second, line, start.options)))
                second += 1
                job.tell(JobProgress(job.number, float(second)))
        job.tell(JobDone(job.number, Info("", info.provenance, info.language, 1.0, second + 0.27)))


def provenance(options: DecodingOptions) -> Provenance:
    return Provenance("", "", None, None, "", "", options, "")


def segment(second: int, line: str, options: DecodingOptions) -> Segment:
    said = line.split()
    step = 1 / max(1, len(said))
    words = tuple(
        Word(f" {word}", second + number * step, second + (number + 1) * step, 0.5)
        for number, word in enumerate(said)
    )
    return Segment(
        float(second),
        second + 1.0,
        f" {line}",
        avg_logprob=-0.25,
        compression_ratio=1.25,
        words=words if options.word_timestamps else (),
        seek=second * 100,
        tokens=(1, 2, 3),
    )


def folder(destination: Path, name: str = "fake") -> Path:
    """Make what looks like a model."""
    destination = destination / name
    destination.mkdir(parents=True)
    for file in ("model.bin", "config.json", "vocabulary.txt"):
        (destination / file).write_bytes(b"x")
    return destination


@dataclass
class Running:
    """A server under test."""

    url: str
    job_manager: JobManager
    model_worker: list[FakeHands]
    log: list[dict[str, Any]] = field(default_factory=list)
    failures: list[Exception] = field(default_factory=list)

    @property
    def client(self) -> httpx.Client:
        """Give a client of plain HTTP; to read all certificates would take a tenth of a second."""
        return httpx.Client(base_url=self.url, timeout=30, verify=False)

    def post(self, text: str = "hello", name: str = "a.wav", **fields: Any) -> httpx.Response:
        headers = fields.pop("headers", {})
        path = fields.pop("path", "/v1/audio/transcriptions")
        data = {"model": "fake"} | fields
        with self.client as client:
            return client.post(
                path,
                data={item: value for item, value in data.items() if value is not None},
                files={"file": (name, text.encode())},
                headers=headers,
            )


@contextlib.contextmanager
def running(
    model: Path,
    *model_worker: FakeHands,
    how: PullOptions | None = None,
    secret: str | None = None,
    **settings: Any,
) -> Iterator[Running]:
    server_settings = ServerSettings(models=(str(model),), **settings)
    contains = list(model_worker) or [FakeHands()]
    left = iter(contains)
    model_pool = ModelPool(
        lambda entry, destination: next(left, contains[-1]), server_settings.keep_alive
    )
    job_manager = JobManager(
        server_settings,
        ModelRegistry(server_settings.models),
        model_pool,
        Downloads(how or PullOptions(sources=())),
    )
    server = Running("", job_manager, contains)
    app = application(
        server_settings, job_manager, server.log.append, server.failures.append, secret
    )
    with ServerSocket(socket.AF_INET) as listener:
        listener.bind(("127.0.0.1", 0))
        server.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        config = configured(app, server_settings)
        config.timeout_graceful_shutdown = 1
        uvicorn_server = uvicorn.Server(config)
        uvicorn_server.capture_signals = contextlib.nullcontext  # type: ignore[assignment]
        thread = threading.Thread(
            target=uvicorn_server.run, kwargs={"sockets": [listener]}, daemon=True
        )
        thread.start()
        _wait_for(server)
        yield server
        uvicorn_server.should_exit = True
        thread.join(10)
        assert not thread.is_alive()


def in_background(work):
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    return thread


def until(fact, seconds=30.0):
    deadline = time.monotonic() + seconds
    while not fact() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert fact()


def _wait_for(server: Running) -> None:
    with server.client as client:
        for _ in range(200):
            with contextlib.suppress(httpx.TransportError):
                if client.get("/ready").status_code == 200 or server.failures:
                    return
            threading.Event().wait(0.02)
    raise AssertionError("the server did not start")
