import re
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from whisper_cli.errors import ModelError
from whisper_cli.models.catalog import Model, ModelKind, catalog, in_catalog, names, resolve


def test_the_names_are_those_of_faster_whisper():
    from faster_whisper.utils import _MODELS

    assert set(names()) == set(_MODELS)
    assert {name: resolve(name).repo for name in names()} == _MODELS


@pytest.mark.parametrize("model", catalog(), ids=lambda model: model.name)
def test_every_model_is_pinned_and_every_file_has_a_hash(model: Model):
    assert model.pinned
    assert {"config.json", "model.bin", "tokenizer.json"} < {file.name for file in model.files}
    assert all(re.fullmatch(r"[0-9a-f]{64}", file.sha256 or "") for file in model.files)
    assert [file.name for file in model.files if file.lfs] == ["model.bin"]
    assert model.english_only == (model.name.endswith(".en") or "distil" in model.name)


def test_the_size_is_the_sum_of_the_files_where_all_are_known():
    assert resolve("tiny.en").size == 78_090_594
    assert resolve("distil-large-v2").size is None
    assert Model("acme/fake", "acme/fake").size is None


def test_the_package_index_has_tiny_en_whole_and_base_in_two_parts():
    carried = [model.name for model in catalog() if all(file.members for file in model.files)]
    weights = next(file for file in resolve("base").files if file.name == "model.bin")
    assert sorted(carried) == ["base", "tiny.en"]
    assert [member.path[-6:] for member in weights.members] == [".part1", ".part2"]


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("turbo", "large-v3-turbo"),
        ("large", "large-v3"),
        ("Systran/faster-whisper-tiny", "tiny"),
        ("Systran/faster-whisper-tiny@d90ca5fe260221311c53c58e660288d3deb8d356", "tiny"),
        ("dropbox-dash/faster-whisper-large-v3-turbo", "large-v3-turbo"),
    ],
)
def test_an_alias_and_a_repository_of_the_catalogue_mean_the_catalogue_model(text: str, name: str):
    assert resolve(text) is resolve(name)


def test_any_repository_at_any_revision_is_a_model_with_nothing_known_of_it():
    assert resolve("acme/fake") == Model("acme/fake", "acme/fake")
    assert resolve("acme/fake@pr/1") == Model("acme/fake@pr/1", "acme/fake", "pr/1")
    assert resolve("Systran/faster-whisper-tiny@main").files == ()


def test_a_folder_is_a_model_if_it_holds_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    Path("tiny").mkdir()
    assert resolve("tiny").repo == "Systran/faster-whisper-tiny"
    with pytest.raises(ModelError, match=r'no model in "./tiny": it has no model.bin'):
        resolve("./tiny")
    Path("tiny/model.bin").touch()
    assert resolve("tiny") == Model("tiny", folder=Path("tiny"))
    assert resolve(str(tmp_path / "tiny")).folder == tmp_path / "tiny"
    with pytest.raises(ModelError, match="there is no such folder"):
        resolve("./missing")


def test_an_unknown_name_is_answered_with_the_nearest():
    with pytest.raises(ModelError, match=r'^no such model: "smal"$') as caught:
        resolve("smal")
    assert caught.value.hint == 'did you mean "small"? whisper-cli list --remote shows all'
    assert caught.value.exit_code == 4


@given(st.text())
@example("~nobody")
@example("/" + "x" * 5000)
@example("x" * 5000)
def test_whatever_is_typed_is_a_model_or_a_model_error(text: str):
    try:
        said = resolve(text).name
    except ModelError as error:
        said = error.message
    assert text in said or text in {"large", "turbo"}


@pytest.mark.parametrize(
    "text",
    [
        "a/b@/dev/zero",
        "a/b@../../x",
        "a/b@x/..",
        "Systran/faster-whisper-tiny.en@../../../../file",
        "../..",
        "a/..@main",
        "a--b/c",
        "a/b@" + "x" * 300,
        "a/" + "b" * 300,
        "a/b@\ud800",
        "a/b@x\0y",
    ],
)
def test_a_name_or_revision_that_would_be_a_path_is_no_model(text: str):
    for folders in (True, False):
        with pytest.raises(ModelError, match=r"no such model|no model in") as caught:
            resolve(text, folders=folders)
        assert caught.value.exit_code == 4


def test_completing_names_imports_nothing_heavy():
    heavy = {"huggingface_hub", "faster_whisper", "numpy", "platformdirs", "difflib"}
    code = "import sys; from whisper_cli.models.catalog import names; names(); print(*sys.modules)"
    output = subprocess.check_output([sys.executable, "-c", code], text=True)
    assert "whisper_cli.models.catalog" in output.split()
    assert heavy.isdisjoint(output.split())


def test_a_repository_outside_the_catalogue_is_not_in_it():
    assert in_catalog("acme/fake") is None


@pytest.mark.parametrize(
    "model", catalog(ModelKind.segmentation, ModelKind.embedding), ids=lambda model: model.name
)
def test_every_model_for_speakers_is_one_pinned_file_with_a_hash(model: Model):
    [file] = model.files
    assert model.pinned
    assert file.name.endswith(".onnx")
    assert re.fullmatch(r"[0-9a-f]{64}", file.sha256 or "")
    assert file.size
    assert resolve(model.name) == model
    assert model.name not in names()
