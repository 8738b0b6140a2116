import pytest

from tests.leftovers import nothing_left
from tests.serve.fakes import FakeHands, folder, running


@pytest.fixture(autouse=True)
def leaves_nothing(isolated, warmed, monkeypatch):
    """Fail a test that leaves descriptors, threads, processes, folders or memory behind."""
    with nothing_left(monkeypatch):
        yield


@pytest.fixture(scope="session")
def warmed():
    """Have what stays for all tests: the template of decoding processes, and libraries."""
    import openai  # noqa: F401

    import whisper_cli.serve.app
    import whisper_cli.serve.worker.preload  # noqa: F401
    from whisper_cli.serve.worker import sandbox

    sandbox.prepare()


@pytest.fixture
def model(tmp_path):
    return folder(tmp_path / "models")


@pytest.fixture
def server(model):
    with running(model, FakeHands()) as found:
        yield found
