"""A machine that shares the fake model, as a process with a cache of its own.

Run as a program it prints its port; `wrong` gives bytes that it was never to give.
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.models.fakes import FILES, fake_model, published, write
from whisper_cli.models import usage
from whisper_cli.share.server import Server
from whisper_cli.share.shared_files import SharedFiles

BIG = FILES | {"model.bin": FILES["model.bin"] * 400}  # 4 MB
MODEL = fake_model(BIG)


@dataclass(frozen=True)
class Peer:
    address: str
    process: "subprocess.Popen[str]"


def put(folder: Path, files: dict[str, bytes] = BIG) -> Path:
    """Have these files in the cache as those of the model, and remember them as verified."""
    snapshot = published(MODEL, write(folder, files))
    usage.note_verified({snapshot / file.name: file.sha256 or "" for file in MODEL.files})
    return snapshot


@contextmanager
def peer(home: Path, content: str = "right") -> Iterator[Peer]:
    """Start one whose content is right, wrong or nothing."""
    home.mkdir()
    places = {"HF_HUB_CACHE": str(home / "hub"), "WHISPER_CLI_STATE_DIR": str(home / "state")}
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.share.peer", str(home), content],
        env=os.environ | places,
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        try:
            assert process.stdout
            yield Peer(f"127.0.0.1:{process.stdout.readline().strip()}", process)
        finally:
            process.kill()


def main(home: str, content: str) -> None:
    wrong = {"model.bin": bytes(reversed(BIG["model.bin"]))} if content == "wrong" else {}
    if content != "nothing":
        put(Path(home) / "files", BIG | wrong)
    with Server(SharedFiles([MODEL]), "127.0.0.1", 0) as server:
        print(server.address[1], flush=True)
        server.serve_forever()


if __name__ == "__main__":
    main(*sys.argv[1:])
