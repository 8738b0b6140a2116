import pytest

from tests.formats.samples import GOLDEN, golden

WRITTEN = golden()


@pytest.mark.parametrize("name", WRITTEN)
def test_each_format_writes_its_golden_file(name):
    assert WRITTEN[name].encode() == (GOLDEN / name).read_bytes()


def test_every_golden_file_is_checked():
    assert {path.name for path in GOLDEN.iterdir()} == set(WRITTEN)
