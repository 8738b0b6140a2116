import time

from hypothesis import given
from hypothesis import strategies as st

from tests.download.engines import DATA, FEW, job_for
from whisper_cli.download.engines.board import Board
from whisper_cli.download.engines.piece import Piece, share
from whisper_cli.download.engines.ramp import Ramp
from whisper_cli.download.engines.route import Route
from whisper_cli.download.extents import Extents
from whisper_cli.download.transfer import Offer

SPEEDS = st.floats(0, 1e9)


def running(left, speed, seconds=10.0):
    piece = Piece(0, 10**12)
    piece.claim(lambda: None)
    piece.answered -= seconds
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
    board = Board(job_for(tmp_path), FEW, [Route(Offer("hub", "http://x"), len(DATA))], Extents())
    ended = []
    for number, rate in enumerate([40_000, 40_000, 10]):
        piece, _ = board.claim(number)
        piece.claim(lambda number=number: ended.append(number))
        piece._seen = (time.monotonic() - 10, 0)
        piece.received = rate * 10
    board.police()
    assert ended == [2]


def test_a_fixed_number_of_connections_stays():
    assert (Ramp(3).wanted, Ramp(3).most) == (3, 3)
