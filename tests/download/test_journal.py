import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from whisper_cli.download import part_file as module
from whisper_cli.download.part_file import PartJournal, RangeSet
from whisper_cli.download.types import FileTransfer


def job_for(folder, size=100_000, sha256="ab"):
    return FileTransfer("model.bin", size, sha256, None, None, (), folder / "model.part")


@pytest.fixture
def job(tmp_path):
    job = job_for(tmp_path)
    PartJournal(job).start(RangeSet())
    return job


def test_a_new_part_has_its_size_and_nothing_in_it(job):
    assert job.part.stat().st_size == job.size
    assert list(PartJournal(job).read()) == []


def test_what_was_noted_and_what_was_synced_are_both_believed(job):
    PartJournal(job).sync([(0, 10)])
    PartJournal(job).note([(5, 30)])
    assert list(PartJournal(job).read()) == [(0, 30)]


def test_after_another_boot_only_what_was_synced_is_believed(job, monkeypatch):
    PartJournal(job).sync([(0, 10)])
    PartJournal(job).note([(0, 30)])
    monkeypatch.setattr(module, "_boot", lambda: "later")
    assert list(PartJournal(job).read()) == [(0, 10)]


@pytest.mark.parametrize("change", [{"sha256": "cd"}, {"size": 99_999}])
def test_the_journal_of_another_content_is_not_believed(job, tmp_path, change):
    PartJournal(job).sync([(0, 10)])
    assert list(PartJournal(job_for(tmp_path, **change)).read()) == []


def test_a_journal_without_its_part_is_not_believed(job):
    PartJournal(job).sync([(0, 10)])
    job.part.unlink()
    assert list(PartJournal(job).read()) == []


def test_going_on_forgets_what_is_not_taken_over(job):
    PartJournal(job).sync([(0, 10)])
    PartJournal(job).note([(0, 30)])
    PartJournal(job).start(RangeSet([(0, 5)]))
    assert list(PartJournal(job).read()) == [(0, 5)]


@given(st.binary(max_size=60) | st.from_regex(rb'\{"format": 1, "extents": .{0,20}\}'))
def test_no_journal_can_break_us(tmp_path_factory, content):
    job = job_for(tmp_path_factory.mktemp("j"))
    PartJournal(job).start(RangeSet())
    (job.part.parent / "model.part.synced").write_bytes(content)
    assert PartJournal(job).read().total == 0


def test_the_holes_of_a_sparse_part_tell_which_chunks_are_missing(job):
    journal = PartJournal(job)
    with job.part.open("rb+") as file:
        file.write(b"x" * 40_960)
        file.seek(81_920)
        file.write(b"x" * (100_000 - 81_920))
    journal.note_sparse(16_384)
    assert list(journal.read()) == [(0, 32_768), (81_920, 100_000)]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs Unix")
@pytest.mark.parametrize("kind", ["link", "dangling link", "pipe"])
@pytest.mark.parametrize("suffix", ["", ".synced", ".written"])
def test_what_stands_in_the_place_of_a_part_or_its_journal_is_neither_read_nor_followed(
    job, tmp_path, kind, suffix
):
    PartJournal(job).sync([(0, 10)])
    PartJournal(job).note([(0, 10)])
    destination, target = tmp_path / f"model.part{suffix}", tmp_path / "target"
    destination.replace(target)
    before = target.read_bytes()
    if kind == "pipe":
        os.mkfifo(destination)
    else:
        destination.symlink_to(target if kind == "link" else tmp_path / "nothing")
    assert PartJournal(job).read().total == (10 if suffix else 0)
    PartJournal(job).start(RangeSet())
    assert job.part.stat().st_size == job.size
    assert not job.part.is_symlink()
    assert target.read_bytes() == before
    assert not (tmp_path / "nothing").exists()
    PartJournal(job).note([(0, 20)])
    PartJournal(job).sync([(0, 20)])
    assert PartJournal(job).read().total == 20
    assert target.read_bytes() == before
