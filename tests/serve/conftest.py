import pytest

from tests.serve.fakes import FakeHands, folder, running


@pytest.fixture
def model(tmp_path):
    return folder(tmp_path / "models")


@pytest.fixture
def server(model):
    with running(model, FakeHands()) as found:
        yield found
