"""Processes of engines: none is left behind, with what they made, however they end."""

import asyncio
import multiprocessing
import os
import signal
import subprocess
import sys
import tempfile
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from tests.serve.fakes import folder, in_background, until
from tests.serve.processes import server_settings
from whisper_cli.engine.device import DeviceRequest
from whisper_cli.errors import ModelError
from whisper_cli.serve.model_process import ModelProcess
from whisper_cli.serve.temporary import OwnFolder


@pytest.fixture
def temporary(monkeypatch):
    """A place for temporary folders; short, for sockets are made in it."""
    with tempfile.TemporaryDirectory(prefix="t") as destination:
        monkeypatch.setenv("TMPDIR", destination)
        monkeypatch.setattr(tempfile, "tempdir", destination)
        yield Path(destination)


def before(engine):
    return True


def starting(engine):
    return engine._starting.locked() or engine._process is not None


def started(engine):
    return engine._process is not None


@pytest.mark.parametrize("moment", [before, starting, started])
def test_an_engine_that_is_let_go_while_it_starts_is_gone(tmp_path, temporary, moment):
    async def load_and_let_go():
        engine = ModelProcess(folder(tmp_path), DeviceRequest())
        loading = asyncio.create_task(engine.load())
        await asyncio.to_thread(until, lambda: moment(engine), 20)
        await engine.unload()
        with pytest.raises(ModelError):
            await loading
        assert not engine.alive
        assert engine.memory == 0

    asyncio.run(load_and_let_go())
    assert multiprocessing.active_children() == []
    assert list(temporary.iterdir()) == []


@pytest.mark.slow
def test_clients_that_leave_while_a_model_loads_leave_no_engine(tiny_en, jfk):
    def leave(served, seconds):
        with pytest.raises(httpx.TimeoutException):
            served.post(jfk, timeout=seconds)

    with server_settings("--model", tiny_en, "--keep-alive", "0") as served:
        for number in range(8):
            leave(served, 0.1 + 0.05 * number)
            if number % 2:
                served.ask("/api/unload", model=tiny_en)
        until(lambda: engines(served) == served.get("/api/ps")["models"] == [], 60)
        assert served.post(jfk).status_code == 200
        until(lambda: engines(served) == served.get("/api/ps")["models"] == [], 60)
    assert "Traceback" not in "".join(served.log)


@pytest.mark.slow
def test_jobs_of_an_engine_that_is_killed_are_done_by_the_next(tiny_en, jfk, tmp_path):
    answers = []
    with server_settings("--model", tiny_en) as served:
        asked = [in_background(lambda: answers.append(served.post(jfk))) for _ in range(4)]
        until(lambda: len(served.get("/api/ps")["queue"]) == 4, 60)
        os.kill(engines(served)[0], signal.SIGKILL)
        for thread in asked:
            thread.join(120)
    assert [item.status_code for item in answers] == [200] * 4
    assert all("country" in item.json()["text"] for item in answers)


@pytest.mark.slow
def test_engines_and_killed_servers_leave_no_folders(tiny_en, temporary):
    with server_settings("--model", tiny_en) as served:
        until(lambda: list(temporary.glob("serve-*/pymp-*")), 60)
        for _ in range(2):
            assert served.ask("/api/unload", model=tiny_en)["unloaded"]
            until(lambda: not list(temporary.glob("**/pymp-*")), 60)
            served.ask("/api/load", model=tiny_en)
        left = set(temporary.iterdir())
        os.kill(served.process.pid, signal.SIGKILL)
        served.process.wait(20)
    assert left
    with server_settings("--model", tiny_en):
        assert not left & set(temporary.iterdir())
    assert list(temporary.iterdir()) == []


def engines(served):
    """Give the processes that were started to be engines."""
    return [pid for pid in served.family[1:] if b"spawn_main" in command(pid)]


def command(pid):
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


HOLDER = (
    "from whisper_cli.serve.temporary import OwnFolder; own = OwnFolder(); print(own.path); input()"
)


def test_the_folder_of_a_process_is_removed_when_that_is_dead(temporary):
    living, dead = (holder() for _ in range(2))
    stranger = temporary / "serve-none"  # no lock says whose it is
    stranger.mkdir()
    dead[0].kill()
    dead[0].wait(20)
    own = OwnFolder()
    assert own.path.is_dir()
    assert living[1].is_dir()
    assert stranger.is_dir()
    assert not dead[1].exists()
    own.close()
    living[0].kill()
    living[0].wait(20)
    again = OwnFolder()
    assert again.path.is_dir()
    again.close()
    assert list(temporary.iterdir()) == [stranger]
    for process, _ in (living, dead):
        process.communicate()


def holder():
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    process = subprocess.Popen([sys.executable, "-c", HOLDER], text=True, **pipes)
    return process, Path(process.stdout.readline().strip())


def test_a_folder_that_was_removed_is_made_anew(temporary):
    own = OwnFolder()
    first = own.path
    first.rmdir()
    assert own.path.is_dir()
    assert own.path.stat().st_mode & 0o077 == 0
    own.close()
    assert list(temporary.iterdir()) == []


def test_threads_that_ask_together_have_one_folder(temporary):
    own = OwnFolder()
    together = threading.Barrier(8)

    def ask(_):
        together.wait(20)
        return own.path

    with ThreadPoolExecutor(8) as threads:
        assert len(set(threads.map(ask, range(8)))) == 1
    own.close()
    assert list(temporary.iterdir()) == []
