import io
import os
from pathlib import Path

import pytest

from tests.audio.files import names, touch
from whisper_cli.audio.sources import Source, expand
from whisper_cli.errors import ConfigError


@pytest.fixture(autouse=True)
def _here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def test_files_come_in_the_order_they_were_named():
    touch("b.mp3", "a.wav")
    assert names("b.mp3", "a.wav", "missing.wav") == ["b.mp3", "a.wav", "missing.wav"]


def test_a_folder_gives_its_audio_and_video_below_sorted_without_dot_files():
    touch("d/b.MP3", "d/a/x.mkv", "d/.x.wav", "d/.git/y.wav", "d/notes.txt", "d/z.srt")
    inputs = expand(["d"], None)
    assert inputs.sources == (
        Source(Path("d/a/x.mkv"), Path("d")),
        Source(Path("d/b.MP3"), Path("d")),
    )
    assert inputs.has_folder
    assert inputs.multiple


def test_a_folder_of_one_file_is_several_but_one_file_is_not():
    touch("d/a.wav")
    assert expand(["d"], None).multiple
    assert not expand(["d/a.wav"], None).multiple
    assert expand(["d/a.wav", "b.wav"], None).multiple


def test_a_folder_without_audio_stays_as_itself():
    touch("d/notes.txt")
    assert expand(["d"], None).sources == (Source(Path("d"), Path("d")),)


def test_symlink_loops_end():
    touch("d/a.wav")
    Path("d/loop").symlink_to("..", target_is_directory=True)
    assert names("d") == ["d/a.wav"]


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("*.wav", ["a.wav", "b.wav"]),
        ("[ab].wav", ["a.wav", "b.wav"]),
        ("**/*.mp3", ["d/c.mp3", "d/e/f.mp3", "g.mp3"]),
        ("d*", ["d/c.mp3", "d/e/f.mp3"]),
        ("*.ogg", ["*.ogg"]),
    ],
)
def test_globs_the_shell_left_alone_are_expanded(pattern, found):
    touch("b.wav", "a.wav", "d/c.mp3", "d/e/f.mp3", "g.mp3")
    assert names(pattern) == found
    absolute = [str(Path.cwd() / name) for name in found]
    assert names(str(Path.cwd() / pattern)) == absolute


def test_an_existing_name_wins_over_glob_and_list():
    touch("a[1].mp3", "a1.mp3", "@x", "*.wav", "b.wav")
    assert names("a[1].mp3", "@x", "*.wav") == ["a[1].mp3", "@x", "*.wav"]


def test_a_list_holds_one_path_a_line_with_folders_and_globs():
    touch("d/a.wav", "b 1.wav", "b 2.wav")
    Path("list.txt").write_bytes(b"d\r\n\n  \nb*.wav\ncaf\xc3\xa9.wav\n")
    assert names("@list.txt") == ["d/a.wav", "b 1.wav", "b 2.wav", "café.wav"]


def test_a_list_with_nul_bytes_is_separated_by_them():
    Path("list").write_bytes(b"a\nb.wav\0 c.wav\0")
    assert names("@list") == ["a\nb.wav", " c.wav"]


def test_a_list_comes_from_standard_input():
    assert names("@-", stdin=io.BytesIO(b"a.wav\nb.wav\n")) == ["a.wav", "b.wav"]


def test_a_list_that_cannot_be_read_is_a_configuration_error():
    with pytest.raises(ConfigError, match=r"can't read the list missing\.txt"):
        expand(["@missing.txt"], None)


def test_an_empty_name_is_refused_and_not_the_current_folder():
    touch("a.wav")
    with pytest.raises(ConfigError, match="empty name"):
        expand([""], None)


def test_the_same_file_counts_once_where_it_came_first():
    touch("d/a.wav", "b.wav")
    Path("link").symlink_to("d", target_is_directory=True)
    assert names("b.wav", "./d/../b.wav", "d", "d/a.wav", "link/a.wav", "-", "-") == [
        "b.wav",
        "d/a.wav",
        "-",
    ]


def test_standard_input_has_a_name_and_a_stem():
    [source] = expand(["-"], None).sources
    assert (source.path, source.name, source.stem) == (None, "-", "stdin")


def test_a_name_with_undecodable_bytes_can_be_shown():
    path = Path(os.fsdecode(b"caf\xe9.wav"))
    path.touch()
    [source] = expand([os.fsdecode(b"caf\xe9.wav")], None).sources
    assert source.path == path
    assert source.name == "caf\N{REPLACEMENT CHARACTER}.wav"


def test_a_name_longer_than_the_system_allows_is_left_to_opening():
    assert names("x" * 5000) == ["x" * 5000]


def test_what_may_not_be_read_in_a_folder_is_left_to_opening(monkeypatch):
    touch("talks/a.wav", "talks/closed/b.wav")
    scan, format_options = os.scandir, Path.is_file

    def scandir(path):
        if Path(path).name == "closed":
            raise PermissionError(13, "Permission denied", str(path))
        return scan(path)

    def is_file(path):
        if path.name == "a.wav":
            raise PermissionError(13, "Permission denied", str(path))
        return format_options(path)

    monkeypatch.setattr(os, "scandir", scandir)
    monkeypatch.setattr(Path, "is_file", is_file)
    assert names("talks") == ["talks/a.wav", "talks/closed"]
