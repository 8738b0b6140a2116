"""A model's file on the loopback hub, and an engine brought to its end."""

import hashlib
import threading
from pathlib import Path

from tests.fake_hub import Hub
from whisper_cli.download.types import FileTransfer, RemoteFile, TransferLimits

CHUNK = 1 << 16
DATA = hashlib.shake_256(b"model").digest(1_000_003)
FEW = TransferLimits(connections=3, chunk_size=CHUNK, idle_timeout=1.0)


def hub_with(data: bytes = DATA, **how) -> Hub:
    hub = Hub(**how)
    hub.add_repo("me/model", {"model.bin": data, "config.json": b'{"small": true}' * 30})
    return hub


def remote_file(
    hub: Hub, source: str = "hub", file: str = "model.bin", **headers: str
) -> RemoteFile:
    url = f"{hub.endpoint}/me/model/resolve/main/{file}"
    return RemoteFile(source, url, tuple(headers.items()))


def job_for(folder: Path, *remote_files: RemoteFile, data: bytes = DATA, **other) -> FileTransfer:
    sha256 = hashlib.sha256(data).hexdigest()
    known = {"name": "model.bin", "sha256": sha256, "git_sha1": None, "etag": sha256} | other
    return FileTransfer(
        size=len(data), remote_files=remote_files, part=folder / "parts" / "model.part", **known
    )


def run(engine, job: FileTransfer, limits: TransferLimits = FEW):
    return list(engine.fetch(job, limits, threading.Event()))


def on_cdn(hub: Hub):
    return [request for request in hub.requests if request.where.startswith("cdn/")]


def sent(hub: Hub) -> int:
    return sum(request.sent for request in on_cdn(hub))
