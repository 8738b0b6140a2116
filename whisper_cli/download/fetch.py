"""Having a model: where it is, or fetched to where it should be."""

import errno
import os
from collections import deque
from collections.abc import Callable, Generator, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from whisper_cli.download.destinations import Destination
from whisper_cli.download.options import PullOptions
from whisper_cli.download.plan import Plan, job, plan, resumed
from whisper_cli.download.pull import ModelPull
from whisper_cli.download.types import FileTransfer, Progress
from whisper_cli.errors import DownloadError, ModelError
from whisper_cli.models import usage
from whisper_cli.models.catalog import Model

_HINTS = dict.fromkeys(
    (errno.ENOSPC, errno.EDQUOT),
    "free some space, or name another disk (HF_HUB_CACHE, pull --output); what came is kept",
) | dict.fromkeys(
    (errno.EROFS, errno.EACCES, errno.EPERM),
    "name a folder that you can write: HF_HUB_CACHE, or pull --output",
)

T = TypeVar("T")
_exhaust = deque[Progress](maxlen=0).extend


def ensure(
    model: Model,
    how: PullOptions | None = None,
    *,
    show: Callable[[Iterator[Progress]], object] = _exhaust,
) -> Path:
    """Give the folder of a model, fetched first where it isn't here; `show` draws the progress.

    Raises what `fetch` raises.
    """
    how = how or PullOptions()
    folder = how.destination.find(model)
    if folder is None or _wanting(model, folder, how):
        folders: list[Path] = []
        with closing(_kept(fetch(model, how), folders)) as progress:
            show(progress)
        folder = folders[0]
    usage.note_used(folder)
    return folder


def fetch(model: Model, how: PullOptions | None = None) -> Generator[Progress, None, Path]:
    """Bring what is missing of a model to its place; what is there and right is left alone.

    Every file is verified before anything is visible; wrong bytes are an error, no reason to go
    on to the next source. Closing the generator stops everything at once; what came is kept for
    the next run. Returns the model's folder. Raises ModelError for a repository that doesn't exist
    and when offline (HF_HUB_OFFLINE counts too), else DownloadError.
    """
    how = how or PullOptions()
    with _disk_errors_translated(how.destination):
        if model.pinned and model.files and not (how.force or how.all_files):
            pull_plan = yield from plan(model, how.destination)
            if not pull_plan.missing:
                return how.destination.publish(model, {}, None)
        _check_offline(model, offline=how.offline)
        return (yield from ModelPull(model, how).run())


@dataclass(frozen=True, slots=True)
class PreviewRow:
    """What a pull would do about one file; `state` is here, fetch, or how much is there of it."""

    file: str
    size: int
    state: str
    source: str


def preview(model: Model, how: PullOptions) -> list[PreviewRow]:
    """Tell what a pull would do, without doing it. Raises what `fetch` raises."""
    if model.pinned and model.files and not (how.force or how.all_files):
        pull_plan = _result_of(plan(model, how.destination))
        if not pull_plan.missing:
            return _rows(pull_plan, how.destination, "")
    _check_offline(model, offline=how.offline)
    pull_plan, source = _result_of(ModelPull(model, how).first())
    return _rows(pull_plan, how.destination, source)


def _rows(pull_plan: Plan, destination: Destination, source: str) -> list[PreviewRow]:
    present = [PreviewRow(file.name, file.size or 0, "here", "") for file in pull_plan.present]
    jobs = [job(file, destination) for file in pull_plan.missing]
    return present + [PreviewRow(item.name, item.size, _state(item), source) for item in jobs]


def _state(one: FileTransfer) -> str:
    started = resumed(one)
    return f"{started / one.size:.0%} here" if started else "fetch"


def _result_of(events: Generator[Progress, None, T]) -> T:
    result: list[T] = []
    _exhaust(_kept(events, result))
    return result[0]


def _wanting(model: Model, folder: Path, how: PullOptions) -> bool:
    if model.folder:
        return False
    known = usage.load()
    recheck = how.checked and not all(known.is_verified(folder / file.name) for file in model.files)
    return how.force or how.all_files or recheck


def _kept(
    events: Generator[Progress, None, T], folders: list[T]
) -> Generator[Progress, None, None]:
    folders.append((yield from events))


def _check_offline(model: Model, *, offline: bool) -> None:
    by_environment = os.environ.get("HF_HUB_OFFLINE", "").upper() in {"1", "ON", "YES", "TRUE"}
    if offline or by_environment:
        raise ModelError(
            f'model "{model.name}" is not here, and {"--offline" if offline else "HF_HUB_OFFLINE"} '
            "forbids fetching it",
            hint=f"whisper-cli pull {model.name} --no-offline"
            if offline
            else "unset HF_HUB_OFFLINE",
        )


@contextmanager
def _disk_errors_translated(destination: Destination) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise DownloadError(
            f"can't write to {destination.root}: {error.strerror or error}",
            hint=_HINTS.get(error.errno or 0),
        ) from error
