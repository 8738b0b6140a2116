"""Download a model with a progress line of your own: python examples/pull_progress.py base."""

import sys

from whisper_cli import Progress, pull


def show(progress: Progress) -> None:
    """Say how far a file has come."""
    share = f"{progress.done / progress.total:4.0%}" if progress.total else f"{progress.done} B"
    print(f"{progress.phase} {progress.file}: {share}", file=sys.stderr)


print(pull(sys.argv[1], progress=show))
