"""A model on the loopback hub, and what a pull of it must and must not leave behind."""

import hashlib
from collections.abc import Mapping
from pathlib import Path

from tests.conftest import Result
from tests.fake_hub import Fault, Hub, faults
from tests.fake_hub.messages import Answer, Request
from tests.models.fakes import FILES
from whisper_cli.models.catalog import resolve
from whisper_cli.models.store import find

REPO = "acme/model"
CHUNK = 1 << 18
WEIGHTS = FILES["model.bin"][:13] + hashlib.shake_256(b"weights").digest(2_500_003)
MODEL = FILES | {"model.bin": WEIGHTS}
EXTRA = {"README.md": b"# A model\n", "data/words.txt": b"words\n"}
SHA256 = hashlib.sha256(WEIGHTS).hexdigest()
FROM_HUB = ("--source", "hub", "--connections", "4", "--chunk-size", "256KiB")


def check(result: Result, files: Mapping[str, bytes] = MODEL) -> Path:
    """Check that a pull gave exactly these files, and nothing is left of its work."""
    assert result.code == 0, result.stderr
    folder = Path(result.stdout.rstrip("\n"))
    assert contents(folder) == files
    assert find(resolve(REPO)) == folder
    assert not work(folder.parents[2]).exists()
    return folder


def contents(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def check_nothing_published(cache: Path) -> None:
    """Check that nobody could take what is in the cache for a model, or for a part of one."""
    assert [path.name for path in cache.glob("*") if path.name != ".whisper-cli"] == []


def work(cache: Path) -> Path:
    return cache / ".whisper-cli"


def only_until(position: int) -> Fault:
    """Give a file up to a position and nothing beyond: for one connection, that much comes."""

    def fault(request: Request, answer: Answer) -> Answer | None:
        if answer.body.start < position:
            return faults.cut(at=position, reset=False)(request, answer)
        return faults.reject(404)(request, answer)

    return fault


def weights_asked(hub: Hub) -> list[Request]:
    return [request for request in hub.requests if request.where == "cdn/model.bin"]


def weights_sent(hub: Hub) -> int:
    return sum(request.sent for request in weights_asked(hub))
