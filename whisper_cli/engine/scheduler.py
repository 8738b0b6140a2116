"""The fast engine: readers cut inputs into windows, workers decode windows of all inputs."""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import Protocol

from whisper_cli.audio.blocks import Block
from whisper_cli.decisions import about, debugging, log_event
from whisper_cli.engine.chunking import (
    Chunk,
    ChunkingOptions,
    ChunkPosition,
    FindSpeech,
    chunking_options,
    chunks_of,
)
from whisper_cli.engine.decoder import DecodedWindow, WindowTask
from whisper_cli.engine.events import Event, Input, InputFailed, InputFinished, Recording, finished
from whisper_cli.engine.input_state import InputState
from whisper_cli.engine.queue import ChunkQueue, PendingChunk
from whisper_cli.engine.result import FRAMES_PER_SECOND
from whisper_cli.engine.vad import DetectSpeech, vad_options
from whisper_cli.errors import ConfigError, EngineError, ModelError, WhisperError, failure_of
from whisper_cli.transcript import DecodingOptions, check_language

logger = logging.getLogger("whisper_cli")

WORKERS_A_READER = 4  # reading, with speech detection, is 400 times as fast as the sound
# Seconds of a window that tells the language, and of the opening in which one is looked for: of
# the longest where none has so much. Whisper itself hears the first 30 s.
MIN_DETECTION, MAX_HELD = 5.0, 30.0
# As `chunks_of` does it.
Cut = Callable[
    [Iterable[Block], FindSpeech | None, ChunkingOptions, ChunkPosition | None], Iterator[Chunk]
]
LOADER = "model loader"  # the thread may outlive a run in which nobody speaks
MAX_PENDING = 1024  # events that wait to be taken before the workers rest


class WindowDecoder(Protocol):
    """What decodes windows; `Decoder` is the real one, tests pass fakes."""

    @property
    def multilingual(self) -> bool:
        """Say whether the model knows more than English."""
        ...

    def decode(self, tasks: Sequence[WindowTask]) -> list[DecodedWindow]:
        """Decode windows of one length; whatever it raises is the failure of their inputs."""
        ...


class Scheduler:
    """An Engine: `load` gives the decoder, in a thread of its own while the first input is read.

    `workers` batches of up to `batch` windows are decoded at once, windows of one length
    together: `frames` names it. Inputs may arrive while it runs, where the iterator waits for
    them: a `FairPool` then keeps a long one from holding up the others.
    """

    cut: Cut = staticmethod(chunks_of)

    def __init__(
        self,
        load: Callable[[], WindowDecoder],
        options: DecodingOptions,
        find_speech: DetectSpeech,
        frames: Callable[[Chunk], int],
        *,
        workers: int,
        batch: int = 8,
        pool: type[ChunkQueue] = ChunkQueue,
    ) -> None:
        self._load = load
        self._options = options
        self._find_speech = find_speech
        self._frames = frames
        self._workers = workers
        self._batch = batch
        self._reader_count = pool.reader_count or max(1, workers // WORKERS_A_READER)
        self._pool = pool

    def run(self, inputs: Iterator[Input]) -> Iterator[Event]:
        """Decode inputs; several are under way at once, each one's segments come in order."""
        reader_count = self._reader_count
        shift = _Run(self._options, self._pool(self._batch, self._workers), inputs, reader_count)
        read = partial(shift.read, self._find_speech, self._frames, self.cut)
        load = partial(shift.load, self._load)
        for loop in [load, *[read] * reader_count, *[shift.loop] * self._workers]:
            name = LOADER if loop is load else None
            threading.Thread(target=shift.guarded, args=(loop,), name=name, daemon=True).start()
        try:
            yield from shift.events()
        finally:
            shift.stop()


class _Run:
    """One run: what its threads share, all of it behind one condition."""

    def __init__(
        self, options: DecodingOptions, pool: ChunkQueue, inputs: Iterator[Input], reader_count: int
    ) -> None:
        self._options = options
        self._pool = pool
        self._inputs = enumerate(inputs)
        self._next_input = threading.Lock()
        self._changed = threading.Condition()
        self._input_states: list[InputState] = []
        self._events: deque[Event] = deque()
        self._decoder: WindowDecoder | None = None
        self._reading = reader_count
        self._stopped = False
        self._failure: BaseException | None = None

    def events(self) -> Iterator[Event]:
        """Give what happens until all inputs have ended; raise what ends the run."""
        over = False
        while not over:
            with self._changed:
                self._changed.wait_for(lambda: self._events or self._failure or self._over)
                taken = list(self._events)
                self._events.clear()
                failure, over = self._failure, self._over
                self._changed.notify_all()
            yield from taken
            if failure is not None:
                raise failure

    def stop(self) -> None:
        """Let all threads end."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()

    def guarded(self, loop: Callable[[], None]) -> None:
        """Run a thread's work; what it raises ends the run: the model can't be loaded."""
        try:
            loop()
        except Exception as error:  # noqa: BLE001 - it is raised where the events are taken
            self._end(failure_of(error, "the model"))
        except BaseException as error:  # noqa: BLE001 - likewise
            self._end(error)

    def _end(self, failure: BaseException) -> None:
        with self._changed:
            self._failure = self._failure or failure
        self.stop()

    def load(self, load: Callable[[], WindowDecoder]) -> None:
        """Load the model, for all workers."""
        decoder = load()
        check_language(self._options, multilingual=decoder.multilingual)
        with self._changed:
            self._decoder = decoder
            for track in self._input_states:
                track.language = track.language or self._fixed_language(track.options)
            self._changed.notify_all()

    def read(self, find_speech: DetectSpeech, frames: Callable[[Chunk], int], cut: Cut) -> None:
        """Read one input after another, and cut each into windows."""
        while (entry := self._pull()) is not None:
            self._read(*entry, find_speech, frames, cut)
        with self._changed:
            self._reading -= 1
            self._changed.notify_all()

    def loop(self) -> None:
        """Decode one batch after another."""
        while batch := self._take():
            started_at = time.monotonic()
            self._decode(batch)
            with self._changed:
                self._pool.record(batch, time.monotonic() - started_at)

    @property
    def _over(self) -> bool:
        return not self._reading and not self._input_states

    def _pull(self) -> tuple[int, Input] | None:
        with self._next_input:
            return None if self._stopped else next(self._inputs, None)

    def _fixed_language(self, options: DecodingOptions) -> str | None:
        """Tell the language that needs no detection; None before the model is there."""
        if self._decoder is not None and not self._decoder.multilingual:
            return "en"
        return options.language

    def _read(
        self,
        number: int,
        source: Input,
        find_speech: DetectSpeech,
        frames: Callable[[Chunk], int],
        cut: Cut,
    ) -> None:
        track: InputState | None = None
        about(source.name)
        try:
            recording = source.open()
            if recording is None:
                self._tell([InputFinished(source, None)])
                return
            with recording.audio:
                track = self._enter(number, source, recording)
                options, since = track.options, recording.since.next if recording.since else None
                detect = partial(find_speech, options=vad_options(options)) if options.vad else None
                found = cut(recording.audio.blocks(), detect, chunking_options(options), since)
                if track.language is None:
                    found = _hold_until_long(found, track)
                for chunk in found:
                    if not self._add(track, chunk, frames(chunk)):
                        self._drop(track)
                        return
                end = finished(recording)
                with self._changed:
                    self._tell(() if track.broken else track.finished(end), track)
        except (ConfigError, ModelError):
            raise
        except Exception as error:  # noqa: BLE001 - it is this input's failure
            self._break(source, track, failure_of(error, source.name))

    def _enter(self, number: int, source: Input, recording: Recording) -> InputState:
        with self._changed:
            info = replace(recording.info, duration=recording.audio.duration)
            language = self._fixed_language(info.provenance.options) or info.language
            track = InputState(number, source, info, language)
            if recording.since is not None:
                track.go_on(recording.since)
            self._input_states.append(track)
        return track

    def _add(self, track: InputState, chunk: Chunk, frames: int) -> bool:
        """Put a window into the pool when there is room; False where nobody wants it any more.

        A partial one is left out while anything else is to be decoded.
        """
        with self._changed:
            self._changed.wait_for(
                lambda: self._stopped or track.broken or self._pool.has_room(track)
            )
            if self._stopped or track.broken or not track.input.needed:
                return False
            if chunk.partial and not track.idle:
                return True
            named = replace(chunk, source=track.input.name)
            self._pool.add(PendingChunk(track, track.windows, named, frames))
            track.windows += 1
            self._changed.notify_all()
        return True

    def _take(self) -> list[PendingChunk]:
        """Wait for windows to decode; an empty list where there will be none."""
        batch: list[PendingChunk] = []

        def found() -> bool:
            for track in [item for item in self._input_states if not item.input.needed]:
                self._drop(track)
            if self._decoder is not None and len(self._events) < MAX_PENDING:
                batch[:] = self._pool.take(last=not self._reading)
            return bool(batch) or self._stopped or self._over

        with self._changed:
            self._changed.wait_for(found)
            self._changed.notify_all()  # there is room in the pool
        return [] if self._stopped else batch

    def _decode(self, batch: list[PendingChunk], *, again: bool = False) -> None:
        """Decode a batch; where that fails, its halves `again`, so that one window harms no other.

        A window that was alone from the start is tried once more, too.
        """
        if self._decoder is None:
            raise RuntimeError("nothing is decoded before the model is loaded")
        if debugging():
            _tell_batch(batch)
        tasks = [WindowTask(item.chunk, item.track.language, item.track.options) for item in batch]
        try:
            results = list(zip(batch, self._decoder.decode(tasks), strict=True))
        except Exception as error:  # noqa: BLE001 - it is the failure of one of these inputs
            with self._changed:
                self._pool.reduce(len(batch), out_of_memory=_is_out_of_memory(error))
            if len(batch) == 1 and again:
                self._break_window(batch[0], error)
                return
            middle = len(batch) // 2
            for part in filter(None, (batch[:middle], batch[middle:])):
                self._decode(part, again=True)
            return
        for item, result in results:
            self._decoded(item, result)

    def _decoded(self, window: PendingChunk, result: DecodedWindow) -> None:
        """Pass on what a window held, where its input is still wanted."""
        track = window.track
        try:
            with self._changed:
                if not track.broken:
                    if result.without_prompt:
                        _log_without_prompt(track, window.chunk)
                    self._tell(track.decoded(window.number, window.chunk, result), track)
        except Exception as error:  # noqa: BLE001 - it is this input's failure
            self._break_window(window, error)

    def _break_window(self, window: PendingChunk, error: Exception) -> None:
        source = window.track.input
        self._break(source, window.track, _failed(error, source.name))

    def _tell(self, events: Iterable[Event], track: InputState | None = None) -> None:
        """Pass on what happened, and forget a track that is over."""
        with self._changed:
            self._events.extend(events)
            if track is not None and track.over and track in self._input_states:
                self._input_states.remove(track)
            self._changed.notify_all()

    def _break(self, source: Input, track: InputState | None, error: WhisperError) -> None:
        if track is None or self._drop(track):
            self._tell([InputFailed(source, error)])

    def _drop(self, track: InputState) -> bool:
        """Leave an input out from now on; False where it was left out before, or is over."""
        with self._changed:
            if track.broken or track not in self._input_states:
                return False
            track.broken = True
            self._pool.discard(track)
            self._input_states.remove(track)
            self._changed.notify_all()
        return True


def _hold_until_long(found: Iterator[Chunk], track: InputState) -> Iterator[Chunk]:
    """Hold the first chunks back until one has speech enough to tell the language from.

    A word before the talk would tell it for all; live sound doesn't wait.
    """
    held: list[Chunk] = []
    for chunk in found:
        held.append(chunk)
        if chunk.position is None or chunk.length >= MIN_DETECTION:
            break
        if chunk.end - held[0].start >= MAX_HELD:
            break
    if held:
        track.detection_chunk = max(range(len(held)), key=lambda number: held[number].length)
    yield from held
    yield from found


def _tell_batch(batch: Sequence[PendingChunk]) -> None:
    names = dict.fromkeys(item.track.input.name for item in batch)
    log_event(
        "batch",
        "{chunks} chunks are decoded together, each in a window of {seconds:.0f} s",
        source=", ".join(names),
        chunks=len(batch),
        seconds=batch[0].frames / FRAMES_PER_SECOND,
    )


def _log_without_prompt(track: InputState, chunk: Chunk) -> None:
    logger.info(
        "%s: %.1f to %.1f s are decoded without the prompt, with which the text goes on and on",
        track.input.name,
        chunk.start,
        chunk.end,
    )


def _failed(error: Exception, name: str) -> WhisperError:
    """Return the failure of an input with a window that can't be decoded.

    CTranslate2 tells all that it can't do by a plain RuntimeError.
    """
    if type(error) is not RuntimeError:
        return failure_of(error, name)
    if not _is_out_of_memory(error):
        logger.error("%s: %s", name, type(error).__name__, exc_info=error)
    return EngineError(f"the engine failed: {error}", hint="--device cpu")


def _is_out_of_memory(error: Exception) -> bool:
    return isinstance(error, MemoryError) or "memory" in str(error).lower()
