import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console as Terminal

from tests.console.fakes import Clock, downloading
from whisper_cli.console.displays import Bars, layout
from whisper_cli.console.progress import ProgressRow, PullProgress

DETAILS = ("12.5 MB/s", "0:04 left", " 8 conn.", "resumed 61 %", "huggingface.co")


def lines(rows, width, height=24):
    terminal = Terminal(width=width, height=height)
    with terminal.capture() as shown:
        terminal.print(layout(rows, width, height))
    return shown.get().splitlines()


def row(name="model.bin", share=0.3, details=DETAILS):
    return ProgressRow(name, share, "25.0 MB/75.0 MB", details)


@pytest.mark.parametrize(
    ("width", "last"),
    [(120, "huggingface.co"), (80, "resumed 61 %"), (70, "8 conn."), (60, "0:04 left")],
)
def test_a_narrow_terminal_keeps_what_matters_most(width, last):
    (line,) = lines([row()], width)
    assert line.startswith("model.bin ")
    assert "25.0 MB/75.0 MB" in line
    assert line.rstrip().endswith(last)


def test_a_long_name_keeps_its_end_and_leaves_room_for_the_speed():
    (line,) = lines([row("a/very/long/folder/of/a/model/model.safetensors")], 60)
    assert line.startswith("…")
    assert "safetensors" in line
    assert "12.5 MB/s 0:04 left" in line


def test_columns_stand_below_each_other():
    several = lines([row("a"), row("vocabulary.txt"), row("tiny.en total")], 80)
    assert len({line.index("25.0 MB") for line in several}) == 1


def test_more_files_than_lines_leave_out_what_is_complete():
    rows = [row(f"done-{n}", share=1.0) for n in range(20)]
    shown = lines([*rows, row("coming"), row("total")], 80, height=8)
    assert len(shown) == 7
    assert shown[0].startswith("coming")
    assert shown[-1].startswith("total")


def test_a_name_cannot_command_the_terminal():
    (line,) = lines([row("a\x1b[2J\nb\ud800")], 80)
    assert line.startswith("a?[2J?b?")


@given(
    st.lists(st.builds(row, st.text(max_size=60), st.none() | st.floats(0, 1))),
    st.integers(20, 200),
    st.integers(1, 30),
)
def test_every_row_is_one_line_no_wider_than_the_terminal(rows, width, height):
    shown = lines(rows, width, height)
    assert len(shown) == min(len(rows), max(height - 1, 1))
    assert all(cell_len(line) <= width for line in shown)


def test_bars_are_drawn_ten_times_a_second_and_once_more_at_the_end():
    clock, file = Clock(), io.StringIO()
    bars, pull = (
        Bars(Terminal(file=file, force_terminal=True, width=80), clock),
        PullProgress("m", clock),
    )
    for done in range(1000):
        pull.add(downloading(done=done, total=1000))
        bars.show(pull)
        clock.now += 0.001
    bars.finish()
    assert 10 <= file.getvalue().count("model.bin") <= 12
    assert "999 B/1.0 kB" in file.getvalue()
