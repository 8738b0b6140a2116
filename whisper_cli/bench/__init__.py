"""How fast this machine transcribes: whole processes of this program, timed and weighed."""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.resources import as_file, files
from pathlib import Path

from whisper_cli.choices import Mode
from whisper_cli.errors import EngineError

PAUSE = 1.0  # seconds between two repetitions of the clip, a minute of reading


@dataclass(frozen=True, slots=True)
class Case:
    """What is measured: a model in a mode, with `workers` and `threads` where they aren't 0."""

    model: str
    mode: Mode
    workers: int = 0
    threads: int = 0


@dataclass(frozen=True, slots=True)
class Measured:
    """What one case took: medians over its runs.

    `seconds` from the program's start to its end, `first_cue` until the first cue could be read;
    `rtfx` is seconds of sound a second; `memory` the largest resident set, in bytes.
    """

    case: Case
    audio_seconds: float
    seconds: float
    first_cue: float
    memory: int

    @property
    def rtfx(self) -> float:
        """Seconds of sound transcribed in a second, start of the program included."""
        return self.audio_seconds / self.seconds


@contextmanager
def recording(seconds: float) -> Iterator[Path]:
    """Give a recording of so many seconds: the clip that comes with the program, repeated."""
    import numpy as np
    import soundfile

    # The start of LJ001 of LJ Speech: LibriVox, public domain.
    with as_file(files(__name__).joinpath("speech.ogg")) as file:
        clip, rate = soundfile.read(file, dtype="float32")
    turn = np.concatenate([clip, np.zeros(round(PAUSE * rate), np.float32)])
    with tempfile.TemporaryDirectory(prefix="whisper-cli-bench-") as folder:
        path = Path(folder) / "speech.wav"
        soundfile.write(path, np.resize(turn, round(seconds * rate)), rate)
        yield path


def measure(case: Case, audio: Path, runs: int) -> Measured:
    """Transcribe `audio` in processes of their own. Raises EngineError where that fails."""
    results = [_run(case, audio) for _ in range(runs)]
    return Measured(
        case,
        results[0].audio_seconds,
        statistics.median(item.seconds for item in results),
        statistics.median(item.first_cue for item in results),
        max(item.memory for item in results),
    )


def _run(case: Case, audio: Path) -> Measured:
    started_at = time.perf_counter()
    first = 0.0
    duration = 0.0
    with subprocess.Popen(
        _command(case, audio), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as child:
        for line in child.stdout or ():
            event = json.loads(line)
            if event["type"] == "segment" and not first:
                first = time.perf_counter() - started_at
            duration = event.get("duration") or duration
        error_output = child.stderr.read() if child.stderr else ""
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
    seconds = time.perf_counter() - started_at
    if child.returncode:
        lines = error_output.strip().splitlines() or [f"exit code {child.returncode}"]
        error = EngineError(f"{case.model}, {case.mode}: {lines[0].removeprefix('error: ')}")
        error.exit_code = child.returncode
        raise error
    unit = 1 if sys.platform == "darwin" else 1024  # of ru_maxrss
    return Measured(case, duration, seconds, first or seconds, usage.ru_maxrss * unit)


def _command(case: Case, audio: Path) -> Sequence[str]:
    command = [sys.executable, "-m", "whisper_cli", "transcribe", str(audio), "-f", "jsonl"]
    command += ["-o", "-", "--model", case.model, "--mode", case.mode, "--offline"]
    command += ["--no-history", "--no-resume", "--server", "never"]  # decoded here, every time
    if case.workers:
        command += ["--workers", str(case.workers)]
    if case.threads:
        command += ["--threads", str(case.threads)]
    return command
