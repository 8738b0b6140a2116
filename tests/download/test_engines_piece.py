import time

from hypothesis import given
from hypothesis import strategies as st

from tests.download.engines import DATA, FEW, job_for
from whisper_cli.download.engines.mirror import MirrorConnection
from whisper_cli.download.engines.range_scheduler import (
    ConnectionCount,
    Range,
    RangeScheduler,
    share,
)
from whisper_cli.download.part_file import RangeSet
from whisper_cli.download.types import RemoteFile

SPEEDS = st.floats(0, 1e9)


def running(left, speed, seconds=10.0):
    piece = Range(0, 10**12)
    piece.acquire(lambda: None)
    piece.response_at -= seconds
    piece.move(int(speed * seconds))
    piece.end = piece.pos + left
    return piece


@given(st.integers(0, 10**9), SPEEDS, SPEEDS, st.floats(0, 60))
def test_nobody_takes_more_than_is_left(left, his, mine, setup):
    assert 0 <= share(running(left, his), mine, setup) <= left


def test_equal_connections_share_alike_and_a_dead_one_gives_all():
    assert abs(share(running(10**8, 1e6), 1e6, 0) - 5 * 10**7) < 10**6
    assert share(running(10**8, 0), 1e6, 0.1) == 10**8


def test_what_ends_sooner_alone_is_not_shared():
    assert share(running(100_000, 1e6), 1e6, 1.0) == 0


def test_a_connection_that_trickles_while_the_others_flow_is_replaced(tmp_path):
    range_scheduler = RangeScheduler(
        job_for(tmp_path),
        FEW,
        [MirrorConnection(RemoteFile("hub", "http://x"), len(DATA))],
        RangeSet(),
    )
    finished = []
    for number, rate in enumerate([40_000, 40_000, 10]):
        piece, _ = range_scheduler.acquire(number)
        piece.acquire(lambda number=number: finished.append(number))
        piece._seen = (time.monotonic() - 10, 0)
        piece.downloaded = rate * 10
    range_scheduler.police()
    assert finished == [2]


def test_a_fixed_number_of_connections_stays():
    assert (ConnectionCount(3).target, ConnectionCount(3).maximum) == (3, 3)
