"""Voices told apart by models, in a process beside this one."""

import hashlib
import json
import logging
import subprocess
import sys
import time
import zlib
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO

from whisper_cli import atomic
from whisper_cli.errors import ConfigError, EngineError
from whisper_cli.speakers.turns import Turn, numbered

logger = logging.getLogger("whisper_cli")

INSTALL = "pip install 'whisper-cli[speakers]'"
THRESHOLD = (
    0.6  # distance up to which voices are one where nobody says how many: 0.4 splits, 0.7 merges
)
TICK = 0.1  # seconds between two looks at the process


@dataclass(frozen=True, slots=True)
class Heard:
    """What is to be heard, and by which models: paths, and how the sound is read."""

    path: str
    segmentation: str
    embedding: str
    count: int | None = None
    threshold: float = THRESHOLD
    threads: int = 1
    track: int = 1
    channel: str = "mix"
    raw: str | None = None
    clip: tuple[tuple[float, float | None], ...] = ()


class Voices:
    """Hears who speaks when, from its start on; `close` ends it. Turns are kept in `kept`."""

    def __init__(self, asked: Heard, kept: Path | None = None) -> None:
        self._kept = kept
        self._turns = _read(kept) if kept else None
        self._child: subprocess.Popen[bytes] | None = None
        self._files = ExitStack()
        self._told: IO[bytes] = self._files.enter_context(TemporaryFile())  # noqa: SIM115
        self._wrong: IO[bytes] = self._files.enter_context(TemporaryFile())  # noqa: SIM115
        if self._turns is None:
            self._child = subprocess.Popen(
                [sys.executable, "-P", "-m", "whisper_cli.speakers.child"],
                stdin=subprocess.PIPE,
                stdout=self._told,
                stderr=self._wrong,
            )
            if self._child.stdin:
                with self._child.stdin as line:
                    line.write(json.dumps(asdict(asked)).encode() + b"\n")

    @property
    def over(self) -> bool:
        """Say whether the turns are known, or can't be."""
        return self._child is None or self._child.poll() is not None

    def turns(self) -> tuple[Turn, ...]:
        """Wait for the turns. Raises EngineError where voices can't be told apart."""
        if self._turns is None:
            while not self.over:  # signals come in between
                time.sleep(TICK)
            self._turns = self._result()
            _write(self._kept, self._turns)
        return self._turns

    def forget(self) -> None:
        """Keep nothing: the sound became another one while it was heard."""
        if self._kept is not None:
            self._kept.unlink(missing_ok=True)

    def close(self) -> None:
        """End what is still under way."""
        if self._child is not None and self._child.poll() is None:
            self._child.kill()
            self._child.wait()
        self._files.close()

    def _result(self) -> tuple[Turn, ...]:
        self._told.seek(0)
        try:
            told = self._told.read().rstrip().rpartition(b"\n")[2]  # after what a library prints
            return numbered([Turn(*each) for each in json.loads(told)])
        except (ValueError, TypeError) as error:
            self._wrong.seek(0)
            said = self._wrong.read().decode(errors="replace").strip().splitlines()
            reason = said[-1].strip() if said else "the process that hears them ended"
            raise EngineError(f"voices could not be told apart: {reason}") from error


def require_extra() -> None:
    """Raise ConfigError where sherpa-onnx is not installed."""
    if find_spec("sherpa_onnx") is None:
        raise ConfigError("telling voices apart needs sherpa-onnx", hint=INSTALL)


def named(*facts: object) -> str:
    """Name the file that keeps the turns of a piece of work."""
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest() + ".turns"


def _read(kept: Path) -> tuple[Turn, ...] | None:
    try:
        rows, checksum = json.loads(kept.read_bytes())
        if checksum != _checksum(rows):
            return None
        return tuple(Turn(*each) for each in rows)
    except (OSError, ValueError, TypeError):
        return None


def _checksum(rows: object) -> int:
    return zlib.crc32(json.dumps(rows).encode())


def _write(kept: Path | None, turns: tuple[Turn, ...]) -> None:
    if kept is None:
        return
    try:
        kept.parent.mkdir(parents=True, exist_ok=True)
        rows = [(turn.start, turn.end, turn.speaker) for turn in turns]
        atomic.write_text(kept, json.dumps([rows, _checksum(rows)]))
    except OSError as error:
        logger.warning("can't keep who speaks when in %s: %s", kept, error.strerror)
