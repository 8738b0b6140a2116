"""The scheduler with a fake decoder: order, coverage, languages, failures, memory, an early end."""

import random
import threading
import time
from collections.abc import Sequence
from itertools import pairwise
from typing import Self

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from whisper_cli.audio.blocks import SAMPLE_RATE, Block
from whisper_cli.engine.decoder import DecodedWindow, WindowTask
from whisper_cli.engine.events import (
    InputFailed,
    InputFinished,
    InputStarted,
    Recording,
    SegmentDecoded,
)
from whisper_cli.engine.quality import QualityChecks
from whisper_cli.engine.queue import MAX_SECONDS, ChunkQueue, FairQueue
from whisper_cli.engine.scheduler import Scheduler
from whisper_cli.engine.vad import VadOptions
from whisper_cli.errors import AudioError, ConfigError, EngineError, ModelError, WhisperError
from whisper_cli.transcript import DecodingOptions, Info, Provenance, Segment


class Sound:
    """An input of so many seconds of speech, with a pause of 6 s after each of `pauses`."""

    def __init__(self, name: str, seconds: int, pauses: Sequence[int] = (), fail: int = -1) -> None:
        self.name, self.seconds, self.pauses, self.fail = name, seconds, pauses, fail
        self.needed = True
        self.duration = self.position = float(seconds)
        self.sha256 = "0" * 64
        self.closed = False
        self.read = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.closed = True

    def open(self) -> Recording:
        if self.fail == 0:
            raise AudioError("can't be opened")
        provenance = Provenance("t", "m", None, None, "cpu", "int8", DecodingOptions(), self.name)
        return Recording(self, Info(self.name, provenance))  # type: ignore[arg-type]

    def blocks(self):
        at = 0
        for second in range(self.seconds):
            if second == self.fail:
                raise AudioError("breaks off")
            target_level = 0.5 if second not in self.pauses else 1e-5
            for _ in range(1 if target_level == 0.5 else 6):
                yield Block(float(at), np.full(SAMPLE_RATE, target_level, np.float32))
                at += 1
            self.read = second


def target_level(samples: np.ndarray, options: VadOptions) -> list[tuple[int, int]]:
    mask = np.concatenate([[0], (np.abs(samples) > 0.1).astype(int), [0]])
    return [(int(a), int(b)) for a, b in np.flatnonzero(np.diff(mask)).reshape(-1, 2)]


class FakeDecoder:
    """Says where each window is; fails for batches of more than `memory` windows."""

    multilingual = True

    def __init__(
        self, *, memory: int = 99, bad: float = 1e9, pause: float = 0.0, seed: int = 0
    ) -> None:
        self.memory, self.bad, self.pause = memory, bad, pause
        self.batches: list[int] = []
        self.random = random.Random(seed)

    def decode(self, tasks: Sequence[WindowTask]) -> list[DecodedWindow]:
        self.batches.append(len(tasks))
        time.sleep(self.random.uniform(0, self.pause))
        if len(tasks) > self.memory:
            raise RuntimeError("CUDA failed with error out of memory")
        for task in tasks:
            if task.chunk.start > self.bad:
                raise RuntimeError("something broke")
        return [
            DecodedWindow(
                (Segment(task.chunk.start, task.chunk.end, f"{task.language}"),),
                task.language or "de",
                0.9,
            )
            for task in tasks
        ]


def schedule(decoder, sounds, *, workers=2, batch=8, options=None):
    scheduler = Scheduler(
        lambda: decoder,
        options or DecodingOptions(),
        target_level,
        QualityChecks().frames,
        workers=workers,
        batch=batch,
    )
    return list(scheduler.run(iter(sounds)))


def said(events, sound) -> list[Segment]:
    return [e.segment for e in events if isinstance(e, SegmentDecoded) and e.input is sound]


lengths = st.lists(
    st.tuples(
        st.integers(1, 90),
        st.lists(st.integers(1, 89), max_size=3),
        st.sampled_from([-1, -1, 0, 7]),
    ),
    min_size=1,
    max_size=6,
)


@settings(max_examples=40)
@given(lengths, st.integers(1, 5), st.integers(1, 9), st.integers(0, 99))
def test_every_input_comes_whole_and_in_order_or_fails_alone(files, workers, batch, seed):
    sounds = [Sound(str(n), *file) for n, file in enumerate(files)]
    events = schedule(FakeDecoder(pause=0.002, seed=seed), sounds, workers=workers, batch=batch)
    for sound in sounds:
        mine = [event for event in events if event.input is sound]
        penalty = 0 <= sound.fail < sound.seconds
        assert isinstance(mine[-1], InputFailed if penalty else InputFinished)
        assert sum(isinstance(event, InputFinished | InputFailed) for event in mine) == 1
        segments = said(events, sound)
        assert all(a.end <= b.start + 1e-6 for a, b in pairwise(segments))
        if not penalty:
            assert isinstance(mine[0], InputStarted)
            processed = sum(segment.end - segment.start for segment in segments)
            spoken = sound.seconds - len({p for p in sound.pauses if p < sound.seconds})
            assert spoken - 1e-3 <= processed <= spoken + 0.7 * (len(segments) + 1)
        assert sound.closed or sound.fail == 0


def test_the_result_does_not_depend_on_workers_and_batches():
    def result(workers: int, batch: int) -> list[list[Segment]]:
        sounds = [Sound(str(n), 10 + 7 * n) for n in range(6)]
        events = schedule(FakeDecoder(pause=0.003), sounds, workers=workers, batch=batch)
        return [said(events, sound) for sound in sounds]

    assert result(1, 1) == result(2, 8) == result(5, 3)


def test_the_first_window_tells_the_language_of_all():
    sound = Sound("a", 80)
    events = schedule(FakeDecoder(pause=0.01), [sound], workers=3)
    started = next(event for event in events if isinstance(event, InputStarted))
    assert (started.info.language, started.info.language_probability) == ("de", 0.9)
    first, *rest = [segment.text for segment in said(events, sound)]
    assert first == "None"
    assert set(rest) == {"de"}


def test_windows_of_several_inputs_are_decoded_together():
    decoder = FakeDecoder(pause=0.05)
    schedule(decoder, [Sound(str(n), 5) for n in range(40)], workers=1)
    assert max(decoder.batches) == 8


def test_too_little_memory_halves_the_batch_and_loses_nothing():
    sounds = [Sound(str(n), 5) for n in range(30)]
    decoder = FakeDecoder(memory=2, pause=0.01)
    events = schedule(decoder, sounds, workers=1)
    assert all(len(said(events, sound)) == 1 for sound in sounds)
    assert max(decoder.batches[-6:]) <= 2


def test_a_window_that_breaks_the_engine_harms_only_its_input():
    sounds = [Sound("a", 5), Sound("b", 50), Sound("c", 5)]
    events = schedule(FakeDecoder(bad=10.0), sounds)
    [broke] = [event for event in events if isinstance(event, InputFailed)]
    assert broke.input is sounds[1]
    assert isinstance(broke.error, EngineError)
    assert [len(said(events, sounds[n])) for n in (0, 2)] == [1, 1]


def test_a_model_that_cannot_be_loaded_ends_the_run():
    def load():
        raise ModelError("damaged")

    scheduler = Scheduler(load, DecodingOptions(), target_level, QualityChecks().frames, workers=2)
    with pytest.raises(ModelError):
        list(scheduler.run(iter([Sound("a", 100)])))


def test_a_language_that_the_model_lacks_ends_the_run():
    decoder = FakeDecoder()
    decoder.multilingual = False
    with pytest.raises(ConfigError):
        schedule(decoder, [Sound("a", 5)], options=DecodingOptions(language="de"))


def test_silence_needs_no_model():
    pending = threading.Event()
    scheduler = Scheduler(
        pending.wait, DecodingOptions(), target_level, QualityChecks().frames, workers=2
    )  # type: ignore[arg-type]
    events = list(scheduler.run(iter([Sound("a", 2, pauses=(0, 1))])))
    pending.set()
    assert [type(event) for event in events] == [InputStarted, InputFinished]
    assert events[0].info.language is None


def test_reading_waits_for_the_decoder():
    """A long input is never read far ahead of what is decoded."""
    go = threading.Event()

    def load() -> FakeDecoder:
        go.wait()
        return FakeDecoder()

    sound = Sound("long", 3000)
    scheduler = Scheduler(load, DecodingOptions(), target_level, QualityChecks().frames, workers=2)
    events = scheduler.run(iter([sound]))
    threading.Timer(1.0, go.set).start()
    next(events)
    assert sound.read <= MAX_SECONDS + 300
    assert sum(isinstance(event, SegmentDecoded) for event in events) >= 150


def test_an_input_that_nobody_wants_any_more_is_left():
    sound, other = Sound("a", 3000), Sound("b", 5)
    scheduler = Scheduler(
        lambda: FakeDecoder(pause=0.01),
        DecodingOptions(),
        target_level,
        QualityChecks().frames,
        workers=2,
    )
    events = []
    for event in scheduler.run(iter([sound, other])):
        events.append(event)
        sound.needed = False
    assert sound.closed
    assert sound.read < 2999
    assert len(said(events, other)) == 1


def test_leaving_early_ends_the_threads():
    before = threading.active_count()
    scheduler = Scheduler(
        FakeDecoder, DecodingOptions(), target_level, QualityChecks().frames, workers=2
    )
    events = scheduler.run(iter([Sound("a", 3000)]))
    next(events)
    events.close()
    deadline = time.monotonic() + 10
    while threading.active_count() > before and time.monotonic() < deadline:
        time.sleep(0.05)
    assert threading.active_count() <= before


def test_doubts_about_what_was_covered_are_told():
    class Mute(FakeDecoder):
        def decode(self, tasks):
            return [DecodedWindow((), "en", 1.0) for _ in tasks]

    class Half(FakeDecoder):
        def decode(self, tasks):
            return [
                found if task.chunk.start < 1 else DecodedWindow((), "en", 1.0)
                for task, found in zip(tasks, super().decode(tasks), strict=True)
            ]

    def warnings(decoder) -> tuple[str, ...]:
        [end] = [e for e in schedule(decoder, [Sound("a", 60)]) if isinstance(e, InputFinished)]
        return end.info.warnings

    assert "no text" in warnings(Mute())[0]
    assert "of speech follow" in warnings(Half())[0]
    assert warnings(FakeDecoder()) == ()


@pytest.mark.parametrize("words", [1, 4])
def test_a_word_before_the_talk_does_not_tell_its_language(words):
    class Linguist(FakeDecoder):
        def decode(self, tasks):
            known = [task.language or ("de" if task.chunk.length > 5 else "en") for task in tasks]
            return [
                DecodedWindow((Segment(task.chunk.start, task.chunk.end, language),), language, 0.8)
                for task, language in zip(tasks, known, strict=True)
            ]

    sound = Sound("a", 40, pauses=[2 * n + 1 for n in range(words)])
    events = schedule(Linguist(), [sound], workers=1, batch=1)
    [started] = [event.info for event in events if isinstance(event, InputStarted)]
    assert (started.language, started.language_probability) == ("de", 0.8)
    assert {segment.text for segment in said(events, sound)} == {"de"}
    assert len(said(events, sound)) > words


@pytest.mark.parametrize("kind", [KeyError, TypeError, OSError, MemoryError])
def test_what_loading_raises_ends_the_run_as_an_error_of_ours(kind):
    def load():
        raise kind("broken")

    scheduler = Scheduler(load, DecodingOptions(), target_level, QualityChecks().frames, workers=2)
    with pytest.raises(WhisperError):
        list(scheduler.run(iter([Sound("a", 100)])))


@pytest.mark.parametrize("kind", [KeyError, TypeError, UnicodeError, ValueError, MemoryError])
@pytest.mark.parametrize("pool", [ChunkQueue, FairQueue])
def test_any_exception_of_a_window_harms_only_its_input(kind, pool):
    class Broken(FakeDecoder):
        def decode(self, tasks):
            if any(task.chunk.start > 10 for task in tasks):
                raise kind("broken")
            return super().decode(tasks)

    sounds = [Sound("a", 5), Sound("b", 50), Sound("c", 5)]
    scheduler = Scheduler(
        Broken, DecodingOptions(), target_level, QualityChecks().frames, workers=2, pool=pool
    )
    events = list(scheduler.run(iter(sounds)))
    ends = {
        event.input.name: type(event)
        for event in events
        if isinstance(event, InputFinished | InputFailed)
    }
    assert ends == {"a": InputFinished, "b": InputFailed, "c": InputFinished}
