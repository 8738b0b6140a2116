"""The hash of a growing file, computed in order behind the write front."""

import hashlib
from pathlib import Path
from threading import Condition, Thread
from typing import Protocol

from whisper_cli.download.types import BlockHashes, FileTransfer

_BLOCK = 1 << 18


class _Hash(Protocol):
    def update(self, data: memoryview, /) -> None: ...
    def hexdigest(self) -> str: ...


class Checksum:
    """Hash a part file in a thread of its own, never beyond the front it was told of."""

    def __init__(self, job: FileTransfer) -> None:
        self._job = job
        self._hash = _hash_for(job)
        self._changed = Condition()
        self._prefix = 0
        self._closed = False
        self._failure: OSError | None = None
        self.done = 0
        self._thread = Thread(target=self._run, name="checksum", daemon=True)
        self._thread.start()

    def advance(self, prefix: int) -> None:
        """Tell that all bytes below `prefix` are final."""
        with self._changed:
            self._prefix = max(prefix, self._prefix)
            self._changed.notify()

    def wait(self, seconds: float) -> bool:
        """Wait for the thread; True when the whole file is hashed. Raises its OSError."""
        self._thread.join(seconds)
        if self._failure:
            raise self._failure
        return self.done == self._job.size

    def mismatch(self) -> tuple[str, str] | None:
        """Return (expected, got) where the content is not the one asked for."""
        expected = self._job.sha256 or self._job.git_sha1
        got = self._hash.hexdigest()
        return (expected, got) if expected and expected != got else None

    def close(self) -> None:
        """End the thread."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        self._thread.join()

    def _run(self) -> None:
        buffer = memoryview(bytearray(_BLOCK))
        try:
            with self._job.part.open("rb", buffering=0) as file:
                while n := file.readinto(buffer[: self._next()]):
                    self._hash.update(buffer[:n])
                    self.done += n
        except OSError as error:
            self._failure = error

    def _next(self) -> int:
        with self._changed:
            self._changed.wait_for(
                lambda: self._closed or self.done < self._prefix or self._whole()
            )
            return 0 if self._closed else min(_BLOCK, self._prefix - self.done)

    def _whole(self) -> bool:
        return self.done == self._job.size


def bad_pieces(path: Path, pieces: BlockHashes) -> list[tuple[int, int]]:
    """Return the stretches of a file whose sha256 is not the one known for them."""
    bad = []
    with path.open("rb") as file:
        for number, expected in enumerate(pieces.sha256):
            start, left, digest = number * pieces.size, pieces.size, hashlib.sha256()
            while left and (block := file.read(min(_BLOCK, left))):
                digest.update(block)
                left -= len(block)
            if digest.hexdigest() != expected:
                bad.append((start, start + pieces.size - left))
    return bad


def _hash_for(job: FileTransfer) -> _Hash:
    if job.sha256 or not job.git_sha1:
        return hashlib.sha256()
    blob = hashlib.sha1(usedforsecurity=False)  # git's name of a blob: a header, then the content
    blob.update(b"blob %d\0" % job.size)
    return blob
