"""The program, and `python -m whisper_cli`."""

import os
import signal


def entry() -> None:
    """Be the program; a Ctrl-C while it is still loading ends it without a word."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    # numpy multiplies in one thread here, see `MelFilters`: others needn't be started.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    from whisper_cli.cli.app import run

    run()


if __name__ == "__main__":
    entry()
