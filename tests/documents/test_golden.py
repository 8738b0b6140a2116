import pytest

from tests.documents.samples import GOLDEN, LOOKS, rendered


@pytest.fixture
def written(run, tmp_path):
    return rendered(tmp_path, lambda arguments: run(*arguments))


def test_each_look_writes_its_golden_file(written):
    assert {path.name for path in GOLDEN.iterdir()} == set(LOOKS) == set(written)
    for name, text in written.items():
        assert text.encode() == (GOLDEN / name).read_bytes(), name
