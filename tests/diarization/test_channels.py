"""`--speakers channels` with a fake engine: two inputs, one output, nothing lost by a crash."""

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile

from tests.batch.fakes import FakeEngine, jobs, work
from whisper_cli.batch.runner import InputDone, InputError, JobInputProgress, run
from whisper_cli.diarization.options import DiarizationMethod, DiarizationOptions
from whisper_cli.signals import Stopped

CALL = DiarizationOptions(DiarizationMethod.channels, 2, ("Ann", "Bob"))


@pytest.fixture
def output_index(tmp_path: Path) -> Path:
    return tmp_path / "state" / "outputs.sqlite3"


def call(path: Path, seconds: int = 3, channels: int = 2) -> Path:
    samples = np.random.default_rng(0).normal(0, 0.1, (seconds * 16000, channels))
    soundfile.write(path, samples, 16000)
    return path


def done(outcomes):
    return [item for item in outcomes if not isinstance(item, JobInputProgress)]


class Cut(FakeEngine):
    """Stops when it decodes for the `at`-th time."""

    def __init__(self, at: int) -> None:
        super().__init__()
        self.at = at

    def decode(self, *arguments):
        if self.decoded == self.at:
            raise Stopped(143)
        yield from super().decode(*arguments)


def test_both_channels_are_told_in_the_order_of_time(tmp_path, output_index):
    remaining = jobs(call(tmp_path / "a.wav"), output=f"{tmp_path}/out/", kinds="txt,json")
    engine = FakeEngine()
    [finished] = done(run(remaining, work(output_index, engine, speakers=CALL)))
    assert isinstance(finished, InputDone)
    assert (tmp_path / "out/a.txt").read_text().splitlines() == [
        f"{name}: second {second}" for second in range(3) for name in ("Ann", "Bob")
    ]
    document = json.loads((tmp_path / "out/a.json").read_text())
    assert [item["speaker"] for item in document["segments"]] == ["Ann", "Bob"] * 3
    assert document["duration"] == 3.0
    assert document["provenance"]["complete"] is True
    assert document["provenance"]["options"]["channel"] == "mix"
    [again] = done(run(remaining, work(output_index, engine, speakers=CALL)))
    assert again.skipped
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["a.json", "a.txt"]


@pytest.mark.parametrize("at", [0, 1])
def test_what_a_crash_left_of_each_channel_is_gone_on_with(tmp_path, output_index, at):
    remaining = jobs(call(tmp_path / "a.wav"), output=f"{tmp_path}/out/")
    with pytest.raises(Stopped):
        done(run(remaining, work(output_index, Cut(at), speakers=CALL)))
    left = {path.name for path in (tmp_path / "out").iterdir()}
    # a part without a segment in it is taken away
    assert left - {"a.txt.part"} == {f"a.txt.{number + 1}.journal" for number in range(at + 1)}
    engine = FakeEngine()
    done(run(remaining, work(output_index, engine, speakers=CALL)))
    assert engine.decoded == 2 - at
    assert (tmp_path / "out/a.txt").read_text().count("Bob: ") == 3
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["a.txt"]


def test_channels_are_kept_each_for_itself_and_names_change_without_decoding(
    tmp_path, output_index
):
    history, engine = tmp_path / "history", FakeEngine()
    remaining = jobs(call(tmp_path / "a.wav"), output=f"{tmp_path}/out/")
    done(run(remaining, work(output_index, engine, history=history, speakers=CALL)))
    assert engine.decoded == 2
    rest = DiarizationOptions(DiarizationMethod.channels, 2)
    done(run(remaining, work(output_index, engine, history=history, speakers=rest)))
    assert (tmp_path / "out/a.txt").read_text().startswith("Speaker 1: second 0\nSpeaker 2: ")
    one = jobs(tmp_path / "a.wav", output=f"{tmp_path}/left/")
    done(run(one, work(output_index, engine, history=history, channel="1")))
    assert (tmp_path / "left/a.txt").read_text() == "second 0\nsecond 1\nsecond 2\n"
    assert engine.decoded == 2


@pytest.mark.parametrize("channels", [1, 4])
def test_another_number_of_channels_fails_once_and_the_others_go_on(
    tmp_path, output_index, channels
):
    odd = call(tmp_path / "odd.wav", channels=channels)
    remaining = jobs(odd, call(tmp_path / "two.wav"), output=f"{tmp_path}/out/")
    failed, finished = done(run(remaining, work(output_index, FakeEngine(), speakers=CALL)))
    assert isinstance(failed, InputError)
    assert f"has {channels}" in failed.error.message
    assert isinstance(finished, InputDone)


def test_several_on_stdout_come_one_after_the_other(tmp_path, output_index):
    reported: list[str] = []
    remaining = jobs(call(tmp_path / "a.wav"), call(tmp_path / "b.wav", 2), output="-")
    done(run(remaining, work(output_index, FakeEngine(), reported.append, speakers=CALL)))
    lines = "".join(reported).splitlines()
    assert [line.rsplit(" ", 1)[1] for line in lines] == list("0011220011")


@pytest.mark.parametrize(
    ("arguments", "reported"),
    [
        (("--speakers", "voices"), "tells no speakers apart"),
        (("--speakers", "channels", "--speaker-names", "A,B,C"), "2 speakers have 3 names"),
        (("--speakers", "auto:3", "--speaker-names", "A,B"), "3 speakers have 2 names"),
        (("--speaker-names", "A"), "without speakers"),
        (("--speakers", "channels", "--channel", "left"), "hears both channels"),
        (("--speakers", "channels", "--live"), "not in live sound"),
    ],
)
def test_what_can_not_be_asked_is_refused(run, jfk, arguments, reported):
    refused = run("transcribe", jfk, *arguments)
    assert refused.code == 2
    assert reported in refused.stderr


@pytest.mark.slow
def test_a_leak_of_a_real_voice_is_left_out(run, tmp_path, jfk, tiny_en):
    voice, rate = soundfile.read(jfk, dtype="float32", always_2d=True)
    quiet = 0.05 * np.roll(voice[:, 0], 200)
    soundfile.write(tmp_path / "call.wav", np.stack([voice[:, 0], quiet], 1), rate)
    reported = run(
        "transcribe", tmp_path / "call.wav", "-m", tiny_en, "-f", "json", "-o", "-",
        "--speakers", "channels", "--speaker-names", "JFK,Nobody",
    )  # fmt: skip
    assert reported.code == 0
    document = reported.json()
    assert {item["speaker"] for item in document["segments"]} == {"JFK"}
    assert {item["reason"] for item in document["dropped"]} == {"bleed"}
    assert "country" in document["text"]
