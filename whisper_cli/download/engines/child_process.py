"""A child process for a library that can't be trusted with ours: see child_main.py."""

import json
import logging
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any, Self

from whisper_cli.download.types import FileTransfer, Phase, Progress

_SCRIPT = Path(__file__).with_name("child_main.py")
_PROC = Path("/proc")


class ChildProcess:
    """A child process that makes one library call; it ends with the block or its parent."""

    def __init__(self, library: str, order: dict[str, Any]) -> None:
        whole = {**order, "library": library, "parent": os.getpid()}
        self._order = json.dumps(whole).encode()  # over stdin: a command line is for all to read

    def __enter__(self) -> Self:
        # -P: the folder of the script has modules that are called like the libraries.
        self._process = subprocess.Popen(
            [sys.executable, "-P", str(_SCRIPT)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, **_certificates()},
        )
        with _open(self._process.stdin) as pipe:
            pipe.write(self._order)
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()
        _open(self._process.stdout).close()
        _open(self._process.stderr).close()

    @property
    def code(self) -> int | None:
        """Return the exit code; None while it runs."""
        return self._process.poll()

    def error_output(self) -> str:
        """Return the last line that an ended child wrote to stderr, without signed queries."""
        lines = _open(self._process.stderr).read().decode(errors="replace").split("\n")
        message = next((line for line in reversed(lines) if line.strip()), f"exit code {self.code}")
        return re.sub(r"(https?://[^\s?]*)\?[^\s)]*", r"\1", message)

    def pulse(self) -> int:
        """Return a number that grows when bytes come in: how often its threads were woken."""
        switches = 0
        for status in (_PROC / str(self._process.pid) / "task").glob("*/status"):
            try:
                text = status.read_text(encoding="ascii", errors="replace")
            except OSError:
                continue  # the thread has ended
            switches += int((text.partition("\nvoluntary_ctxt_switches:")[2].split() or ["0"])[0])
        return switches


def _open(pipe: IO[bytes] | None) -> IO[bytes]:
    assert pipe is not None  # noqa: S101
    return pipe


def _certificates() -> dict[str, str]:
    """Tell OpenSSL of the bundle that only Python's libraries heed."""
    bundle = os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE")
    return {"SSL_CERT_FILE": bundle} if bundle else {}


_log = logging.getLogger("whisper_cli")


def follow(
    child: ChildProcess,
    job: FileTransfer,
    *,
    done: Callable[[], int],
    alive: Callable[[], int],
    idle_timeout: float,
) -> Iterator[Progress]:
    """Yield ten times a second until it ends or `alive` stays the same for `idle_timeout` seconds.

    Whatever the end, it is told to the log and not raised: another engine goes on.
    """
    last, at = alive(), time.monotonic()
    while child.code is None:
        yield Progress(job.name, Phase.download, job.remote_files[0].source, done(), job.size)
        time.sleep(0.1)
        if (now := alive()) != last:
            last, at = now, time.monotonic()
        elif time.monotonic() - at > idle_timeout:
            _log.warning("%s stalled: ranges go on", job.name)
            return
    if child.code:
        _log.warning("%s failed (%s): ranges go on", job.name, child.error_output())


def written(job: FileTransfer) -> int:
    """Return how many bytes of the part file are not holes."""
    return min(job.size, job.part.stat().st_blocks * 512)
