"""The process of a model: orders come in, one engine does them all, news go out."""

import logging
import os
import queue
import signal
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import replace
from multiprocessing.connection import Connection
from pathlib import Path
from typing import cast

from whisper_cli.audio.block_codec import BlockFile
from whisper_cli.engine.device import DeviceRequest, resolve_device
from whisper_cli.engine.events import (
    DecodeProgress,
    Event,
    InputFailed,
    InputFinished,
    InputStarted,
    Recording,
    SegmentDecoded,
)
from whisper_cli.errors import AudioError, WhisperError
from whisper_cli.ipc import Pipe
from whisper_cli.serve.worker import sandbox
from whisper_cli.serve.worker.messages import (
    Cancel,
    JobDone,
    JobFailed,
    JobProgress,
    LanguageDetected,
    ModelLoaded,
    Start,
    TextDecoded,
    UploadOpened,
    WorkerOrder,
)
from whisper_cli.transcript import Info, Provenance

_logger = logging.getLogger("whisper_cli")


def main(line: Connection, folder: Path, device_request: DeviceRequest, temporary: Path) -> None:
    """Be the process, until the server hangs up; whoever ends it removes `temporary`."""
    from whisper_cli.engine.shared import shared_engine

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the server's to handle
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    tempfile.tempdir = str(temporary)
    messages = _MessageReader(Pipe(line))
    threading.Thread(target=sandbox.prepare, daemon=True).start()
    threading.Thread(target=messages.receive, daemon=True).start()
    try:
        events = shared_engine(
            folder,
            resolve_device(device_request),
            messages.inputs(),
            lambda decoder: messages.out.send(ModelLoaded(decoder.multilingual)),
        )
        for event in events:
            messages.tell(event)
    except WhisperError as error:
        messages.out.send(JobFailed(None, error))
    os._exit(0)


class _MessageReader:
    """Orders as they come."""

    def __init__(self, out: Pipe) -> None:
        self.out = out
        self._queue: queue.SimpleQueue[_Ordered] = queue.SimpleQueue()
        self._jobs: dict[int, _Ordered] = {}

    def receive(self) -> None:
        """Take orders."""
        for order in self.out.messages():
            self._handle(order)

    def inputs(self) -> "Iterator[_Ordered]":
        """Give what is to be transcribed, for ever."""
        while True:
            yield self._queue.get()

    def tell(self, event: Event) -> None:
        """Pass on what the engine says."""
        ordered = cast("_Ordered", event.input)
        job = ordered.job
        match event:
            case InputStarted(_, info):
                self.out.send(LanguageDetected(job, info))
            case SegmentDecoded(_, segment):
                self.out.send(TextDecoded(job, segment))
            case DecodeProgress(_, seconds):
                self.out.send(JobProgress(job, seconds))
            case InputFinished(_, Info() as info):
                self.out.send(JobDone(job, info))
            case InputFailed(_, error):
                self.out.send(JobFailed(job, error))
        if isinstance(event, InputFinished | InputFailed):
            self._jobs.pop(job, None)

    def _handle(self, order: WorkerOrder) -> None:
        match order:
            case Start():
                self._jobs[order.job] = _Ordered(order, self.out)
                self._queue.put(self._jobs[order.job])
            case Cancel(job):
                ordered = self._jobs.pop(job, None)
                if ordered is not None:
                    ordered.needed = False


class _Ordered:
    """One job, as an Input of the engine."""

    name = "the file"  # its place on this machine is nobody's business

    def __init__(self, start: Start, out: Pipe) -> None:
        self.job = start.job
        self.needed = True
        self._start, self._out = start, out

    def open(self) -> Recording | None:
        """Begin to decode it. Raises AudioError."""
        if not self.needed:
            return None
        sound = self._sound()
        self._out.send(UploadOpened(self.job, sound.duration))
        for warning in sound.warnings:
            _logger.warning("%s: %s", self.name, warning)
        options = replace(self._start.options, track=sound.track)
        provenance = Provenance("", "", None, None, "", "", options, "")
        return Recording(sound, Info("", provenance, warnings=sound.warnings))

    def _sound(self) -> BlockFile | sandbox.SandboxedAudio:
        start = self._start
        try:
            if start.blocks:
                return BlockFile(start.path, start.limits.duration)
            language = start.options.language
            return sandbox.SandboxedAudio(start.path, start.limits, lambda: self.needed, language)
        except OSError as error:
            raise AudioError("the file can't be read") from error
