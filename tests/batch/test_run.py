"""Jobs with a fake engine: what is skipped, replaced, kept, and left behind by a failure."""

import json
import os
import subprocess
from pathlib import Path

import pytest
import srt

from tests.batch.fakes import FakeEngine, jobs, noise, work
from whisper_cli.batch.runner import InputDone, InputError, JobInputProgress, run
from whisper_cli.errors import EngineError, ModelError
from whisper_cli.signals import Stopped


@pytest.fixture
def output_index(tmp_path: Path) -> Path:
    return tmp_path / "state" / "outputs.sqlite3"


def outcome(events) -> list[object]:
    return [event for event in events if not isinstance(event, JobInputProgress)]


def test_outputs_appear_whole_and_leave_no_part(tmp_path, output_index):
    clip = noise(tmp_path / "in" / "a.wav")
    [done] = outcome(
        run(
            jobs(clip, output=f"{tmp_path}/out/", kinds="srt,json"),
            work(output_index, FakeEngine()),
        )
    )
    assert isinstance(done, InputDone)
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["a.json", "a.srt"]
    assert [cue.content for cue in srt.parse((tmp_path / "out/a.srt").read_text())] == [
        "second 0",
        "second 1",
        "second 2",
    ]
    assert json.loads((tmp_path / "out/a.json").read_text())["provenance"]["complete"] is True


def test_a_current_output_is_skipped_without_decoding(tmp_path, output_index):
    clip, engine = noise(tmp_path / "a.wav"), FakeEngine()
    remaining = jobs(clip, output=f"{tmp_path}/out/")
    outcome(run(remaining, work(output_index, engine)))
    [done] = outcome(run(remaining, work(output_index, engine)))
    assert done.skipped
    assert engine.decoded == 1


@pytest.mark.parametrize("change", ["input", "option", "style"])
def test_a_stale_output_of_ours_is_replaced(tmp_path, output_index, change):
    clip, engine = noise(tmp_path / "a.wav"), FakeEngine()
    remaining = jobs(clip, output=f"{tmp_path}/out/", kinds="json")
    outcome(run(remaining, work(output_index, engine)))
    if change == "input":
        noise(clip, seconds=2, seed=1)
    options = {"beam_size": 1} if change == "option" else {}
    style = {"style": "whisper"} if change == "style" else {}
    [done] = outcome(run(remaining, work(output_index, engine, **style, **options)))
    assert not done.skipped
    assert engine.decoded == 2


@pytest.mark.parametrize("edited", [True, False])
def test_a_foreign_or_edited_file_is_kept(tmp_path, output_index, edited):
    clip, target = noise(tmp_path / "a.wav"), tmp_path / "out" / "a.txt"
    remaining = jobs(clip, output=f"{tmp_path}/out/")
    if edited:
        outcome(run(remaining, work(output_index, FakeEngine())))
    target.parent.mkdir(exist_ok=True)
    target.write_text("mine")
    [failed] = outcome(run(remaining, work(output_index, FakeEngine())))
    assert isinstance(failed, InputError)
    assert failed.error.exit_code == 2
    assert "--overwrite" in failed.error.hint
    assert target.read_text() == "mine"
    outcome(run(remaining, work(output_index, FakeEngine(), overwrite=True)))
    assert "second 0" in target.read_text()


def test_only_the_missing_format_is_written(tmp_path, output_index):
    clip = noise(tmp_path / "a.wav")
    outcome(run(jobs(clip, output=f"{tmp_path}/out/"), work(output_index, FakeEngine())))
    before = (tmp_path / "out/a.txt").stat().st_mtime_ns
    outcome(
        run(
            jobs(clip, output=f"{tmp_path}/out/", kinds="txt,srt"), work(output_index, FakeEngine())
        )
    )
    assert (tmp_path / "out/a.txt").stat().st_mtime_ns == before
    assert (tmp_path / "out/a.srt").exists()


def test_the_detected_language_is_found_again_for_the_name(tmp_path, output_index):
    clip, engine = noise(tmp_path / "a.wav"), FakeEngine()
    remaining = jobs(clip, output=f"{tmp_path}/out/", name="{stem}.{language}.{ext}")
    outcome(run(remaining, work(output_index, engine)))
    assert (tmp_path / "out/a.de.txt").exists()
    [done] = outcome(run(remaining, work(output_index, engine)))
    assert done.skipped


def test_a_foreign_file_whose_name_is_known_only_after_decoding_is_kept(tmp_path, output_index):
    clip = noise(tmp_path / "a.wav")
    mine = tmp_path / "out" / "a.de.txt"
    mine.parent.mkdir()
    mine.write_text("mine")
    remaining = jobs(clip, output=f"{tmp_path}/out/", name="{stem}.{language}.{ext}")
    [failed] = outcome(run(remaining, work(output_index, FakeEngine())))
    assert isinstance(failed, InputError)
    assert mine.read_text() == "mine"


def test_one_bad_input_harms_only_itself(tmp_path, output_index):
    bad = tmp_path / "bad.wav"
    bad.write_bytes(b"")
    good = [noise(tmp_path / "a.wav"), noise(tmp_path / "b.wav")]
    events = outcome(
        run(
            jobs(good[0], bad, good[1], output=f"{tmp_path}/out/"), work(output_index, FakeEngine())
        )
    )
    assert [type(event) for event in events] == [InputDone, InputError, InputDone]
    assert events[1].error.exit_code == 3
    assert not (tmp_path / "out" / "bad.txt").exists()


def test_a_failure_in_the_middle_leaves_a_valid_part(tmp_path, output_index):
    clip = noise(tmp_path / "a.wav")
    engine = FakeEngine(fail={2: EngineError("the engine failed")})
    [failed] = outcome(
        run(jobs(clip, output=f"{tmp_path}/out/", kinds="srt,json"), work(output_index, engine))
    )
    assert isinstance(failed, InputError)
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "a.json.part",
        "a.srt.journal",
        "a.srt.part",
    ]
    partial = json.loads((tmp_path / "out/a.json.part").read_text())
    assert partial["text"] == "second 0 second 1"
    assert partial["provenance"]["complete"] is False
    assert len(list(srt.parse((tmp_path / "out/a.srt.part").read_text()))) == 2


def test_what_every_input_would_meet_ends_the_run(tmp_path, output_index):
    clips = [noise(tmp_path / "a.wav"), noise(tmp_path / "b.wav")]
    engine = FakeEngine(fail={0: ModelError("damaged")})
    with pytest.raises(ModelError):
        outcome(run(jobs(*clips, output=f"{tmp_path}/out/"), work(output_index, engine)))
    assert engine.decoded == 1


def test_each_segment_is_on_disk_when_it_is_decoded(tmp_path, output_index):
    """At every moment the file is valid up to its last cue, as a kill -9 would leave it."""
    clip = noise(tmp_path / "a.wav", seconds=5)
    counts = []
    for _ in run(
        jobs(clip, output=f"{tmp_path}/out/", kinds="json,srt"),
        work(output_index, FakeEngine(pause=0.15)),
    ):
        part = tmp_path / "out" / "a.json.part"
        if part.exists():
            counts.append(len(json.loads(part.read_text())["segments"]))
            list(srt.parse((tmp_path / "out/a.srt.part").read_text()))
    assert set(counts) >= {1, 2, 3, 4}


def test_abandoning_a_run_closes_its_part(tmp_path, output_index):
    clip = noise(tmp_path / "a.wav", seconds=5)
    events = run(
        jobs(clip, output=f"{tmp_path}/out/", kinds="json"),
        work(output_index, FakeEngine(pause=0.15)),
    )
    for event in events:
        if isinstance(event, JobInputProgress) and event.seconds >= 2:
            break
    events.close()
    partial = json.loads((tmp_path / "out" / "a.json.part").read_text())
    assert partial["text"].startswith("second 0 second 1")


def test_a_closed_pipe_stops_the_run(tmp_path, output_index):
    def closed(text: str) -> None:
        raise Stopped(13)

    with pytest.raises(Stopped) as stop:
        outcome(
            run(jobs(noise(tmp_path / "a.wav")), work(output_index, FakeEngine(), write=closed))
        )
    assert stop.value.exit_code == 141


def test_a_ledger_that_cannot_be_used_costs_a_warning(tmp_path, caplog):
    broken = tmp_path / "outputs.sqlite3"
    broken.write_text("no database" * 1000)
    [done] = outcome(
        run(jobs(noise(tmp_path / "a.wav"), output=f"{tmp_path}/o/"), work(broken, FakeEngine()))
    )
    assert isinstance(done, InputDone)
    assert "can't use the ledger" in caplog.text


def test_silence_is_written_with_no_language(tmp_path, output_index):
    class Deaf(FakeEngine):
        def find_speech(self, samples, options):
            return []

    outcome(
        run(
            jobs(noise(tmp_path / "a.wav"), output=f"{tmp_path}/o/", kinds="json"),
            work(output_index, Deaf()),
        )
    )
    transcript = json.loads((tmp_path / "o/a.json").read_text())
    assert (transcript["language"], transcript["segments"], transcript["duration"]) == (
        None,
        [],
        3.0,
    )


def test_another_raw_format_makes_an_output_stale(tmp_path, output_index):
    pcm = tmp_path / "a.pcm"
    pcm.write_bytes(b"\1\2" * 16000)
    remaining = jobs(pcm, output=f"{tmp_path}/out/")
    outcome(run(remaining, work(output_index, FakeEngine(), raw="s16le:8000:1")))
    [done] = outcome(run(remaining, work(output_index, FakeEngine(), raw="s16le:16000:1")))
    assert not done.skipped


def test_an_output_that_is_a_link_stays_one(tmp_path, output_index):
    clip, link = noise(tmp_path / "a.wav"), tmp_path / "link.txt"
    (tmp_path / "real").mkdir()
    link.symlink_to(tmp_path / "real" / "x.txt")
    outcome(run(jobs(clip, output=str(link)), work(output_index, FakeEngine())))
    assert link.is_symlink()
    assert "second 0" in (tmp_path / "real" / "x.txt").read_text()


def test_two_runs_never_write_one_output_at_once(tmp_path, output_index):
    clip = noise(tmp_path / "a.wav")
    remaining = jobs(clip, output=f"{tmp_path}/out/")
    first = run(remaining, work(output_index, FakeEngine(pause=0.2)))
    next(event for event in first if (tmp_path / "out" / "a.txt.part").exists())
    elsewhere = tmp_path / "other" / "outputs.sqlite3"  # a state of its own: it hears of no claim
    [failed] = outcome(run(remaining, work(elsewhere, FakeEngine())))
    assert "another whisper-cli is writing" in failed.error.message
    assert isinstance(outcome(first)[0], InputDone)


def test_a_folder_where_our_output_was_is_kept(tmp_path, output_index):
    clip = noise(tmp_path / "a.wav")
    remaining = jobs(clip, output=f"{tmp_path}/out/")
    outcome(run(remaining, work(output_index, FakeEngine())))
    (tmp_path / "out" / "a.txt").unlink()
    (tmp_path / "out" / "a.txt").mkdir()
    [failed] = outcome(run(remaining, work(output_index, FakeEngine())))
    assert isinstance(failed, InputError)


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting needs root")
def test_a_full_disk_publishes_nothing_and_leaves_a_valid_part(tmp_path, output_index):
    small = tmp_path / "small"
    small.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8k", "none", small], check=False)
    if mounted.returncode:
        pytest.skip("mounting isn't allowed here")
    try:
        clip = noise(tmp_path / "a.wav", seconds=60)
        [failed] = outcome(
            run(jobs(clip, output=f"{small}/", kinds="json"), work(output_index, FakeEngine()))
        )
        assert "No space left" in failed.error.message
        assert sorted(path.name for path in small.iterdir()) == ["a.json.journal", "a.json.part"]
        assert json.loads((small / "a.json.part").read_text())["segments"]
    finally:
        subprocess.run(["umount", small], check=True)


def test_what_shares_stdout_waits_for_its_turn():
    from types import SimpleNamespace

    from whisper_cli.batch.runner import InOrder
    from whisper_cli.engine.events import InputFailed, InputFinished, InputStarted, SegmentDecoded

    first, second, third = (
        SimpleNamespace(number=number, group=(None,), needed=True) for number in range(3)
    )
    order = InOrder(0)
    events = [
        InputStarted(second, None),
        InputFailed(second, EngineError("x")),
        SegmentDecoded(second, None),
        InputStarted(first, None),
        InputFinished(third, None),
        InputFinished(first, None),
    ]
    passed = [event.input.number for event in events for event in order.release(event)]
    assert passed == [0, 0, 1, 1, 1, 2]


def test_an_input_that_cannot_be_written_holds_up_no_other_on_stdout():
    from types import SimpleNamespace

    from whisper_cli.batch.runner import InOrder
    from whisper_cli.engine.events import InputFinished, InputStarted

    first, second = (
        SimpleNamespace(number=number, group=(None,), needed=True) for number in range(2)
    )
    order, passed = InOrder(0), []
    for event in [InputFinished(second, None), InputStarted(first, None)]:
        for expired in order.release(event):
            passed.append(expired.input.number)
            expired.input.needed = expired.input is second  # the engine tells no more of the first
    assert passed == [0, 1]


@pytest.mark.parametrize("before", ["nothing", "an older one of ours"])
def test_what_was_killed_as_an_output_took_its_name_knows_it_again(
    tmp_path, output_index, monkeypatch, before
):
    clip, engine = noise(tmp_path / "a.wav"), FakeEngine()
    remaining = jobs(clip, output=f"{tmp_path}/out/", kinds="srt,json")
    if before != "nothing":
        outcome(run(remaining, work(output_index, engine, beam_size=1)))

    def killed(*_: object) -> None:
        raise Stopped(9)

    with monkeypatch.context() as patched:
        patched.setattr("whisper_cli.batch.job_input.published", killed)
        with pytest.raises(Stopped):
            outcome(run(remaining, work(output_index, engine)))
    assert sorted(path.name for path in (tmp_path / "out").glob("a.[sj]*")) == ["a.json", "a.srt"]
    decoded = engine.decoded
    [done] = outcome(run(remaining, work(output_index, engine)))
    assert (done.skipped, engine.decoded) == (True, decoded)
    (tmp_path / "out/a.srt").write_text("edited")
    [kept] = outcome(run(remaining, work(output_index, engine)))
    assert isinstance(kept, InputError)
