"""The real server as a process, and what Linux tells of it."""

import contextlib
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import soundfile


@dataclass
class Served:
    url: str
    process: "subprocess.Popen[bytes]"
    log: list[str] = field(default_factory=list)

    def post(self, file: Path | bytes, timeout: float = 120.0, **fields: Any) -> httpx.Response:
        data = {"model": "whisper-1"} | fields
        content = file if isinstance(file, bytes) else file.read_bytes()
        return httpx.post(
            f"{self.url}/v1/audio/transcriptions",
            data=data,
            files={"file": ("upload.wav", content)},
            timeout=timeout,
            verify=False,  # plain HTTP: reading all certificates takes a tenth of a second
        )

    def get(self, path: str) -> Any:
        return httpx.get(self.url + path, timeout=30, verify=False).json()

    def ask(self, path: str, **body: Any) -> Any:
        return httpx.post(self.url + path, json=body, timeout=60, verify=False).json()

    @property
    def family(self) -> list[int]:
        found = [self.process.pid]
        for parent in found:
            with contextlib.suppress(OSError):
                for task in Path(f"/proc/{parent}/task").iterdir():
                    found += [int(child) for child in (task / "children").read_text().split()]
        return found

    @property
    def resident(self) -> int:
        """MB of all its processes."""
        return sum(_pages(pid) for pid in self.family) * os.sysconf("SC_PAGE_SIZE") // 10**6

    @property
    def cpu(self) -> float:
        """Seconds of processor time of the processes that are there."""
        return sum(_ticks(pid) for pid in self.family) / os.sysconf("SC_CLK_TCK")


@contextlib.contextmanager
def server_settings(
    *options: str,
    ready: bool = True,
    descriptors: tuple[int, int] | None = None,
    **environment: str,
) -> Iterator[Served]:
    """Start one; `descriptors` are its soft and hard limit."""
    command = [sys.executable, "-m", "whisper_cli", "serve-lite", "--port", "0", *options]
    if descriptors:
        limited = f'ulimit -Sn {descriptors[0]} && ulimit -Hn {descriptors[1]} && exec "$@"'
        command = ["sh", "-c", limited, "sh", *command]
    process = subprocess.Popen(
        command,
        stderr=subprocess.PIPE,
        env=os.environ | environment,
        start_new_session=True,
    )
    served = Served("", process)
    reader = threading.Thread(target=_read, args=(process, served), daemon=True)
    reader.start()
    try:
        _wait(lambda: served.url or process.poll() is not None)
        if ready:
            _wait(lambda: httpx.get(served.url + "/ready", verify=False).status_code == 200)
        yield served
    finally:
        process.terminate()
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(10)
        reader.join(5)
        process.stderr.close()


def _read(process: "subprocess.Popen[bytes]", served: Served) -> None:
    for line in process.stderr:
        text = line.decode()
        served.log.append(text)
        if found := re.search(r"https?://\S+", text):
            served.url = served.url or found[0]


def _wait(fact: Any, seconds: float = 120.0) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        with contextlib.suppress(httpx.TransportError):
            if fact():
                return
        time.sleep(0.02)
    raise AssertionError("the server did not come up")


def _pages(pid: int) -> int:
    with contextlib.suppress(OSError):
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return 0


def _ticks(pid: int) -> int:
    with contextlib.suppress(OSError):
        words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return int(words[11]) + int(words[12])
    return 0


def repeated(sample: Path, destination: Path, times: int) -> Path:
    """Write a recording that is a sample so many times."""
    samples, rate = soundfile.read(sample, dtype="int16", always_2d=True)
    soundfile.write(destination, np.tile(samples[:, 0], times), rate)
    return destination
