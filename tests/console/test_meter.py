import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.console.fakes import Clock
from whisper_cli.console.meter import Interval, SpeedEstimate


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def meter(clock) -> SpeedEstimate:
    return SpeedEstimate(5.0, clock)


def grow(meter, clock, *, by, seconds, start=0.0, every=0.1):
    amount = start
    for _ in range(round(seconds / every)):
        clock.now += every
        amount += by * every
        meter.add(amount)
    return amount


def test_a_steady_growth_is_its_speed(meter, clock):
    grow(meter, clock, by=1000, seconds=3)
    assert meter.speed == pytest.approx(1000)


def test_the_speed_is_of_the_last_seconds_not_since_the_start(meter, clock):
    amount = grow(meter, clock, by=1000, seconds=60)
    grow(meter, clock, by=10, seconds=6, start=amount)
    assert meter.speed == pytest.approx(10)


def test_what_is_there_at_first_is_no_speed(meter, clock):
    grow(meter, clock, by=1000, seconds=3, start=1e9)
    assert meter.speed == pytest.approx(1000)


def test_less_than_half_a_second_tells_no_speed(meter, clock):
    assert meter.speed is None
    grow(meter, clock, by=1000, seconds=0.4)
    assert meter.speed is None


def test_when_all_stands_still_the_speed_is_nothing_and_the_end_unknown(meter, clock):
    amount = grow(meter, clock, by=1000, seconds=3)
    grow(meter, clock, by=0, seconds=6, start=amount)
    assert meter.speed == 0
    assert meter.left(500) is None


def test_a_fall_starts_anew_and_gives_no_negative_speed(meter, clock):
    grow(meter, clock, by=1000, seconds=3)
    grow(meter, clock, by=50, seconds=2)
    assert meter.speed == pytest.approx(50)


def test_what_is_left_takes_as_long_as_the_speed_says(meter, clock):
    grow(meter, clock, by=1000, seconds=3)
    assert meter.left(5000) == pytest.approx(5)
    assert meter.left(None) is None


def test_a_thousand_events_a_second_need_no_more_memory_than_ten(meter, clock):
    grow(meter, clock, by=1000, seconds=20, every=0.001)
    assert len(meter._samples) < 60
    assert meter.speed == pytest.approx(1000)


@given(st.lists(st.tuples(st.floats(0, 3), st.floats(-1e9, 1e12)), max_size=60))
def test_a_speed_is_never_negative(steps):
    clock = Clock()
    meter = SpeedEstimate(5.0, clock)
    for seconds, amount in steps:
        clock.now += seconds
        meter.add(amount)
        assert meter.speed is None or meter.speed >= 0


def test_a_pace_is_kept_for_each_key_by_itself(clock):
    speed = Interval(0.2, clock)
    assert speed.expired("a")
    assert not speed.expired("a")
    assert speed.expired("b")
    clock.now += 0.2
    assert speed.expired("a")
