import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from whisper_cli.models.catalog import Model, ModelFile
from whisper_cli.models.files import read_regular
from whisper_cli.models.names import (
    are_unique,
    is_commit,
    is_file_name,
    is_repo,
    is_revision,
    is_sha256,
    is_size,
    short_name,
)

HOSTILE = [
    "", ".", "..", "...", "/", "/etc/passwd", "../x", "a/../x", "a/..", "./x", "a//b", "a/", "a\\b",
    "a\0b", "a\nb", "\x1b[2J", "\x9b2J", "\ud800", "x" * 256, "x/" * 600 + "x", "C:x",
    None, 3, 1.5, True, b"a", [], {}, ["a"],
]  # fmt: skip


@pytest.mark.parametrize("value", HOSTILE, ids=lambda value: ascii(value)[:20])
def test_what_names_no_file_below_a_folder_names_nothing_else(value: object):
    for check in (is_file_name, is_repo, is_revision, is_commit, is_sha256):
        assert not check(value)


@pytest.mark.parametrize(
    "name", ["config.json", "data/words.txt", ".gitattributes", "ä ö.bin", "x" * 255, "ab:c", "..a"]
)
def test_what_hubs_call_their_files_is_taken(name: str):
    assert is_file_name(name)


@pytest.mark.parametrize("name", ["main", "v1.0", "pr/1", "refs/pr/1", "feature/x-y_z", "c0ffee"])
def test_branches_tags_and_commits_are_revisions(name: str):
    assert is_revision(name)


@pytest.mark.parametrize("name", ["a b", "a@b", "a?b", "a/b@c", "x" * 100 + "/" + "y" * 160])
def test_what_git_would_not_take_is_no_revision(name: str):
    assert not is_revision(name)


@pytest.mark.parametrize("name", ["a", "a/b/c", "a/", "a--b/c", "../b", "a/..", "x/" + "y" * 250])
def test_a_repository_is_an_owner_and_a_name(name: str):
    assert is_repo("acme/fake")
    assert not is_repo(name)


@pytest.mark.parametrize("size", [-1, 1 << 63, 10**4000, 1.0, 1e400, "1", True, None, [1]])
def test_a_size_is_a_whole_number_that_a_file_can_have(size: object):
    assert not is_size(size)
    assert is_size(0)
    assert is_size(3_000_000_000)


def test_hashes_are_of_their_length_in_small_hexadecimal():
    assert is_commit("a" * 40)
    assert is_sha256("0" * 64)
    for digits in ("a" * 39, "A" * 40, "g" * 40, "a" * 40 + "\n", "\u0661" * 40, "a" * 41):
        assert not is_commit(digits)
    assert not is_sha256("a" * 40)


def test_a_name_stands_once_and_no_file_is_a_folder_too():
    assert are_unique(["a", "b/c", "b/d"])
    assert not are_unique(["a", "a"])
    assert not are_unique(["b", "b/c"])


@given(st.text(), st.text())
def test_what_passes_stays_below_its_folder(one: str, other: str):
    for name in (one, f"{one}/{other}"):
        if is_file_name(name):
            assert os.path.normpath(f"/root/{name}") == f"/root/{name}"


@given(st.text(st.characters(codec="utf-8")))
def test_a_short_name_is_one_name_whatever_it_stands_for(text: str):
    assert is_file_name(f"x-{short_name(text)}")
    assert "/" not in short_name(text)
    assert len(short_name(text)) <= 100


@pytest.mark.parametrize(
    "changes",
    [
        {"name": "../x"},
        {"size": -1},
        {"sha256": "/tmp/x"},
        {"git_sha1": "a" * 64},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_no_file_of_a_model_can_have_a_hostile_name_or_hash(changes: dict[str, object]):
    with pytest.raises(ValueError, match=r"name|size|hash|sha256"):
        ModelFile(**{"name": "x", **changes})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "changes",
    [
        {"repo": "../.."},
        {"revision": "../x"},
        {"new_repo": "x"},
        {"files": (ModelFile("x"), ModelFile("x"))},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_no_model_can_have_a_hostile_repository_or_revision(changes: dict[str, object]):
    with pytest.raises(ValueError, match="name"):
        Model(**{"name": "x", **changes})  # type: ignore[arg-type]


def test_only_a_regular_file_of_modest_size_is_read_and_nothing_is_waited_for(tmp_path: Path):
    file, pipe = tmp_path / "file", tmp_path / "pipe"
    file.write_bytes(b"four")
    os.mkfifo(pipe)
    assert read_regular(file, 4) == b"four"
    for path, maximum in ((file, 3), (pipe, 9), (Path("/dev/zero"), 9), (tmp_path, 9)):
        with pytest.raises(OSError, match=r"too big|no regular file"):
            read_regular(path, maximum)
