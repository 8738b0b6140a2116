"""An iterator in a thread: order, errors, ticks, back-pressure, and an end when nobody listens."""

import itertools
import threading
import time

import pytest

from whisper_cli.iterators import MAX_PENDING, in_background


def test_items_come_in_order():
    assert [item for item in in_background(lambda: iter(range(500))) if item is not None] == list(
        range(500)
    )


def test_an_error_is_raised_where_the_items_are_read():
    def failing():
        yield 1
        raise ValueError("late")

    items = in_background(failing)
    assert next(item for item in items if item is not None) == 1
    with pytest.raises(ValueError, match="late"):
        list(items)


def test_the_reader_is_not_kept_waiting():
    started = threading.Event()

    def slow():
        started.set()
        time.sleep(0.5)
        yield "done"

    assert None in list(in_background(slow))


def test_the_thread_runs_no_further_than_it_may_and_ends_when_left():
    contains = itertools.count()
    last = [0]

    def endless():
        for number in contains:
            last[0] = number
            yield number

    items = in_background(endless)
    next(items)
    time.sleep(0.3)
    assert last[0] <= MAX_PENDING + 3
    items.close()
    for thread in threading.enumerate():
        if thread.name == "decoding":
            thread.join(5)
            assert not thread.is_alive()
