"""Inputs that come while the engine runs: turns by the second of sound, small batches, leaving."""

import queue
import threading
import time

import numpy as np

from tests.engine.test_scheduler import FakeDecoder, Sound, target_level
from whisper_cli.engine.chunking import Chunk
from whisper_cli.engine.decoder import DecodedWindow
from whisper_cli.engine.events import InputFinished, SegmentDecoded
from whisper_cli.engine.input_state import InputState
from whisper_cli.engine.quality import QualityChecks
from whisper_cli.engine.queue import FairQueue, PendingChunk
from whisper_cli.engine.scheduler import Scheduler
from whisper_cli.transcript import DecodingOptions, Info, Provenance


def track(number: int, **options) -> InputState:
    reported = Provenance("", "", None, None, "", "", DecodingOptions(**options), "")
    return InputState(number, None, Info("", reported), "en")  # type: ignore[arg-type]


def window(one: InputState, number: int, seconds: float = 20.0) -> PendingChunk:
    samples = np.zeros(round(seconds * 16_000), np.float32)
    return PendingChunk(one, number, Chunk(0.0, samples), round(seconds * 100))


def fill(pool: FairQueue, one: InputState, count: int, seconds: float = 20.0) -> None:
    for number in range(count):
        pool.add(window(one, number, seconds))


def taken(pool: FairQueue) -> list[int]:
    batch = pool.take(last=False)
    pool.record(batch, 1.0)
    return [item.track.number for item in batch]


def test_a_newcomer_is_next_however_much_another_has_waiting():
    pool = FairQueue(batch=1, workers=1)
    long, short = track(0), track(1)
    fill(pool, long, 10)
    for _ in range(4):
        taken(pool)
    pool.add(window(short, 0, 3.0))
    assert 1 in [taken(pool)[0] for _ in range(2)]


def test_turns_are_by_the_second_and_nobody_starves():
    pool = FairQueue(batch=1, workers=1)
    long, other = track(0), track(1)
    fill(pool, long, 30)
    fill(pool, other, 30, seconds=5.0)
    order = [taken(pool)[0] for _ in range(25)]
    assert 4 <= order.count(0) <= 6
    newcomers = (track(number) for number in range(2, 99))
    for _ in range(20):
        pool.add(window(next(newcomers), 0, 5.0))
        order.append(taken(pool)[0])
    assert 0 in order[-20:]


def test_batches_are_a_second_of_work_and_smaller_while_others_wait():
    pool = FairQueue(batch=8, workers=1)
    one = track(0)
    fill(pool, one, 40, seconds=10.0)
    first = pool.take(last=False)
    assert len(first) == 1
    pool.record(first, 0.25)  # 40 s of windows a second
    alone = pool.take(last=False)
    pool.record(alone, len(alone) / 4)
    other = track(1)
    other.decoded_seconds = 1e6
    pool.add(window(other, 0, 3.0))
    assert (len(alone), len(pool.take(last=False))) == (6, 4)


def test_idle_workers_share_what_there_is():
    pool = FairQueue(batch=8, workers=2)
    pool._speed = 1000.0
    fill(pool, track(0), 4)
    assert [len(pool.take(last=False)) for _ in range(2)] == [2, 2]


def test_a_batch_holds_only_what_is_decoded_alike():
    pool = FairQueue(batch=8, workers=1)
    pool._speed = 1000.0
    for number, options in enumerate(({}, {"language": "de"}, {"beam_size": 1}, {"vad": False})):
        pool.add(window(track(number, **options), 0))
    assert sorted(taken(pool)) == [0, 1, 3]


def test_each_input_has_room_of_its_own():
    pool = FairQueue(batch=8, workers=1)
    full, empty = track(0), track(1)
    fill(pool, full, 3)
    assert not pool.has_room(full)
    assert pool.has_room(empty)


class Slow(FakeDecoder):
    """Takes a tenth of a second for each window."""

    def decode(self, tasks) -> list[DecodedWindow]:
        time.sleep(0.1 * len(tasks))
        return super().decode(tasks)


class Standing:
    """A scheduler that inputs are given to while it runs."""

    def __init__(self) -> None:
        self.inputs: queue.Queue[Sound | None] = queue.Queue()
        self.events: list = []
        self.times: dict[int, float] = {}
        scheduler = Scheduler(
            Slow, DecodingOptions(), target_level, QualityChecks().frames, workers=1, pool=FairQueue
        )
        inputs = iter(self.inputs.get, None)
        self.thread = threading.Thread(target=self._run, args=(scheduler, inputs), daemon=True)
        self.thread.start()

    def _run(self, scheduler, inputs) -> None:
        for event in scheduler.run(inputs):
            self.events.append(event)
            if isinstance(event, InputFinished):
                self.times[id(event.input)] = time.monotonic()

    def wait(self, sound: Sound, seconds: float = 120.0) -> None:
        deadline = time.monotonic() + seconds
        while id(sound) not in self.times and time.monotonic() < deadline:
            time.sleep(0.005)
        assert id(sound) in self.times

    def end(self) -> None:
        for _ in range(FairQueue.reader_count):
            self.inputs.put(None)
        self.thread.join(60)
        assert not self.thread.is_alive()


def test_a_short_input_does_not_wait_behind_a_long_one():
    standing = Standing()
    long, short = Sound("long", 1200), Sound("short", 3)
    standing.inputs.put(long)
    time.sleep(0.5)
    standing.inputs.put(short)
    standing.wait(short)
    assert id(long) not in standing.times
    long.needed = False
    standing.end()


def test_what_nobody_wants_any_more_is_not_decoded():
    standing = Standing()
    long, other = Sound("long", 1200), Sound("other", 3)
    standing.inputs.put(long)
    time.sleep(0.5)
    long.needed = False
    standing.inputs.put(other)
    standing.wait(other)
    time.sleep(0.5)
    said = sum(
        isinstance(event, SegmentDecoded) and event.input is long for event in standing.events
    )
    time.sleep(0.5)
    after = sum(
        isinstance(event, SegmentDecoded) and event.input is long for event in standing.events
    )
    assert said == after < 20
    assert long.closed
    standing.end()
