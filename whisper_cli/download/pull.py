"""One pull: its lock, its sources in order, the engine, and what becomes visible in the end."""

import glob
import itertools
import logging
import shutil
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from queue import Empty, Queue
from threading import Event, Thread
from typing import TypeVar

from whisper_cli.download.destinations import working_folder
from whisper_cli.download.engines.registry import choose
from whisper_cli.download.locking import PullLock, staging
from whisper_cli.download.options import PullOptions
from whisper_cli.download.plan import Plan, chunk_size, job, plan, require_space
from whisper_cli.download.sources import DownloadSource, ModelSource, RangeSource
from whisper_cli.download.types import FileTransfer, Phase, Progress, Transfer, TransferLimits
from whisper_cli.errors import DownloadError, ModelError, SourceUnavailable
from whisper_cli.models import usage
from whisper_cli.models.catalog import Model
from whisper_cli.models.names import short_name
from whisper_cli.models.verify import check


def merge_progress(
    transfer: Transfer, jobs: Iterable[FileTransfer], limits: TransferLimits, stop: Event
) -> Iterator[Progress]:
    """Fetch all jobs, the small ones first, and yield their progress as it comes.

    The first error stops the others and is raised. Closing the generator stops all.
    """
    reported: Queue[Progress | BaseException | None] = Queue()

    def follow(job: FileTransfer) -> None:
        try:
            for progress in transfer.fetch(job, limits, stop):
                reported.put(progress)
            reported.put(None)
        except BaseException as error:  # noqa: BLE001 - raised again in the thread that asked
            reported.put(error)

    threads = [
        Thread(target=follow, args=(job,), name=f"pull-{job.name}", daemon=True)
        for job in sorted(jobs, key=lambda job: job.size)
    ]
    try:
        for thread in threads:
            thread.start()
        yield from _until_all_end(reported, len(threads))
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def _until_all_end(
    reported: "Queue[Progress | BaseException | None]", running: int
) -> Iterator[Progress]:
    while running:
        try:
            item = reported.get(timeout=0.5)  # a bare get() would make Ctrl-C wait on some systems
        except Empty:
            continue
        if isinstance(item, BaseException):
            raise item
        if item is None:
            running -= 1
        else:
            yield item


_ABANDONED = 30 * 86400  # seconds after which a part file that nobody went on with is removed
_log = logging.getLogger("whisper_cli")

T = TypeVar("T")
Events = Generator[Progress, None, Path]


class ModelPull:
    """A model on its way to its place; `run` once."""

    def __init__(self, model: Model, how: PullOptions) -> None:
        self._model, self._how = model, how
        self._root = working_folder(how.destination)
        name = f"{model.repo}@{model.revision or 'main'}".replace("/", "--")
        self._turn = PullLock(self._root / "turns", short_name(name))

    def run(self) -> Events:
        """Wait for our turn, then pull; what another process pulled meanwhile is taken as it is."""
        Thread(target=choose, args=(self._how.engine,), daemon=True).start()  # loads it meanwhile
        try:
            waited = yield from self._turn.wait()
            folder = self._how.destination.find(self._model) if waited else None
            if folder and not self._how.all_files:
                return folder
            _sweep(self._root)
            return (yield from self._by_first(self._from_source))
        finally:
            self._turn.leave()
            _tidy(self._root)

    def first(self) -> Generator[Progress, None, tuple[Plan, str]]:
        """Plan by the first source that has the model; fetches nothing. Gives its name too."""
        return (yield from self._by_first(self._preview))

    def _by_first(
        self, use: Callable[[Plan, Sequence[ModelSource]], Generator[Progress, None, T]]
    ) -> Generator[Progress, None, T]:
        """Use the first source, or neighbours that are read together, that can be used."""
        reasons: list[str] = []
        hints: list[str] = []
        for group in _groups(self._how.sources):
            try:
                model, sources = self._pinned(group)
                pull_plan = yield from plan(model, self._how.destination, force=self._how.force)
                return (yield from use(pull_plan, sources))
            except SourceUnavailable as error:
                _log.info("passed over %s: %s", group[0].name, error.message)
                reasons.append(f"{group[0].name}: {error.message}")
                hints += [error.hint] if error.hint else []
        default_hint = (
            "check the connection, or name a mirror of the hub with --source or HF_ENDPOINT"
        )
        raise DownloadError(
            f'no source has model "{self._model.name}": {"; ".join(reasons)}',
            hint="; ".join(hints) or default_hint,
        )

    def _preview(
        self, pull_plan: Plan, sources: Sequence[ModelSource]
    ) -> Generator[Progress, None, tuple[Plan, str]]:
        yield from ()
        return pull_plan, " + ".join(source.name for source in sources)

    def _pinned(self, group: Sequence[ModelSource]) -> tuple[Model, tuple[ModelSource, ...]]:
        """Settle commit and files by the first source that knows, and drop those that don't."""
        model = self._model
        pinned: list[ModelSource] = []
        failures: list[tuple[ModelSource, SourceUnavailable]] = []
        for source in group:
            try:
                model = source.pin(model, all_files=self._how.all_files and not pinned)
                pinned.append(source)
            except SourceUnavailable as error:
                failures.append((source, error))
        if not pinned:
            message = "; ".join(error.message for _, error in failures)
            hint = next((error.hint for _, error in failures if error.hint), None)
            raise SourceUnavailable(message, hint=hint)
        for other, reason in failures:
            _log.info("passed over %s: %s", other.name, reason.message)
        return model, tuple(pinned)

    def _from_source(self, pull_plan: Plan, group: Sequence[ModelSource]) -> Events:
        first = group[0]
        if isinstance(first, RangeSource):
            range_sources = [source for source in group if isinstance(source, RangeSource)]
            return (yield from self._by_engine(pull_plan, first, range_sources))
        assert isinstance(first, DownloadSource)  # noqa: S101 - there is no third kind
        return (yield from self._by_itself(pull_plan, first))

    def _by_engine(
        self, pull_plan: Plan, first: RangeSource, group: Sequence[RangeSource]
    ) -> Events:
        how, model = self._how, pull_plan.model
        jobs = [
            job(
                file,
                how.destination,
                [item for source in group for item in source.remote_files(model, file)],
            )
            for file in pull_plan.missing
        ]
        if how.force:
            for item in jobs:
                _discard(item)
        require_space(jobs, how.destination)
        limits = replace(how.limits, chunk_size=how.chunk_size or chunk_size(model))
        with first.errors_translated(model):
            yield from self._reported(merge_progress(choose(how.engine), jobs, limits, Event()))
        folder = yield from self._publish(pull_plan, {item.name: item.part for item in jobs}, first)
        for item in jobs:
            _discard(item)
        return folder

    def _by_itself(self, pull_plan: Plan, source: DownloadSource) -> Events:
        require_space(
            [job(file, self._how.destination) for file in pull_plan.missing], self._how.destination
        )
        with staging(self._root) as folder:
            missing_model = replace(pull_plan.model, files=pull_plan.missing)
            yield from self._reported(source.download(missing_model, folder))
            yield from self._reported(_checked(missing_model, folder, source.name))
            fetched = {file.name: folder / file.name for file in pull_plan.missing}
            return (yield from self._publish(pull_plan, fetched, source))

    def _publish(self, pull_plan: Plan, fetched: Mapping[str, Path], source: ModelSource) -> Events:
        if not self._turn.owned:
            raise DownloadError(
                "another process went on with this download while this one was stopped",
                hint="run it again: it takes what is there",
            )
        folder = self._how.destination.publish(pull_plan.model, fetched, self._ref)
        hashes = {file.name: file.sha256 or file.git_sha1 for file in pull_plan.missing}
        usage.note_verified({folder / name: digest for name, digest in hashes.items() if digest})
        size = pull_plan.model.size
        yield Progress(self._model.name, Phase.publish, source.name, size or 0, size)
        return folder

    @property
    def _ref(self) -> str | None:
        """Name the branch or tag that was asked for; a commit has none."""
        return None if self._model.pinned else self._model.revision or "main"

    def _reported(self, events: Iterable[Progress]) -> Iterator[Progress]:
        for progress in events:
            self._turn.tell(progress)
            yield progress


def _groups(sources: Iterable[ModelSource]) -> Iterator[tuple[ModelSource, ...]]:
    """Put neighbours that offer addresses together, for they are read side by side."""
    for range_sources, neighbours in itertools.groupby(
        sources, lambda item: isinstance(item, RangeSource)
    ):
        group = tuple(neighbours)
        yield from (group,) if range_sources else ((item,) for item in group)


def _checked(model: Model, folder: Path, source: str) -> Iterator[Progress]:
    for file in model.files:
        try:
            for state in check(folder / file.name, file):
                yield Progress(file.name, Phase.verify, source, state.done, state.total)
        except ModelError as error:
            raise DownloadError(
                f"{error.message} (from {source})",
                hint="nothing was kept; try again, or another source",
            ) from error


def _discard(one: FileTransfer) -> None:
    """Remove what stands beside a part file: its journal, and what engines left when killed."""
    for path in one.part.parent.glob(f"{glob.escape(one.part.name)}.*"):
        _remove(path)


def _sweep(root: Path) -> None:
    for path in (*root.glob("parts/*"), *root.glob("publish-*")):
        with suppress(OSError):
            if time.time() - path.stat().st_mtime > _ABANDONED:
                _remove(path)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _tidy(root: Path) -> None:
    for folder in (root / "parts", root / "turns", root / "staging", root):
        with suppress(OSError):  # not empty: something is kept for the next run
            folder.rmdir()
