"""Files in work: what stands in their place is taken over only where we made it."""

import json
import os
import shutil
import stat
import time
from pathlib import Path

import pytest

from tests.batch.fakes import FakeEngine, jobs, noise, work
from whisper_cli.batch.output_index import OutputIndex
from whisper_cli.batch.runner import InputDone, InputError, run
from whisper_cli.batch.session import Session
from whisper_cli.batch.summary import Summary
from whisper_cli.errors import EngineError, OutputError
from whisper_cli.files import acquire, opened

needs_unix = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs Unix")


def done(outcomes):
    return [item for item in outcomes if isinstance(item, InputDone | InputError)]


def snapshot(folder: Path) -> dict[str, tuple[int, bytes]]:
    """Note the kind and the bytes of what is in a folder."""
    found = {}
    for path in folder.iterdir():
        known = path.lstat()
        regular = stat.S_ISREG(known.st_mode)
        found[path.name] = (known.st_mode, path.read_bytes() if regular else b"")
    return found


def put_file(destination: Path) -> None:
    destination.write_text("1\n00:00:00,000 --> 00:00:01,000\nsomebody's own\n")


def put_link(destination: Path) -> None:
    target = destination.parent / "target"
    target.write_text("somebody's own")
    destination.symlink_to(target)


def put_dangling_link(destination: Path) -> None:
    destination.symlink_to(destination.parent / "nothing")


def put_hard_link(destination: Path) -> None:
    target = destination.parent / "target"
    target.write_text("somebody's own")
    destination.hardlink_to(target)


def put_link_to_a_device(destination: Path) -> None:
    destination.symlink_to("/dev/full")


def put_folder(destination: Path) -> None:
    destination.mkdir()


PUTS = [put_file, put_link, put_dangling_link, put_hard_link, put_link_to_a_device, put_folder]


@needs_unix
@pytest.mark.parametrize("suffix", [".part", ".journal"])
@pytest.mark.parametrize("put", [*PUTS, os.mkfifo], ids=lambda put: put.__name__)
def test_what_others_put_in_the_place_of_a_file_in_work_is_kept(tmp_path, put, suffix):
    clip, out = noise(tmp_path / "a.wav"), tmp_path / "out"
    out.mkdir()
    put(out / f"a.srt{suffix}")
    before = snapshot(out)
    asked = jobs(clip, output=f"{out}/a.srt", kinds="srt")
    [failed] = done(run(asked, work(tmp_path / "ledger", FakeEngine())))
    assert isinstance(failed.error, OutputError)
    assert f"a.srt{suffix}" in failed.error.message
    assert failed.error.hint
    assert snapshot(out) == before


@needs_unix
@pytest.mark.slow
@pytest.mark.parametrize("suffix", [".part", ".journal"])
def test_a_pipe_in_the_place_of_a_file_in_work_is_an_error_of_the_program(
    start, tmp_path, jfk, tiny_en, suffix
):
    os.mkfifo(tmp_path / f"a.srt{suffix}")
    child = start("transcribe", jfk, "-m", tiny_en, "-o", tmp_path / "a.srt", "--no-history")
    _, errors = child.communicate(timeout=120)
    assert child.returncode == 2
    assert f"a.srt{suffix} was not written by whisper-cli: kept" in errors.decode()
    assert b"Traceback" not in errors
    assert [path.name for path in tmp_path.iterdir()] == [f"a.srt{suffix}"]


@pytest.mark.parametrize("engine_gone", ["journal", "ledger", "neither"])
def test_what_a_run_of_ours_left_is_taken_over(tmp_path, engine_gone):
    clip, out, output_index = (
        noise(tmp_path / "a.wav", 100),
        tmp_path / "out",
        tmp_path / "l" / "ledger",
    )
    asked = jobs(clip, output=f"{out}/", kinds="srt,json")
    done(run(asked, work(output_index, FakeEngine(fail={80: EngineError("it failed")}))))
    assert {"a.srt.part", "a.json.part", "a.srt.journal"} == {item.name for item in out.iterdir()}
    if engine_gone == "journal":
        (out / "a.srt.journal").unlink()
    elif engine_gone == "ledger":
        shutil.rmtree(output_index.parent)
    [finished] = done(run(asked, work(output_index, FakeEngine())))
    assert isinstance(finished, InputDone)
    assert sorted(item.name for item in out.iterdir()) == ["a.json", "a.srt"]


def test_a_file_that_took_the_place_of_our_part_is_kept(tmp_path):
    clip, out, output_index = noise(tmp_path / "a.wav", 100), tmp_path / "out", tmp_path / "ledger"
    asked = jobs(clip, output=f"{out}/", kinds="srt")
    done(run(asked, work(output_index, FakeEngine(fail={80: EngineError("it failed")}))))
    (out / "a.srt.journal").unlink()
    own = tmp_path / "own"  # while ours is there, so that it is another file for certain
    own.write_text("somebody's own")
    own.replace(out / "a.srt.part")
    [failed] = done(run(asked, work(output_index, FakeEngine())))
    assert isinstance(failed, InputError)
    assert (out / "a.srt.part").read_text() == "somebody's own"


def test_a_part_that_is_replaced_while_it_is_written_takes_no_name(tmp_path):
    clip, out = noise(tmp_path / "a.wav", 5), tmp_path / "out"

    class Replacing(FakeEngine):
        def decode(self, *arguments):
            for segment in super().decode(*arguments):
                yield segment
                while not (out / "a.srt.part").exists():  # the engine runs ahead of the writer
                    time.sleep(0.01)
                (out / "a.srt.part").unlink()
                (out / "a.srt.part").write_text("somebody's own")
                return

    asked = jobs(clip, output=f"{out}/", kinds="srt")
    [failed] = done(run(asked, work(tmp_path / "ledger", Replacing())))
    assert isinstance(failed, InputError)
    assert (out / "a.srt.part").read_text() == "somebody's own"
    assert not (out / "a.srt").exists()


def test_an_empty_part_of_a_run_that_was_killed_at_once_is_taken_over(tmp_path):
    clip, out = noise(tmp_path / "a.wav"), tmp_path / "out"
    out.mkdir()
    (out / "a.srt.part").touch()
    asked = jobs(clip, output=f"{out}/", kinds="srt")
    [finished] = done(run(asked, work(tmp_path / "ledger", FakeEngine())))
    assert isinstance(finished, InputDone)


def test_one_process_at_a_time_has_a_file(tmp_path):
    output_index, destination = OutputIndex(tmp_path / "ledger"), tmp_path / "a.part"
    first = acquire(destination, output_index, lambda _: False)
    assert first is not None
    with first:
        first.write(b"text")
        assert acquire(destination, output_index, lambda _: False) is None
    again = acquire(destination, output_index, lambda _: False)
    assert again is not None
    again.close()
    output_index.close()


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="chown needs root")
@pytest.mark.parametrize("mode", [0o755, 0o1777])
def test_another_users_file_is_opened_only_where_nobody_else_could_put_it(tmp_path, mode):
    folder = tmp_path / "shared"
    folder.mkdir()
    destination = folder / "a.journal"
    destination.write_text('{"journal": 2, "work": "x"}\n')
    os.chown(destination, 12_345, 12_345)
    folder.chmod(mode)
    if mode == 0o755:
        opened(destination).close()
        return
    with pytest.raises(OutputError, match="kept"):
        opened(destination)


def append(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b"more")


def overwrite(path: Path) -> None:
    with path.open("r+b") as file:
        file.seek(1000)
        file.write(b"other samples")
    os.utime(path, ns=(0, 0))  # a clock may be coarse


def truncate(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def replace_(path: Path) -> None:
    noise(path.with_name("new.wav"), 20, seed=9).replace(path)


def change_while_reading(path: Path, change) -> FakeEngine:
    """Make an engine before whose first decoding the input is changed, its end not read yet."""

    class Changing(FakeEngine):
        def decode(self, *arguments):
            if not self.decoded:
                change(path)
            return super().decode(*arguments)

    return Changing()


def both(folder: Path, engine: FakeEngine) -> Session:
    return work(folder / "ledger", engine, history=folder / "history")


@needs_unix
@pytest.mark.parametrize("change", [append, overwrite, truncate, replace_])
def test_an_input_that_changes_while_it_is_read_is_not_done(tmp_path, change):
    clip, out = noise(tmp_path / "a.wav", 100), tmp_path / "out"
    asked = jobs(clip, output=f"{out}/", kinds="srt,json")
    [first] = done(run(asked, both(tmp_path, change_while_reading(clip, change))))
    assert isinstance(first, InputDone)
    assert any("changed while it was read" in warning for warning in first.warnings)
    summary = Summary(asked, strict=True)
    summary.add(first)
    assert summary.exit_code == 1
    reported = json.loads((out / "a.json").read_text("utf-8"))
    assert reported["provenance"]["complete"] is False
    assert any("changed while it was read" in warning for warning in reported["warnings"])
    assert not list((tmp_path / "history").glob("*"))
    assert sorted(item.name for item in out.iterdir()) == ["a.json", "a.srt"]
    engine = FakeEngine()
    [second] = done(run(asked, both(tmp_path, engine)))
    assert engine.decoded
    assert not second.skipped
    assert not second.warnings
    assert json.loads((out / "a.json").read_text("utf-8"))["provenance"]["complete"] is True
    [third] = done(run(asked, both(tmp_path, engine)))
    assert third.skipped


@needs_unix
def test_an_input_that_is_replaced_and_put_back_is_not_up_to_date(tmp_path):
    clip, out = noise(tmp_path / "a.wav", 100), tmp_path / "out"
    before = clip.read_bytes()
    asked = jobs(clip, output=f"{out}/", kinds="srt")
    done(run(asked, both(tmp_path, change_while_reading(clip, truncate))))
    clip.write_bytes(before)
    engine = FakeEngine()
    [again] = done(run(asked, both(tmp_path, engine)))
    assert not again.skipped
    assert "second 99" in (out / "a.srt").read_text("utf-8")


@needs_unix
@pytest.mark.parametrize("how", [Path.unlink, lambda path: path.rename(path.with_name("b.wav"))])
def test_an_input_that_is_removed_or_renamed_while_it_is_read_is_read_whole(tmp_path, how):
    clip, out = noise(tmp_path / "a.wav", 100), tmp_path / "out"
    asked = jobs(clip, output=f"{out}/", kinds="srt")
    [finished] = done(run(asked, both(tmp_path, change_while_reading(clip, how))))
    assert isinstance(finished, InputDone)
    assert not finished.warnings
    assert "second 99" in (out / "a.srt").read_text("utf-8")


@needs_unix
def test_a_file_that_is_replaced_at_once_keeps_the_hash_of_what_was_opened(tmp_path):
    from whisper_cli.audio.sources import Source
    from whisper_cli.audio.streams import open_content

    clip = noise(tmp_path / "a.wav", 2)
    content = open_content(Source(clip))
    known = content.sha256
    other = open_content(Source(clip))
    replace_(clip)
    assert other.sha256 == known
    assert content.note_change()
    content.close()
    assert content.note_change()
    other.close()
