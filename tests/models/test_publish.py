import hashlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from tests.models.fakes import COMMIT, FILES, OTHER, fake_model, published, write
from whisper_cli.models.store import find


def git_sha1(data: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()


def test_blobs_are_named_as_the_hub_names_them_and_linked_relatively(cache: Path, tmp_path: Path):
    snapshot = published(fake_model(), write(tmp_path / "staged"))
    links = {path.name: str(path.readlink()) for path in snapshot.iterdir()}
    assert snapshot == cache / "models--acme--fake" / "snapshots" / COMMIT
    assert links == {
        name: "../../blobs/"
        + (hashlib.sha256(data).hexdigest() if name == "model.bin" else git_sha1(data))
        for name, data in FILES.items()
    }
    assert {path.name: path.read_bytes() for path in snapshot.iterdir()} == FILES
    assert list((tmp_path / "staged").iterdir()) == []


def test_huggingface_hub_reads_what_we_publish(cache: Path, tmp_path: Path):
    from huggingface_hub import scan_cache_dir, snapshot_download

    snapshot = published(fake_model(), write(tmp_path / "staged"))
    scanned = scan_cache_dir(cache)
    (repo,) = scanned.repos
    (revision,) = repo.revisions
    assert not scanned.warnings
    assert (repo.repo_id, revision.commit_hash, revision.refs) == ("acme/fake", COMMIT, {"main"})
    assert {file.file_name for file in revision.files} == set(FILES)
    local = snapshot_download("acme/fake", cache_dir=cache, local_files_only=True)
    assert Path(local) == snapshot


def test_main_is_set_where_it_is_missing_and_moved_only_by_who_asked_for_it(
    cache: Path, tmp_path: Path
):
    refs = cache / "models--acme--fake" / "refs"
    published(fake_model(), write(tmp_path / "a"))
    published(fake_model(revision=OTHER), write(tmp_path / "b"))
    assert (refs / "main").read_text() == COMMIT
    published(fake_model(revision=OTHER), write(tmp_path / "c"), ref="main")
    published(fake_model(), write(tmp_path / "d"), ref="pr/1")
    assert (refs / "main").read_text() == OTHER
    assert (refs / "pr" / "1").read_text() == COMMIT


def test_a_snapshot_is_never_there_without_its_ref_which_prune_would_delete(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    refs_seen: list[bool] = []
    rename = Path.rename

    def watched(self: Path, target: Path) -> Path:
        refs_seen.append((cache / "models--acme--fake" / "refs" / "main").exists())
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", watched)
    snapshot = published(fake_model(), write(tmp_path / "staged"))
    assert refs_seen == [True]
    assert len(list(snapshot.iterdir())) == len(FILES)


def test_a_damaged_blob_is_replaced(cache: Path, tmp_path: Path):
    snapshot = published(fake_model(), write(tmp_path / "a"))
    (snapshot / "model.bin").write_bytes(b"short")
    assert find(fake_model()) is None
    published(fake_model(), write(tmp_path / "b"))
    assert find(fake_model()) == snapshot
    assert (snapshot / "model.bin").read_bytes() == FILES["model.bin"]


def test_a_blob_shared_between_repositories_stays_untouched(cache: Path, tmp_path: Path):
    shared = write(cache / "blobs" / "ab", {"abcd": b"shared bytes"}) / "abcd"
    digest = hashlib.sha256(FILES["model.bin"]).hexdigest()
    blob = cache / "models--acme--fake" / "blobs" / digest
    blob.parent.mkdir(parents=True)
    blob.symlink_to("../../blobs/ab/abcd")
    snapshot = published(fake_model(), write(tmp_path / "staged"))
    assert (snapshot / "model.bin").read_bytes() == FILES["model.bin"]
    assert shared.read_bytes() == b"shared bytes"


def test_where_symlinks_are_refused_files_are_copied(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    def reject(*args: object, **kwargs: object) -> None:
        raise OSError("a required privilege is not held by the client")

    monkeypatch.setattr(Path, "symlink_to", reject)
    snapshot = published(fake_model(), write(tmp_path / "staged"))
    assert not any(path.is_symlink() for path in snapshot.iterdir())
    assert find(fake_model()) == snapshot


def test_two_may_publish_one_model_at_once(cache: Path, tmp_path: Path):
    def publish_often(name: str) -> bool:
        for turn in range(20):
            published(fake_model(), write(tmp_path / f"{name}-{turn}"))
            if not find(fake_model()):
                return False
        return True

    with ThreadPoolExecutor() as threads:
        assert all(threads.map(publish_often, "abc"))


def test_a_model_without_a_commit_is_not_published(cache: Path, tmp_path: Path):
    with pytest.raises(ValueError, match="not a model at a pinned revision"):
        published(replace(fake_model(), revision=None), tmp_path)
    assert not cache.exists()
