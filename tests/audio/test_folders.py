"""Folders: what is taken by its name, what is passed over and told, and links."""

import logging
import os
import time
from pathlib import Path

import pytest

from tests.audio.files import names, touch
from whisper_cli.audio.folders import BESIDE, SUFFIXES
from whisper_cli.batch.watch import Watch
from whisper_cli.formats.registry import Format

DEVICES = """
    mxf qta dss ds2 3gpp f4v m4p m4r mod tod mpc rmvb divx wtv dvr-ms dv nsv ogx vox sln aax aa
    shn mp1 m2t mk3d caff
"""


@pytest.fixture(autouse=True)
def _here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("ending", DEVICES.split())
def test_recordings_of_broadcasters_phones_and_dictaphones_are_taken(ending):
    touch(f"d/talk.{ending}", f"d/B.{ending.upper()}")
    assert names("d") == [f"d/B.{ending.upper()}", f"d/talk.{ending}"]


def test_what_is_passed_over_is_told_in_one_line_with_counts(caplog):
    touch("d/a.wav", "d/1.pdf", "d/e/2.PDF", "d/3.docx", "d/README")
    assert names("d") == ["d/a.wav"]
    told = "d: 4 files with other endings were passed over (pdf 2, no ending 1, docx 1)"
    assert caplog.messages == [told]


def test_many_kinds_stay_one_line(caplog):
    touch("d/a.wav", *(f"d/x.a{number:02}" for number in range(12)))
    names("d")
    [told] = caplog.messages
    assert told.endswith("a06 1, a07 1, others 4)")


def test_our_outputs_texts_images_and_what_is_hidden_are_not_told(caplog):
    endings = [*(kind.suffix for kind in Format), "srt.part", "txt.journal", "wav.failed", "jpg"]
    touch("d/a.wav", "d/.pdf", "d/.git/x.pdf", *(f"d/a.{ending}" for ending in endings))
    assert names("d") == ["d/a.wav"]
    assert not caplog.messages
    assert not BESIDE & SUFFIXES


def test_a_folder_of_other_files_alone_tells_of_them_too(run):
    touch("d/a.pdf")
    result = run("transcribe", "d", "-f", "txt")
    assert result.code == 3
    assert "1 file with another ending was passed over (pdf 1)" in result.stderr


def test_linked_folders_are_entered_once_and_by_their_real_name_first():
    touch("tree/zz/a.wav", "elsewhere/b.wav", "elsewhere/in/c.wav")
    for link, to in (("show", "../elsewhere"), ("again", "../elsewhere/in"), ("a", "zz")):
        Path("tree", link).symlink_to(to, target_is_directory=True)
    assert names("tree") == ["tree/again/c.wav", "tree/show/b.wav", "tree/zz/a.wav"]


def test_loops_end_and_do_not_lead_above_the_folder(caplog):
    touch("d/a.wav", "secret.wav", "out/b.wav")
    Path("d/up").symlink_to("..", target_is_directory=True)
    Path("d/self").symlink_to(".", target_is_directory=True)
    Path("d/there").symlink_to("../out", target_is_directory=True)
    Path("out/back").symlink_to("../d", target_is_directory=True)
    Path("d/round.wav").symlink_to("round.wav")
    assert names("d") == ["d/a.wav", "d/there/b.wav"]
    assert caplog.messages == [
        "d/round.wav links to round.wav, which isn't there",
        "d/up links to a folder that it is in: not entered",
    ]


def test_links_that_lead_nowhere_are_told(caplog):
    touch("d/a.wav")
    Path("d/b.wav").symlink_to("gone.wav")
    Path("d/show").symlink_to("/nowhere/show")
    assert names("d") == ["d/a.wav"]
    assert caplog.messages == [
        "d/b.wav links to gone.wav, which isn't there",
        "d/show links to /nowhere/show, which isn't there",
    ]


def test_a_linked_folder_whose_name_is_no_utf8_is_told(caplog):
    Path("d").mkdir()
    Path(os.fsdecode(b"d/caf\xe9")).symlink_to("gone")
    names("d")
    assert caplog.messages == ["d/caf\N{REPLACEMENT CHARACTER} links to gone, which isn't there"]


def test_watch_enters_linked_folders_and_tells_once_what_it_passes_over(caplog):
    touch("in/a.mxf", "in/a.pdf", "elsewhere/b.wav")
    Path("in/show").symlink_to("../elsewhere", target_is_directory=True)
    Path("in/gone").symlink_to("nowhere")
    watch = Watch(Path("in"), lambda _: (), settle=0.05)
    with caplog.at_level(logging.WARNING):
        watch._ready()
        time.sleep(0.1)
        assert watch._ready() == [Path("in/a.mxf"), Path("in/show/b.wav")]
        told = [
            "in/gone links to nowhere, which isn't there",
            "in: 1 file with another ending was passed over (pdf 1)",
        ]
        assert caplog.messages == told
        touch("in/b.pdf", "in/c.docx")
        watch._ready()
        assert caplog.messages[2:] == [
            "in: 3 files with other endings were passed over (pdf 2, docx 1)"
        ]
