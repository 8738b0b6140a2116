"""Small files: the old text or the new, and nothing beside."""

import pytest

from whisper_cli import atomic


@pytest.mark.parametrize("durable", [False, True])
def test_a_file_is_replaced(tmp_path, durable):
    path = tmp_path / "note.json"
    for text in ("one", "zwei, drei: ü\n"):
        atomic.write_text(path, text, durable=durable)
        assert path.read_bytes() == text.encode()
        assert list(tmp_path.iterdir()) == [path]


def test_what_cant_be_written_leaves_the_old_file_alone(tmp_path):
    path = tmp_path / "note.json"
    path.write_text("old")
    with pytest.raises(UnicodeEncodeError):
        atomic.write_text(path, "half a pair \ud83d")
    assert path.read_text() == "old"
    (tmp_path / "folder").mkdir()
    with pytest.raises(OSError, match="folder"):
        atomic.write_text(tmp_path / "folder", "text")
    assert sorted(each.name for each in tmp_path.iterdir()) == ["folder", "note.json"]
