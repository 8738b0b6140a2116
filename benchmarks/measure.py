"""What one command costs: seconds from its start to its exit, or the memory of its processes.

This file runs as a small process of its own beside the command. Memory is the proportional set
size summed over the tree of processes, looked at every 20 ms: the kernel walks all their pages for
that, up to a millisecond, which is why what is looked at isn't timed. It splits a page among all
that map it, so Python programs share the pages of the interpreter with the processes around them.
"""

import json
import os
import select
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

INTERVAL_MS = 20


class FailedError(Exception):
    """The command did not end well."""


@dataclass(frozen=True, slots=True)
class Cost:
    """Wall-clock seconds, and the highest sum of memory seen, in bytes; 0 where nobody looked."""

    seconds: float
    peak: int


def measure(
    command: Sequence[str], environment: Mapping[str, str], folder: Path, *, format_options: bool
) -> Cost:
    """Run a command in a folder; raises FailedError with the end of what it said."""
    interval = str(INTERVAL_MS if format_options else -1)
    watched = [sys.executable, "-IS", __file__, interval, *command]
    done = subprocess.run(
        watched, env=environment, cwd=folder, capture_output=True, text=True, check=False
    )
    if done.returncode:
        said = done.stderr.strip().splitlines()[-3:]
        raise FailedError(f"exit code {done.returncode}: {' / '.join(said)}")
    return Cost(**json.loads(done.stdout))


def watch(interval: int, command: Sequence[str]) -> int:
    """Print the cost of a command and return its exit code."""
    peak = 0
    started_at = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as child:
        finished = select.poll()
        finished.register(os.pidfd_open(child.pid), select.POLLIN)
        while not finished.poll(interval):
            peak = max(peak, sum(memory(pid) for pid in family(child.pid)))
        seconds = time.perf_counter() - started_at
    print(json.dumps({"seconds": seconds, "peak": peak}))
    return child.returncode


def family(pid: int) -> Iterator[int]:
    """Name a process and all that descend from it."""
    yield pid
    with suppress(OSError):  # it ended while we looked
        for thread in Path(f"/proc/{pid}/task").iterdir():
            for child in (thread / "children").read_text().split():
                yield from family(int(child))


def memory(pid: int) -> int:
    """Read the proportional set size of a process; one that ended has none."""
    with suppress(OSError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) << 10
    return 0


if __name__ == "__main__":
    sys.exit(watch(int(sys.argv[1]), sys.argv[2:]))
