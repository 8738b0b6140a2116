import json
from dataclasses import fields
from importlib.resources import files

import pytest
from jsonschema import Draft202012Validator

from tests.console.fakes import MB, Clock, downloading, verifying
from whisper_cli.console.displays import JsonLines, PlainLines
from whisper_cli.console.progress import ProgressRecord, PullProgress, SingleProgress
from whisper_cli.download.types import Phase, Progress

SCHEMA = Draft202012Validator(
    json.loads((files("whisper_cli.formats") / "schema" / "progress-1.json").read_text("utf-8"))
)


@pytest.fixture
def clock() -> Clock:
    return Clock()


def show(display, pull, clock, *events, every=0.125):
    for event in events:
        pull.add(event)
        display.show(pull)
        clock.now += every


def test_the_schema_is_valid_and_names_every_field():
    SCHEMA.check_schema(SCHEMA.schema)
    assert set(SCHEMA.schema["required"]) == set(SCHEMA.schema["properties"])
    assert set(SCHEMA.schema["required"]) == {"type"} | {
        item.name for item in fields(ProgressRecord)
    }


def test_json_follows_its_schema_in_every_phase(clock):
    lines: list[str] = []
    display, pull = JsonLines(lines.append, clock), PullProgress("tiny.en", clock)
    active = [downloading(done=n * MB, resumed=2 * MB) for n in range(2, 76)]
    ends = verifying(done=75 * MB), Progress("tiny.en", Phase.publish, "hub", 75 * MB, 75 * MB)
    show(display, pull, clock, downloading("a", 0, None), *active, *ends)
    display.finish()
    single = SingleProgress("transcribe", "talk.mp3", "talk.mp3", clock)
    single.add(1.23456, 11.0)
    display.show(single)
    records = [json.loads(line) for line in lines]
    for record in records:
        SCHEMA.validate(record)
    assert {record["phase"] for record in records} == {*Phase, "transcribe"}
    assert records[-1]["done"] == 1.235


def test_json_is_five_a_second_for_each_file_and_the_last(clock):
    lines: list[str] = []
    display, pull = JsonLines(lines.append, clock), PullProgress("tiny.en", clock)
    for n in range(1000):
        for file in ("a", "b"):
            pull.add(downloading(file, n * 1000, 75 * MB))
            display.show(pull)
        clock.now += 0.002
    display.finish("tiny.en: all of it")
    done = [r["done"] for r in map(json.loads, lines) if r["file"] == "a"]
    assert 9 <= len(done) <= 12
    assert done[-1] == 999_000
    assert done == sorted(done)


def test_json_tells_the_end_of_a_phase_at_once_and_once(clock):
    lines: list[str] = []
    display, pull = JsonLines(lines.append, clock), PullProgress("tiny.en", clock)
    whole = downloading(done=75 * MB)
    show(display, pull, clock, downloading(done=74 * MB), whole, whole, whole, every=0.01)
    display.finish()
    assert [json.loads(line)["done"] for line in lines] == [74 * MB, 75 * MB]


def test_a_log_gets_a_line_every_five_seconds(clock):
    lines: list[str] = []
    display, pull = PlainLines(lines.append, clock), PullProgress("tiny.en", clock)
    show(display, pull, clock, *[downloading(done=n * MB // 2) for n in range(110)])
    assert [line.split(",")[0] for line in lines] == ["pull tiny.en: 26 %", "pull tiny.en: 53 %"]


def test_a_log_ends_with_the_summary_or_with_how_far_it_came(clock):
    lines: list[str] = []
    for summary in ("tiny.en: all of it", ""):
        display, pull = PlainLines(lines.append, clock), PullProgress("tiny.en", clock)
        show(display, pull, clock, downloading(done=15 * MB))
        display.finish(summary)
    assert lines[0] == "tiny.en: all of it"
    assert lines[1].startswith("pull tiny.en: 20 %, 15.0 MB/75.0 MB")


def test_a_thing_shorter_than_five_seconds_is_one_line(clock):
    lines: list[str] = []
    display, single = (
        PlainLines(lines.append, clock),
        SingleProgress("verify", "model.bin", "", clock),
    )
    for done in range(0, 2001, 100):
        clock.now += 0.1
        single.add(done, 2000)
        display.show(single)
    display.finish()
    assert lines == ["verify model.bin: 100 %, 1.0 kB/s, 0:00 left"]
