"""Small files: the old text or the new, and nothing beside."""

import pytest

from whisper_cli import files


@pytest.mark.parametrize("sync", [False, True])
def test_a_file_is_replaced(tmp_path, sync):
    path = tmp_path / "note.json"
    for text in ("one", "zwei, drei: ü\n"):
        files.write_text(path, text, sync=sync)
        assert path.read_bytes() == text.encode()
        assert list(tmp_path.iterdir()) == [path]


def test_what_cant_be_written_leaves_the_old_file_alone(tmp_path):
    path = tmp_path / "note.json"
    path.write_text("old")
    with pytest.raises(UnicodeEncodeError):
        files.write_text(path, "half a pair \ud83d")
    assert path.read_text() == "old"
    (tmp_path / "folder").mkdir()
    with pytest.raises(OSError, match="folder"):
        files.write_text(tmp_path / "folder", "text")
    assert sorted(item.name for item in tmp_path.iterdir()) == ["folder", "note.json"]


def test_a_link_is_replaced_and_not_followed(tmp_path):
    (tmp_path / "target").write_text("somebody's own")
    (tmp_path / "note.json").symlink_to(tmp_path / "target")
    files.write_text(tmp_path / "note.json", "text")
    assert (tmp_path / "target").read_text() == "somebody's own"
    assert not (tmp_path / "note.json").is_symlink()


def test_a_file_that_has_the_temporary_name_already_is_kept(tmp_path, monkeypatch):
    monkeypatch.setattr(files.secrets, "token_hex", lambda _: "taken")
    (tmp_path / "target").write_text("somebody's own")
    (tmp_path / "note.json.taken").symlink_to(tmp_path / "target")
    with pytest.raises(FileExistsError):
        files.write_text(tmp_path / "note.json", "text")
    assert (tmp_path / "target").read_text() == "somebody's own"
    assert sorted(item.name for item in tmp_path.iterdir()) == ["note.json.taken", "target"]
