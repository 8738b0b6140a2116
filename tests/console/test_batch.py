import json

from hypothesis import given
from hypothesis import strategies as st

from tests.console.fakes import Clock
from tests.console.test_lines import SCHEMA
from whisper_cli.console.displays import JsonLines
from whisper_cli.console.progress import BatchProgress


def test_the_whole_is_estimated_by_size_until_every_input_is_open():
    clock = Clock()
    batch = BatchProgress([1000, 3000], clock)
    assert batch.record().total is None
    batch.update(0, "a", 5.0, 10.0)
    assert batch.record().total == 40.0
    batch.update(1, "b", 0.0, 20.0)
    assert batch.record().total == 30.0
    clock.now += 1
    batch.finish(0, "a", 10.0)
    assert batch.record().done == 10.0
    assert batch.record().eta == 4.0  # 20 s left at 5 s a second
    assert batch.rows()[-1].name == "1 done, 1 left"
    batch.fail(1)
    assert batch.rows()[-1].name == "1 done, 1 failed, 0 left"


def test_what_was_done_before_is_no_work():
    batch = BatchProgress([1000, 1000], Clock())
    batch.finish(0, "a", 600.0, skipped=True)
    assert batch.record().done == 0
    batch.update(1, "b", 1.0, 10.0)
    assert batch.record().total == 10.0
    assert batch.line() == "1 done, 1 left, 10 %"


def test_programs_get_the_whole_and_the_input_in_work():
    lines: list[str] = []
    batch = BatchProgress([10, 10], Clock())
    display = JsonLines(lines.append, Clock())
    batch.update(0, "a", 5.0, 10.0)
    for view in (batch.part, batch):
        display.show(view)
    records = [json.loads(line) for line in lines]
    for record in records:
        SCHEMA.validate(record)
    assert [(item["phase"], item["file"], item["done"], item["total"]) for item in records] == [
        ("transcribe", "a", 5.0, 10.0),
        ("batch", "", 5.0, 20.0),
    ]


steps = st.lists(
    st.tuples(st.integers(0, 2), st.sampled_from(["hear", "finish", "fail"]), st.floats(0, 99)),
    max_size=12,
)


@given(steps, st.lists(st.integers(0, 9), min_size=3, max_size=3))
def test_done_is_never_more_than_the_total(reported, sizes):
    batch, over = BatchProgress(sizes, Clock()), set()
    reached = [0.0] * 3
    for number, step, seconds in reported:
        if number in over:
            continue
        reached[number] = max(reached[number], seconds)
        if step == "hear":
            batch.update(number, "same", reached[number], 99.0)
        elif step == "finish":
            batch.finish(number, "same", 99.0)
        else:
            batch.fail(number)
        over |= {number} if step != "hear" else set()
        now = batch.record()
        assert now.total is None or now.done <= now.total + 1e-6
