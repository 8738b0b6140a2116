"""A clock that is turned by hand, and the events of a download."""

from whisper_cli.download.types import Phase, Progress

MB = 1_000_000


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def downloading(file="model.bin", done=0, total=75 * MB, connections=8, resumed=0, source="hub"):
    return Progress(file, Phase.download, source, done, total, connections, resumed)


def verifying(file="model.bin", done=0, total=75 * MB):
    return Progress(file, Phase.verify, "hub", done, total)
