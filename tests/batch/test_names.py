"""Names that are nearly as long as a file system takes: what we add to them fits all the same."""

import os
from pathlib import Path

import pytest

from tests.batch.fakes import FakeEngine, jobs, noise, work
from whisper_cli.audio.sources import Inputs, Source
from whisper_cli.batch.events import InputDone, InputError
from whisper_cli.batch.runner import run
from whisper_cli.batch.targets import NameOptions, plan
from whisper_cli.batch.watch import clear_mark, note_failure
from whisper_cli.errors import AudioError, EngineError, OutputError
from whisper_cli.files import beside, write_text
from whisper_cli.formats.registry import Format

NAME_MAX = 255
pytestmark = pytest.mark.skipif(not hasattr(os, "pathconf"), reason="needs Unix")


@pytest.fixture
def output_index(tmp_path: Path) -> Path:
    return tmp_path / "state" / "outputs.sqlite3"


def done(outcomes):
    return [item for item in outcomes if isinstance(item, InputDone | InputError)]


@pytest.mark.parametrize("size", [240, *range(244, 252)])
@pytest.mark.parametrize("letter", ["x", "ä"])
def test_an_output_is_written_whose_name_just_fits(tmp_path, output_index, size, letter):
    stem = letter * (size // len(letter.encode()))
    clip = noise(tmp_path / f"{stem}.wav")
    failing = FakeEngine(fail={2: EngineError("the engine failed")})
    [failed] = done(
        run(jobs(clip, output=f"{tmp_path}/", kinds="srt,txt"), work(output_index, failing))
    )
    assert isinstance(failed, InputError)
    assert failed.error.message == "the engine failed"
    parts = [path.name for path in tmp_path.iterdir() if path.suffix == ".part"]
    assert len(parts) == 2  # what was decoded is there, under names that fit
    [first] = done(
        run(jobs(clip, output=f"{tmp_path}/", kinds="srt,txt"), work(output_index, FakeEngine()))
    )
    assert isinstance(first, InputDone)
    names = {f"{stem}.wav", f"{stem}.srt", f"{stem}.txt"}
    assert {path.name for path in tmp_path.iterdir()} - {"state"} == names
    [again] = done(
        run(jobs(clip, output=f"{tmp_path}/", kinds="srt,txt"), work(output_index, FakeEngine()))
    )
    assert isinstance(again, InputDone)
    assert again.skipped


def test_a_name_that_does_not_fit_is_told_before_decoding_and_leaves_nothing(
    tmp_path, output_index
):
    clip, engine = noise(tmp_path / ("x" * 251 + ".wav")), FakeEngine()
    [failed] = done(
        run(jobs(clip, output=f"{tmp_path}/", kinds="json"), work(output_index, engine))
    )
    assert isinstance(failed, InputError)
    assert isinstance(failed.error, OutputError)
    assert failed.error.hint == "-o FILE or --name gives a shorter name"
    assert not engine.decoded
    assert {path.name for path in tmp_path.iterdir()} - {"state"} == {clip.name}


def test_short_names_are_told_apart_and_stay_the_same(tmp_path):
    one, two = (tmp_path / ("ä" * 125 + end) for end in ("1.txt", "2.txt"))
    assert beside(tmp_path / "a.srt", ".part").name == "a.srt.part"
    short = [beside(path, suffix) for path in (one, two) for suffix in (".part", ".1.journal")]
    assert len(set(short)) == 4
    assert all(len(os.fsencode(path.name)) <= NAME_MAX for path in short)
    assert short[0].name.startswith("ääää")
    assert short[0] == beside(one, ".part")
    assert beside(Path("not/there/yet") / ("x" * 252), ".part").name.endswith(".part")
    exact = tmp_path / ("x" * 250)
    assert beside(exact, ".part").name == "x" * 250 + ".part"


def test_a_file_of_the_longest_name_is_written_whole(tmp_path):
    write_text(tmp_path / ("x" * NAME_MAX), "text")
    assert [path.read_text("utf-8") for path in tmp_path.iterdir()] == ["text"]


def test_watch_notes_the_failure_of_an_input_of_the_longest_name(tmp_path):
    path = noise(tmp_path / ("x" * 250 + ".flac"))
    kinds, names = (Format.srt,), NameOptions("{stem}.{ext}", "m", None)
    [job] = plan(Inputs((Source(path, tmp_path),), has_folder=True), None, kinds, kinds, names)
    failed = InputError(0, str(path), AudioError("no sound"))
    note_failure(failed, job, None, tmp_path)
    [mark] = tmp_path.glob("*.failed")
    assert mark.read_text("utf-8") == "error: no sound\n"
    clear_mark(job)
    note_failure(failed, job, tmp_path / "broken", tmp_path)
    assert [item.suffix for item in sorted((tmp_path / "broken").iterdir())] == [".flac", ".failed"]
