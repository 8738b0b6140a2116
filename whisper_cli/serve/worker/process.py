"""The process of a model: orders come in, one engine does them all, news go out."""

import os
import queue
import signal
import tempfile
import threading
from collections.abc import Iterator
from multiprocessing.connection import Connection
from pathlib import Path
from typing import cast

from whisper_cli.engine.events import Begun, Broke, Ended, Event, Passed, Recording, Said, Sound
from whisper_cli.engine.placement import Wishes, place
from whisper_cli.errors import AudioError, WhisperError
from whisper_cli.line import Line
from whisper_cli.serve.worker import decoding
from whisper_cli.serve.worker.blocks import BlockFile
from whisper_cli.serve.worker.messages import (
    Cancel,
    Done,
    Failed,
    Heard,
    Language,
    Loaded,
    Opened,
    Order,
    Start,
    Text,
)
from whisper_cli.transcript import Info, Provenance


def main(line: Connection, folder: Path, wishes: Wishes, temporary: Path) -> None:
    """Be the process, until the server hangs up; whoever ends it removes `temporary`."""
    from whisper_cli.engine.standing import standing_engine

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the server's to handle
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    tempfile.tempdir = str(temporary)
    inbox = _Inbox(Line(line))
    threading.Thread(target=decoding.prepare, daemon=True).start()
    threading.Thread(target=inbox.listen, daemon=True).start()
    try:
        events = standing_engine(
            folder,
            place(wishes),
            inbox.inputs(),
            lambda decoder: inbox.out.send(Loaded(decoder.multilingual)),
        )
        for event in events:
            inbox.tell(event)
    except WhisperError as error:
        inbox.out.send(Failed(None, error))
    os._exit(0)


class _Inbox:
    """Orders as they come."""

    def __init__(self, out: Line) -> None:
        self.out = out
        self._queue: queue.SimpleQueue[_Ordered] = queue.SimpleQueue()
        self._jobs: dict[int, _Ordered] = {}

    def listen(self) -> None:
        """Take orders."""
        for order in self.out.received():
            self._obey(order)

    def inputs(self) -> "Iterator[_Ordered]":
        """Give what is to be transcribed, for ever."""
        while True:
            yield self._queue.get()

    def tell(self, event: Event) -> None:
        """Pass on what the engine says."""
        ordered = cast("_Ordered", event.input)
        job = ordered.job
        match event:
            case Begun(_, info):
                self.out.send(Language(job, info))
            case Said(_, segment):
                self.out.send(Text(job, segment))
            case Passed(_, seconds):
                self.out.send(Heard(job, seconds))
            case Ended(_, Info() as info):
                self.out.send(Done(job, info))
            case Broke(_, error):
                self.out.send(Failed(job, error))
        if isinstance(event, Ended | Broke):
            self._jobs.pop(job, None)

    def _obey(self, order: Order) -> None:
        match order:
            case Start():
                self._jobs[order.job] = _Ordered(order, self.out)
                self._queue.put(self._jobs[order.job])
            case Cancel(job):
                ordered = self._jobs.pop(job, None)
                if ordered is not None:
                    ordered.wanted = False


class _Ordered:
    """One job, as an Input of the engine."""

    name = "the file"  # its place on this machine is nobody's business

    def __init__(self, start: Start, out: Line) -> None:
        self.job = start.job
        self.wanted = True
        self._start, self._out = start, out

    def open(self) -> Recording | None:
        """Begin to decode it. Raises AudioError."""
        if not self.wanted:
            return None
        sound = self._sound()
        self._out.send(Opened(self.job, sound.duration))
        provenance = Provenance("", "", None, None, "", "", self._start.options, "")
        return Recording(sound, Info("", provenance))

    def _sound(self) -> Sound:
        start = self._start
        try:
            if start.blocks:
                return BlockFile(start.path, start.limits.duration)
            return decoding.Sandboxed(start.path, start.limits, lambda: self.wanted)
        except OSError as error:
            raise AudioError("the file can't be read") from error
