import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from whisper_cli.timestamps import clock, span, to_units
from whisper_cli.transcript import Segment


def test_a_time_is_rounded_once_so_that_no_second_has_1000_milliseconds():
    assert clock(to_units(59.9996), ",") == "00:01:00,000"
    assert clock(to_units(3599.9994), ".") == "00:59:59.999"


def test_hours_grow_beyond_two_digits():
    assert clock(to_units(360_000.001), ".") == "100:00:00.001"


@pytest.mark.parametrize("seconds", [-0.001, -math.inf, math.inf, math.nan, -1e308])
def test_a_time_before_the_start_or_none_at_all_counts_as_the_start(seconds):
    assert to_units(seconds) == 0


@given(st.floats(), st.floats())
def test_no_cue_ends_before_it_starts(start, end):
    first, last = span(Segment(start, end, "a"))
    assert 0 <= first <= last
