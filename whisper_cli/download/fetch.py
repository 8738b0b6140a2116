"""Bringing a model here: sources in order, hashes before anything is visible, then the cache."""

import errno
import logging
import os
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

from whisper_cli.download.progress import Phase, Progress
from whisper_cli.download.sources import ModelSource, default_sources
from whisper_cli.download.staging import staging
from whisper_cli.errors import DownloadError, ModelError, SourceUnavailable
from whisper_cli.models import usage
from whisper_cli.models.catalog import Model
from whisper_cli.models.publish import publish
from whisper_cli.models.store import find
from whisper_cli.models.verify import check
from whisper_cli.paths import cache_dir

_HINTS = dict.fromkeys(
    (errno.ENOSPC, errno.EDQUOT),
    "free some space, or set HF_HUB_CACHE to a folder on another disk",
) | dict.fromkeys(
    (errno.EROFS, errno.EACCES, errno.EPERM), "set HF_HUB_CACHE to a folder that you can write"
)
_log = logging.getLogger("whisper_cli")
_exhaust = deque[Progress](maxlen=0).extend


def ensure(
    model: Model,
    *,
    sources: Sequence[ModelSource] | None = None,
    offline: bool = False,
    force: bool = False,
    show: Callable[[Iterator[Progress]], object] = _exhaust,
) -> Path:
    """Give the folder of a model, fetched first where it isn't here; `show` draws the progress.

    With `force` it is fetched in any case. Raises what `fetch` raises.
    """
    folder = None if force and not model.folder else find(model)
    if folder is None:
        with closing(fetch(model, sources, offline=offline)) as progress:
            show(progress)
        folder = find(model)
    if folder is None:
        raise ModelError(f'model "{model.name}" was fetched, and is gone from {cache_dir()}')
    usage.remember_used(folder)
    return folder


def fetch(
    model: Model, sources: Sequence[ModelSource] | None = None, *, offline: bool = False
) -> Generator[Progress, None, None]:
    """Bring a model into the cache from the first source that has it, whatever is there already.

    Every file is verified before anything is visible; wrong bytes are an error, no reason to go
    on to the next source. Closing the generator stops everything at once. Raises ModelError for a
    repository that doesn't exist and when offline (HF_HUB_OFFLINE counts too), else DownloadError.
    """
    _require_online(model, offline=offline)
    passed_over: list[str] = []
    for source in default_sources() if sources is None else sources:
        try:
            with _disk_errors_translated():
                yield from _fetch_from(source, model)
        except SourceUnavailable as error:
            _log.info("passed over %s: %s", source.name, error.message)
            passed_over.append(f"{source.name}: {error.message}")
        else:
            return
    raise DownloadError(
        f'no source has model "{model.name}": {"; ".join(passed_over)}',
        hint="check the connection, or name a mirror of the hub with HF_ENDPOINT",
    )


def _fetch_from(source: ModelSource, model: Model) -> Iterator[Progress]:
    pinned = source.pin(model)
    with staging() as folder:
        yield from source.download(pinned, folder)
        digests = yield from _verify(pinned, folder, source.name)
        snapshot = publish(pinned, folder, ref=_ref(model))
    usage.remember_verified({snapshot / name: digest for name, digest in digests.items()})
    yield Progress(model.name, Phase.publish, source.name, pinned.size or 0, pinned.size)


def _verify(model: Model, folder: Path, source: str) -> Generator[Progress, None, dict[str, str]]:
    digests = {}
    for file in model.files:
        try:
            for state in check(folder / file.name, file):
                yield Progress(file.name, Phase.verify, source, state.done, state.total)
        except ModelError as error:
            raise DownloadError(
                f"{error.message} (from {source})",
                hint="nothing of it was kept; try again, or another source",
            ) from error
        digests[file.name] = state.digest or ""
    return digests


def _ref(model: Model) -> str | None:
    """Name the branch or tag that was asked for; a commit has none."""
    return None if model.pinned else model.revision or "main"


def _require_online(model: Model, *, offline: bool) -> None:
    by_environment = os.environ.get("HF_HUB_OFFLINE", "").upper() in {"1", "ON", "YES", "TRUE"}
    if offline or by_environment:
        by = "--offline" if offline else "HF_HUB_OFFLINE"
        raise ModelError(
            f'model "{model.name}" is not here, and {by} forbids fetching it',
            hint=f"whisper-cli pull {model.name}" if offline else f"unset {by}",
        )


@contextmanager
def _disk_errors_translated() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise DownloadError(
            f"can't write to the model cache {cache_dir()}: {error.strerror or error}",
            hint=_HINTS.get(error.errno or 0),
        ) from error
