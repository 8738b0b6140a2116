import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.console.fakes import MB, Clock, downloading, verifying
from whisper_cli.console.progress import PullProgress
from whisper_cli.download.types import Phase, Progress


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def pull(clock) -> PullProgress:
    return PullProgress("tiny.en", clock)


def feed(pull, clock, *, begin, end, seconds=2.0, **fields):
    """Let a file come evenly, ten events a second."""
    steps = round(seconds * 10)
    for step in range(steps + 1):
        pull.add(downloading(done=begin + (end - begin) * step // steps, **fields))
        clock.now += 0.1 if step < steps else 0


def words(row):
    return " ".join(row.details).split()


def test_a_row_says_speed_time_left_connections_and_source(pull, clock):
    feed(pull, clock, begin=0, end=25 * MB)
    (row,) = pull.rows()
    assert (row.name, row.position) == ("model.bin", "25.0 MB/75.0 MB")
    assert row.share == pytest.approx(1 / 3)
    assert " ".join(words(row)) == "12.5 MB/s 0:04 left 8 conn. hub"


def test_several_files_have_a_sum_below_them(pull, clock):
    feed(pull, clock, begin=0, end=25 * MB, file="model.bin")
    pull.add(downloading("config.json", 1000, 1000, connections=0, source="mirror"))
    *files, total = pull.rows()
    assert [row.name for row in files] == ["model.bin", "config.json"]
    assert (total.name, total.position) == ("tiny.en total", "25.0 MB/75.0 MB")
    assert " ".join(words(total)).endswith("8 conn. hub + mirror")


def test_resumed_bytes_are_told_and_are_no_speed(pull, clock):
    feed(pull, clock, begin=50 * MB, end=60 * MB, resumed=50 * MB)
    (row,) = pull.rows()
    assert " ".join(words(row)) == "5.0 MB/s 0:03 left 8 conn. resumed 66 % hub"
    assert pull.record().resumed == 50 * MB


def test_resumed_bytes_are_known_even_if_the_first_event_comes_late(pull, clock):
    pull.add(downloading(done=52 * MB, resumed=50 * MB))
    assert pull.record().resumed == 50 * MB


def test_a_size_that_is_not_known_shows_no_percent(pull, clock):
    feed(pull, clock, begin=0, end=4 * MB, total=None)
    (row,) = pull.rows()
    assert (row.share, row.position) == (None, "4.0 MB")
    assert "%" not in pull.line()
    assert "left" not in pull.line()


def test_one_unknown_size_makes_the_sum_unknown(pull, clock):
    pull.add(downloading("a", 10, 20))
    pull.add(downloading("b", 10, None))
    assert pull.rows()[-1].share is None


def test_a_restart_moves_no_bar_back_but_is_in_the_time_left(pull, clock):
    feed(pull, clock, begin=0, end=70 * MB, seconds=7)
    feed(pull, clock, begin=0, end=10 * MB, seconds=1)
    (row,) = pull.rows()
    assert row.position == "70.0 MB/75.0 MB"
    assert pull.record().eta == pytest.approx(65 / 10, rel=0.1)


def test_the_bar_stays_full_while_the_file_is_verified(pull, clock):
    feed(pull, clock, begin=0, end=75 * MB)
    pull.add(verifying(done=30 * MB))
    (row,) = pull.rows()
    assert (row.share, row.position) == (1.0, "75.0 MB/75.0 MB")
    assert row.details == ("verifying 40 %",)
    pull.add(verifying(done=75 * MB))
    assert pull.rows()[0].details == ("verified",)


def test_what_is_unpacked_from_a_package_is_verified_and_not_in_the_sum(pull, clock):
    pull.add(downloading("package==1", 60 * MB, 60 * MB))
    pull.add(verifying("model.bin", 30 * MB))
    _, model, total = pull.rows()
    assert model.position == "30.0 MB/75.0 MB"
    assert total.position == "60.0 MB/60.0 MB"


def test_the_model_that_is_published_is_no_file(pull, clock):
    pull.add(downloading(done=75 * MB))
    pull.add(Progress("tiny.en", Phase.publish, "hub", 75 * MB, 75 * MB))
    assert [row.name for row in pull.rows()] == ["model.bin"]
    assert (pull.record().phase, pull.record().file) == ("publish", "tiny.en")


def test_the_summary_says_what_came_how_fast_and_from_where(pull, clock):
    feed(pull, clock, begin=50 * MB, end=75 * MB, seconds=5, resumed=50 * MB, source="hub + peer")
    assert pull.summary() == "tiny.en: 25.0 MB in 5.0 s, 5.0 MB/s, from hub + peer, resumed 66 %"


def test_a_piece_that_came_twice_counts_twice(pull, clock):
    feed(pull, clock, begin=0, end=75 * MB, seconds=2)
    pull.add(verifying(done=75 * MB))
    feed(pull, clock, begin=65 * MB, end=75 * MB, seconds=2, resumed=65 * MB)
    assert pull.summary().startswith("tiny.en: 85.0 MB in 4.0 s")
    assert "resumed" not in pull.summary()


def test_with_nothing_to_fetch_the_summary_says_so(pull):
    pull.add(verifying(done=75 * MB))
    assert pull.summary() == "tiny.en: nothing had to come"


def test_a_line_of_a_log_has_the_whole(pull, clock):
    pull.add(downloading("config.json", 1000, 1000))
    feed(pull, clock, begin=0, end=25 * MB, file="model.bin")
    said = "33 %, 25.0 MB/75.0 MB, 12.5 MB/s, 0:04 left, 8 conn., hub"
    assert pull.line() == f"pull tiny.en: {said}"


events = st.builds(
    downloading,
    file=st.sampled_from(["a", "b"]),
    done=st.integers(0, 100),
    total=st.just(100),
    resumed=st.integers(0, 100),
) | st.builds(verifying, file=st.sampled_from(["a", "b"]), done=st.integers(0, 100))


@given(st.lists(st.tuples(st.floats(0, 1), events), max_size=40))
def test_no_bar_ever_goes_back(steps):
    clock = Clock()
    pull = PullProgress("m", clock)
    seen: dict[str, float] = {}
    for seconds, event in steps:
        clock.now += seconds
        pull.add(event)
        for file in pull._files.values():
            if file.downloaded:
                assert file.largest >= seen.get(file.event.file, 0)
                seen[file.event.file] = file.largest
        assert all(row.share is None or 0 <= row.share <= 1 for row in pull.rows())
