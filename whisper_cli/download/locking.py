"""One process at a time for a model, and a staging folder for each download."""

import json
import secrets
import shutil
import time
from collections.abc import Generator, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from whisper_cli import files
from whisper_cli.download.stopping import current_stop
from whisper_cli.download.types import Phase, Progress
from whisper_cli.errors import DownloadError

if TYPE_CHECKING:
    from filelock import FileLock

_UPDATE_SECONDS = 0.5  # seconds between two signs of life
_DEAD = 60.0  # seconds without one after which a lock counts as left behind (NFS may keep it)


class PullLock:
    """A lock on the pull of one model, and a small file in which its holder tells how it goes.

    The system lets go of the lock when its holder dies. Where it doesn't, or knows no locks, the
    signs of life decide: a holder that was silent for a minute has lost its turn.
    """

    def __init__(self, folder: Path, name: str) -> None:
        self._lock_file, self._state_file = folder / f"{name}.lock", folder / f"{name}.json"
        self._owner = secrets.token_hex(8)
        self._reported: dict[str, Progress] = {}
        self._updated_at = 0.0
        self._lock: FileLock | None = None

    def wait(self) -> Generator[Progress, None, bool]:
        """Yield what the process whose turn it is tells, until it is ours; False if it was so."""
        self._lock_file.parent.mkdir(parents=True, exist_ok=True)
        waited = False
        while not self._taken():
            waited = True
            yield from self._other_progress()
            if current_stop().wait(0.2):
                raise DownloadError("the download was stopped")
        self._update()
        return waited

    def tell(self, progress: Progress) -> None:
        """Pass on how far a file has come; must be called at least once a minute."""
        self._reported[progress.file] = progress
        if time.monotonic() - self._updated_at >= _UPDATE_SECONDS:
            self._update()

    @property
    def owned(self) -> bool:
        """Say whether nobody took our turn while we were stopped."""
        with suppress(OSError, ValueError, KeyError):
            return bool(self._read_state()["owner"] == self._owner)
        return False

    def leave(self) -> None:
        """Let the next one have its turn."""
        if self.owned:
            self._state_file.unlink(missing_ok=True)
            self._lock_file.unlink(missing_ok=True)
        if self._lock:
            self._lock.release()
        with suppress(OSError):  # not empty: somebody else's turn
            self._lock_file.parent.rmdir()

    def _taken(self) -> bool:
        from filelock import FileLock, Timeout

        self._lock = FileLock(self._lock_file)
        try:
            self._lock.acquire(blocking=False)
        except Timeout:
            if self._silent():
                self._lock_file.unlink(missing_ok=True)
            return False
        return True

    def _update(self) -> None:
        self._updated_at = time.monotonic()
        reported = [asdict(progress) for progress in self._reported.values()]
        files.write_text(self._state_file, json.dumps({"owner": self._owner, "told": reported}))

    def _other_progress(self) -> Iterator[Progress]:
        with suppress(OSError, ValueError, KeyError, TypeError):
            for reported in self._read_state()["told"]:
                yield Progress(**{**reported, "phase": Phase(reported["phase"])})

    def _read_state(self) -> dict[str, Any]:
        """Read the news; raises OSError or ValueError, for a pipe too, which would never end."""
        if not files.is_regular(self._state_file):
            raise FileNotFoundError(self._state_file)
        state: dict[str, Any] = json.loads(self._state_file.read_bytes())
        return state

    def _silent(self) -> bool:
        """Compare with a file written now: the clock of a network disk may not be ours."""
        probe = self._state_file.with_name(f"{self._state_file.name}.{self._owner}.now")
        probe.touch()
        try:
            return probe.stat().st_mtime - self._state_file.stat().st_mtime > _DEAD
        except OSError:
            # No sign yet: the holder has just come, or died before the first one.
            return probe.stat().st_mtime - _mtime(self._lock_file, probe) > _DEAD
        finally:
            probe.unlink(missing_ok=True)


def _mtime(path: Path, default: Path) -> float:
    with suppress(OSError):
        return path.stat().st_mtime
    return default.stat().st_mtime


@contextmanager
def staging(parent: Path) -> Iterator[Path]:
    """Lend a folder below `parent`, gone afterwards; those that dead processes left go first.

    A lock beside each folder says that its process lives: the system lets go of it when the
    process dies, however it dies, also in another container on the same volume.
    """
    from filelock import FileLock

    root = parent / "staging"
    root.mkdir(parents=True, exist_ok=True)
    folder = root / secrets.token_hex(8)
    with ExitStack() as at_the_end:
        at_the_end.callback(_discard, folder)
        at_the_end.enter_context(FileLock(files.lock_path(folder)))
        files.remove_stale(path for path in root.iterdir() if path.is_dir())
        folder.mkdir()
        at_the_end.callback(shutil.rmtree, folder, ignore_errors=True)
        yield folder


def _discard(folder: Path) -> None:
    files.lock_path(folder).unlink(missing_ok=True)
    with suppress(OSError):  # not empty: somebody else is downloading
        folder.parent.rmdir()
