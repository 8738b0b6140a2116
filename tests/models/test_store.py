import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import Result
from tests.models.fakes import COMMIT, FILES, OTHER, fake_model, published, write
from whisper_cli.errors import ModelError
from whisper_cli.models import usage
from whisper_cli.models.catalog import Model, resolve
from whisper_cli.models.hf_cache import repo_folder
from whisper_cli.models.store import find, installed, remove, select


def put(tmp_path: Path, **changes: str) -> Path:
    """Publish the fake model, as another repository or revision where asked."""
    return published(fake_model(**changes), write(tmp_path / "staged"))


def test_nothing_is_found_in_a_cache_that_is_not_there(cache: Path):
    assert find(resolve("tiny")) is None
    assert list(installed()) == []


def test_what_another_tool_pulled_from_main_is_found_for_a_catalogue_model(
    cache: Path, tmp_path: Path
):
    pulled = put(tmp_path, repo="Systran/faster-whisper-tiny", revision=OTHER)
    assert find(resolve("tiny")) == pulled


def test_what_was_pulled_under_the_new_name_of_a_repository_is_found(cache: Path, tmp_path: Path):
    pulled = put(tmp_path, repo="dropbox-dash/faster-whisper-large-v3-turbo")
    assert find(resolve("turbo")) == pulled


def test_a_catalogue_model_with_a_file_of_the_wrong_size_is_not_here(cache: Path, tmp_path: Path):
    model = resolve("tiny")
    put(tmp_path, repo=str(model.repo), revision=str(model.revision))
    assert find(model) is None


@pytest.mark.parametrize("name", ["config.json", "model.bin", "vocabulary.txt"])
@pytest.mark.parametrize("how", ["no link", "no blob"])
def test_an_incomplete_snapshot_is_not_here(cache: Path, tmp_path: Path, name: str, how: str):
    snapshot = put(tmp_path)
    (snapshot / name if how == "no link" else (snapshot / name).resolve()).unlink()
    assert find(fake_model()) is None
    assert find(resolve("acme/fake")) is None
    assert list(installed()) == []


def test_a_repository_is_found_by_branch_tag_and_commit(cache: Path, tmp_path: Path):
    first = put(tmp_path)
    second = published(fake_model(revision=OTHER), write(tmp_path / "staged"), ref="v2")
    assert find(resolve("acme/fake")) == first
    assert find(resolve("acme/fake@v2")) == second
    assert find(resolve(f"acme/fake@{OTHER}")) == second
    assert find(resolve("acme/fake@v3")) is None


@pytest.mark.parametrize(
    "content",
    [b"", b"main", b"../../..", b"/etc", OTHER.encode() * 2, OTHER.upper().encode(), b"\xff" * 40],
)
def test_a_ref_counts_only_if_it_holds_a_commit(cache: Path, tmp_path: Path, content: bytes):
    folder = repo_folder("acme/fake")
    put(tmp_path)
    folder.ref("main").write_bytes(content)
    assert folder.commit("main") is None
    assert find(resolve("acme/fake")) is None
    folder.ref("main").write_bytes(COMMIT.encode() + b"\n")
    assert folder.commit("main") == COMMIT


def test_a_ref_that_is_no_regular_file_is_none_and_is_not_waited_for(cache: Path, tmp_path: Path):
    folder = repo_folder("acme/fake")
    put(tmp_path)
    os.mkfifo(folder.ref("pipe"))
    folder.ref("device").symlink_to("/dev/zero")
    folder.ref("folder").mkdir()
    for name in ("pipe", "device", "folder", "absent"):
        assert find(resolve(f"acme/fake@{name}")) is None


@pytest.mark.parametrize("name", ["..", "../..", "/etc", "a/../b", ""])
def test_no_path_in_the_cache_is_made_of_a_name_that_is_none(cache: Path, name: str):
    folder = repo_folder("acme/fake")
    with pytest.raises(ValueError, match="no name of a branch or tag"):
        folder.ref(name)
    with pytest.raises(ValueError, match="no name of a commit"):
        folder.snapshot(name)


@pytest.mark.parametrize(
    "name", ["x", "a--b--c", "acme--..", "..--fake", "acme--a b", "acme--\x1b[2J", "acme--\udcff"]
)
def test_folders_in_the_cache_that_name_no_repository_are_passed_over(
    cache: Path, tmp_path: Path, run: Callable[..., Result], name: str
):
    put(tmp_path)
    shutil.copytree(cache / "models--acme--fake", cache / f"models--{name}", symlinks=True)
    snapshots = cache / "models--acme--fake" / "snapshots"
    for odd in ("main", "a\nb", COMMIT.upper()):
        (snapshots / odd).symlink_to(COMMIT)
    assert [model.name for model in installed()] == ["acme/fake"]
    result = run("list")
    assert (result.code, result.stderr) == (0, "")


def test_removing_a_model_follows_no_hostile_link_out_of_its_blobs(cache: Path, tmp_path: Path):
    snapshot = put(tmp_path)
    (snapshot / "odd").symlink_to("../..")
    remove(next(installed()))
    assert not snapshot.exists()


def test_a_folder_is_where_it_is(tmp_path: Path):
    assert find(Model("x", folder=tmp_path)) == tmp_path


def test_models_are_listed_by_the_name_that_resolves_to_them(cache: Path, tmp_path: Path):
    put(tmp_path, repo="Systran/faster-whisper-tiny", revision=OTHER)
    put(tmp_path)
    put(tmp_path, revision=OTHER)
    found = list(installed())
    assert {model.name for model in found} == {"tiny", "acme/fake", f"acme/fake@{OTHER}"}
    assert all(find(resolve(model.name)) == model.path for model in found)


def test_a_damaged_catalogue_model_is_still_listed_by_its_name(cache: Path, tmp_path: Path):
    model = resolve("tiny")
    snapshot = put(tmp_path, repo=str(model.repo), revision=str(model.revision))
    assert [model.path for model in select(["tiny"])] == [snapshot]


def test_models_are_selected_by_any_name_that_means_them(cache: Path, tmp_path: Path):
    put(tmp_path, repo="Systran/faster-whisper-tiny", revision=OTHER)
    put(tmp_path)
    assert [model.repo for model in select([])] == ["Systran/faster-whisper-tiny", "acme/fake"]
    for name in ("acme/fake", f"acme/fake@{COMMIT}"):
        assert [model.name for model in select([name, "tiny"])] == ["acme/fake", "tiny"]
    for missing in ("base", "acme/other", str(tmp_path / "staged")):
        write(tmp_path / "staged")
        with pytest.raises(ModelError, match="is not here"):
            select([missing])


def test_a_listed_model_says_what_is_known_of_it(cache: Path, tmp_path: Path):
    snapshot = put(tmp_path)
    (model,) = installed()
    assert (model.repo, model.revision, model.path) == ("acme/fake", COMMIT, snapshot)
    assert model.size == sum(map(len, FILES.values()))
    assert (model.english_only, model.verified, model.last_used) == (False, False, None)
    usage.note_used(snapshot)
    usage.note_verified(dict.fromkeys(snapshot.iterdir(), "-"))
    (model,) = installed()
    assert model.verified
    assert model.last_used is not None
    assert model.last_used.tzinfo is not None


@pytest.mark.parametrize(
    ("files", "english_only"),
    [
        ({"vocabulary.txt": b"token\n" * 51864}, True),
        ({"vocabulary.txt": b"token\n" * 51865}, False),
        ({"vocabulary.json": b"[" + b'"a",' * 51865 + b'"a"]'}, False),
        ({"vocabulary.json": b"not json"}, None),
    ],
)
def test_the_languages_of_an_unknown_model_are_told_from_its_vocabulary(
    cache: Path, tmp_path: Path, files: dict[str, bytes], english_only: bool | None
):
    content = {name: FILES[name] for name in ("config.json", "model.bin")} | files
    published(fake_model(content), write(tmp_path / "staged", content))
    assert [model.english_only for model in installed()] == [english_only]


def test_a_model_of_another_kind_is_not_listed(cache: Path, tmp_path: Path):
    content = FILES | {"model.bin": b"\6\0\0\0\x0f\0TransformerSpec\0"}
    published(fake_model(content), write(tmp_path / "staged", content))
    assert list(installed()) == []


def test_removing_a_revision_keeps_what_another_one_links_to(cache: Path, tmp_path: Path):
    other = FILES | {"config.json": b'{"other": 1}'}
    put(tmp_path)
    kept = published(fake_model(other, revision=OTHER), write(tmp_path / "b", other), ref="v2")
    stranger = write(cache / "models--acme--stranger" / "blobs", {"x": b"x"})
    remove(next(model for model in installed() if model.revision == COMMIT))
    repo = cache / "models--acme--fake"
    assert {path.name: path.read_bytes() for path in kept.iterdir()} == other
    assert len(list((repo / "blobs").iterdir())) == len(other)
    assert [path.name for path in (repo / "refs").iterdir()] == ["v2"]
    assert (stranger / "x").exists()


def test_what_cannot_be_removed_is_said(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    def reject(path: Path) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    put(tmp_path)
    monkeypatch.setattr("shutil.rmtree", reject)
    with pytest.raises(ModelError, match=r"can't remove acme/fake: .*Permission denied"):
        remove(*select(["acme/fake"]))


def test_removing_the_last_revision_removes_the_repository_and_nothing_else(
    cache: Path, tmp_path: Path
):
    put(tmp_path)
    put(tmp_path, repo="acme/other")
    remove(next(model for model in installed() if model.repo == "acme/fake"))
    assert [path.name for path in cache.iterdir()] == ["models--acme--other"]
    assert [model.repo for model in installed()] == ["acme/other"]
