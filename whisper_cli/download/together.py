"""Several files at once: their streams of progress as one."""

from collections.abc import Iterable, Iterator
from queue import Empty, Queue
from threading import Event, Thread

from whisper_cli.download.progress import Progress
from whisper_cli.download.transfer import Job, Limits, Transfer


def together(
    transfer: Transfer, jobs: Iterable[Job], limits: Limits, stop: Event
) -> Iterator[Progress]:
    """Fetch all jobs, the small ones first, and yield their progress as it comes.

    The first error stops the others and is raised. Closing the generator stops all.
    """
    told: Queue[Progress | BaseException | None] = Queue()

    def follow(job: Job) -> None:
        try:
            for progress in transfer.fetch(job, limits, stop):
                told.put(progress)
            told.put(None)
        except BaseException as error:  # noqa: BLE001 - raised again in the thread that asked
            told.put(error)

    threads = [
        Thread(target=follow, args=(job,), name=f"pull-{job.name}", daemon=True)
        for job in sorted(jobs, key=lambda job: job.size)
    ]
    try:
        for thread in threads:
            thread.start()
        yield from _until_all_end(told, len(threads))
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def _until_all_end(
    told: "Queue[Progress | BaseException | None]", running: int
) -> Iterator[Progress]:
    while running:
        try:
            item = told.get(timeout=0.5)  # a bare get() would make Ctrl-C wait on some systems
        except Empty:
            continue
        if isinstance(item, BaseException):
            raise item
        if item is None:
            running -= 1
        else:
            yield item
