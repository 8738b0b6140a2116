"""The program, and `python -m whisper_cli`."""

import signal


def entry() -> None:
    """Be the program; a Ctrl-C while it is still loading ends it without a word."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    from whisper_cli.cli import run

    run()


if __name__ == "__main__":
    entry()
