"""What stops the program from outside: signals and closed pipes, as one exception."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class Stopped(BaseException):
    """Somebody asked us to stop; `exit_code` is what a shell expects (128 + signal).

    Not a KeyboardInterrupt, which Typer would turn into an "Aborted!" of its own.
    """

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.exit_code = 128 + number


CLOSED_PIPE = getattr(signal, "SIGPIPE", 13)


@contextmanager
def stop_on_signal() -> Iterator[None]:
    """Raise Stopped in the main thread on Ctrl-C, SIGTERM and SIGHUP while the block runs."""
    names = ("SIGINT", "SIGTERM", "SIGHUP")
    signals = [getattr(signal, name) for name in names if hasattr(signal, name)]
    # A signal that the parent had ignored (nohup) stays ignored.
    changed = [item for item in signals if signal.getsignal(item) is not signal.SIG_IGN]
    before = {item: signal.signal(item, _stop) for item in changed}
    try:
        yield
    finally:
        for item, handler in before.items():
            signal.signal(item, handler)


@contextmanager
def signals_ignored() -> Iterator[None]:
    """Let a process be started that Ctrl-C never reaches, not even while it loads: we end it."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    from multiprocessing import resource_tracker

    resource_tracker.ensure_running()  # done by the start, it would let the signal through again
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _stop(number: int, _frame: FrameType | None) -> None:
    raise Stopped(number)
