"""A server as a process of its own, asked by many clients at once, and what it costs."""

import asyncio
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import httpx

from benchmarks.measure import family, memory

MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer: seconds to its first byte of text and to its end; `text` None where it failed."""

    first: float
    seconds: float
    text: str | None


@dataclass(frozen=True, slots=True)
class Server:
    url: str
    process: "subprocess.Popen[bytes]"
    ready: float

    @property
    def memory(self) -> int:
        return sum(memory(pid) for pid in family(self.process.pid))

    @property
    def cpu(self) -> float:
        """Seconds of processor time of the processes that are there."""
        return sum(_ticks(pid) for pid in family(self.process.pid)) / os.sysconf("SC_CLK_TCK")


@contextmanager
def running(command: Sequence[str], environment: dict[str, str]) -> Iterator[Server]:
    """Start a server (`{port}` stands for a free one), wait until it is ready, and end it."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    started_at = time.perf_counter()
    process = subprocess.Popen(
        [part.replace("{port}", str(port)) for part in command],
        env=os.environ | environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    url = f"http://127.0.0.1:{port}"
    try:
        while not _is_ready(url):
            if process.poll() is not None or time.perf_counter() - started_at > 60:
                raise SystemExit(f"the server did not start: {' '.join(command)}")
            time.sleep(0.02)
        yield Server(url, process, time.perf_counter() - started_at)
    finally:
        process.terminate()
        process.wait(40)


def owned(model: str, *options: str) -> list[str]:
    command = [sys.executable, "-m", "whisper_cli", "serve-lite", "-q", "--port", "{port}"]
    return [*command, "--model", model, *options]


def plain(folder: Path) -> list[str]:
    return [sys.executable, "-m", "benchmarks.plain_server", str(folder), "{port}"]


async def ask(client: httpx.AsyncClient, clip: bytes, *, stream: bool = False) -> Answer:
    """Ask once, and be patient."""
    started_at = time.perf_counter()
    data = {"model": "whisper-1", "language": "en"} | ({"stream": "true"} if stream else {})
    first = 0.0
    try:
        files = {"file": ("clip", clip)}
        async with client.stream(
            "POST", "/v1/audio/transcriptions", data=data, files=files
        ) as response:
            text = ""
            async for part in response.aiter_text():
                first = first or time.perf_counter() - started_at
                text += part
            good = response.status_code == 200
    except httpx.HTTPError:
        good = False
    seconds = time.perf_counter() - started_at
    return Answer(first, seconds, _text(text, stream=stream) if good else None)


def load(
    url: str, clips: Sequence[Path], at_once: int, *, stream: bool = False
) -> tuple[list[Answer], float]:
    """Ask for all clips, so many at once; gives the answers in order and the seconds of all."""
    contents = [clip.read_bytes() for clip in clips]

    async def work() -> tuple[list[Answer], float]:
        room = asyncio.Semaphore(at_once)
        limits = httpx.Limits(max_connections=at_once)
        async with httpx.AsyncClient(base_url=url, timeout=600, limits=limits) as client:

            async def one(clip: bytes) -> Answer:
                async with room:
                    return await ask(client, clip, stream=stream)

            started_at = time.perf_counter()
            answers = await asyncio.gather(*(one(clip) for clip in contents))
            return list(answers), time.perf_counter() - started_at

    return asyncio.run(work())


def _text(body: str, *, stream: bool) -> str:
    import json

    if not stream:
        return str(json.loads(body)["text"])
    events = [json.loads(line[6:]) for line in body.splitlines() if line.startswith("data: ")]
    return str(events[-1].get("text", ""))


def _is_ready(url: str) -> bool:
    with suppress(httpx.TransportError):
        return httpx.get(url + "/ready", timeout=1).status_code == 200
    return False


def _ticks(pid: int) -> int:
    with suppress(OSError):
        words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return int(words[11]) + int(words[12])
    return 0
