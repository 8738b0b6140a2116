"""How many workers and threads do best on this machine, measured once and remembered."""

import json
import logging
from pathlib import Path

from whisper_cli import atomic
from whisper_cli.choices import ComputeType
from whisper_cli.engine.placement import MOST_WORKERS

logger = logging.getLogger("whisper_cli")


def tuning() -> "Tuning":
    """Open what is remembered of this machine."""
    from whisper_cli.paths import state_dir

    return Tuning(state_dir() / "tuning.json")


def splits(threads: int) -> list[int]:
    """List the counts of workers worth measuring: those that share `threads` evenly."""
    return [count for count in range(1, min(threads, MOST_WORKERS) + 1) if threads % count == 0]


class Tuning:
    """A small JSON file: model, arithmetic and threads (all, on a CPU) -> workers."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def workers(self, model: str, kind: ComputeType, threads: int) -> int:
        """Give what was measured to do best; 0 where nothing was."""
        found = self._load().get(_key(model, kind, threads), 0)
        return found if isinstance(found, int) and 0 < found <= threads else 0

    def remember(self, model: str, kind: ComputeType, threads: int, workers: int) -> None:
        """Note what did best. Raises OSError where it can't be written."""
        known = self._load() | {_key(model, kind, threads): workers}
        self._file.parent.mkdir(parents=True, exist_ok=True)
        atomic.write_text(self._file, json.dumps(known, indent=2))

    def _load(self) -> dict[str, object]:
        try:
            known = json.loads(self._file.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}
        except (OSError, ValueError) as error:
            logger.warning("can't read %s: %s", self._file, error)
            return {}
        return known if isinstance(known, dict) else {}


def _key(model: str, kind: ComputeType, threads: int) -> str:
    return f"{model} {kind} {threads}"
