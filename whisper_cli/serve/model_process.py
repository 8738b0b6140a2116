"""A loaded model as the server sees it: a process that takes jobs and tells how they go."""

import asyncio
import multiprocessing
import os
import threading
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Protocol

from whisper_cli.engine.device import DeviceRequest
from whisper_cli.errors import ModelError, WhisperError
from whisper_cli.serve.job_queue import ServerJob
from whisper_cli.serve.temporary import OwnFolder
from whisper_cli.serve.worker.messages import (
    Cancel,
    JobFailed,
    ModelLoaded,
    Start,
    WorkerEvent,
    WorkerOrder,
)
from whisper_cli.signals import signals_ignored

_PATIENCE = 5.0  # seconds in which a process may end by itself


class ModelWorker(Protocol):
    """What does the work of one model; tests pass fakes."""

    @property
    def multilingual(self) -> bool:
        """Say whether the model knows more than English."""
        ...

    @property
    def alive(self) -> bool:
        """Say whether it can still be given work."""
        ...

    @property
    def memory(self) -> int:
        """Bytes of memory it takes; 0 where the system doesn't tell."""
        ...

    async def load(self) -> None:
        """Load the model and warm it up. Raises WhisperError."""
        ...

    def begin(self, job: ServerJob, start: Start) -> None:
        """Give it a job; its news go to the job, which is lost where the engine ends before."""
        ...

    def cancel(self, job: ServerJob) -> None:
        """Leave a job: nobody wants it any more."""
        ...

    async def unload(self) -> None:
        """End, also while it loads, and give all memory back."""
        ...


class ModelProcess:
    """Hands in a process of their own: its end gives the memory back, which `del` does not."""

    multilingual = True

    def __init__(self, folder: Path, device_request: DeviceRequest) -> None:
        self._folder, self._device_request = folder, device_request
        self._jobs: dict[int, ServerJob] = {}
        self._process: BaseProcess | None = None
        self._line: Connection | None = None
        self._reader_thread: threading.Thread | None = None
        self._temporary = OwnFolder()
        self._starting, self._send_lock = threading.Lock(), threading.Lock()
        self._cancelled = self._finished = False
        self._loaded: asyncio.Future[bool] | None = None

    @property
    def alive(self) -> bool:
        """Say whether the process is there."""
        return not self._finished and self._process is not None and self._process.is_alive()

    @property
    def memory(self) -> int:
        """Bytes of resident memory, with the template of decoding processes."""
        if self._process is None or self._process.pid is None:
            return 0
        return sum(_resident(pid) for pid in _family(self._process.pid))

    async def load(self) -> None:
        """Start the process and wait until the model is warm. Raises ModelError, ConfigError."""
        loop = asyncio.get_running_loop()
        self._loaded = loop.create_future()
        await asyncio.to_thread(self._start, loop.call_soon_threadsafe)
        self.multilingual = await self._loaded

    def begin(self, job: ServerJob, start: Start) -> None:
        """Give it a job."""
        if self._finished:
            job.set_engine_gone()
            return
        self._jobs[job.number] = job
        self._send(start)

    def cancel(self, job: ServerJob) -> None:
        """Leave a job."""
        if self._jobs.pop(job.number, None) is not None:
            self._send(Cancel(job.number))

    async def unload(self) -> None:
        """End the process, with force where it doesn't by itself."""
        await asyncio.to_thread(self._stop)

    def _start(self, schedule: Callable[..., object]) -> None:
        """Start the process, unless it was let go before."""
        from whisper_cli.serve.worker.main import main

        with self._starting:
            if self._cancelled:
                raise ModelError("the model was let go while it was loaded")
            context = multiprocessing.get_context("spawn")
            line, child_end = context.Pipe()
            with child_end, signals_ignored():
                args = (child_end, self._folder, self._device_request, self._temporary.path)
                process = context.Process(target=main, args=args, name="engine")
                try:
                    process.start()
                except BaseException:
                    line.close()
                    raise
            self._process, self._line = process, line
            self._reader_thread = threading.Thread(
                target=self._receive, args=(line, schedule), daemon=True
            )
            self._reader_thread.start()

    def _stop(self) -> None:
        with self._starting:
            self._cancelled = True
            if self._process is not None and self._reader_thread is not None:
                self._process.terminate()
                self._process.join(_PATIENCE)
                if self._process.is_alive():
                    self._process.kill()
                    self._process.join()
                self._reader_thread.join(_PATIENCE)
            self._temporary.close()

    def _send(self, order: WorkerOrder) -> None:
        """Send an order; where the process has gone, the listener tells."""
        with self._send_lock, suppress(OSError):
            if self._line is not None and not self._line.closed:
                self._line.send(order)

    def _receive(self, line: Connection, schedule: Callable[..., object]) -> None:
        """Pass the news on to the event loop, in a thread of its own."""
        with suppress(RuntimeError):  # the loop is closed: the server is over
            try:
                while True:
                    schedule(self._take, line.recv())
            except (EOFError, OSError):
                schedule(self._end, None)
        with self._send_lock:  # here and nowhere else: no other thread closes what this one reads
            line.close()

    def _take(self, event: WorkerEvent | ModelLoaded) -> None:
        match event:
            case ModelLoaded(multilingual):
                self._settle(multilingual=multilingual)
            case JobFailed(None, error):
                self._end(error)
            case _:
                job = self._jobs.get(event.job or 0)
                if job is not None:
                    job.tell(event)
                    if job.over:
                        self._jobs.pop(job.number, None)

    def _settle(self, *, multilingual: bool) -> None:
        if self._loaded is not None and not self._loaded.done():
            self._loaded.set_result(multilingual)

    def _end(self, error: WhisperError | None) -> None:
        """Tell everybody that nothing more will come: for a reason, or because the process died."""
        self._finished = True
        if self._loaded is not None and not self._loaded.done():
            failure = ModelError("the model can't be loaded: its process has ended")
            self._loaded.set_exception(error or failure)
        jobs, self._jobs = list(self._jobs.values()), {}
        for job in jobs:
            if error is None:
                job.set_engine_gone()
            else:
                job.tell(JobFailed(job.number, error))


def _family(pid: int) -> list[int]:
    """List a process and what it started, where Linux tells."""
    found = [pid]
    for parent in found:
        with suppress(OSError, ValueError):
            for task in Path(f"/proc/{parent}/task").iterdir():
                text = (task / "children").read_text(encoding="ascii")
                found += [int(child) for child in text.split()]
    return found


def _resident(pid: int) -> int:
    with suppress(OSError, ValueError, IndexError):
        pages = Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1]
        return int(pages) * os.sysconf("SC_PAGE_SIZE")
    return 0
