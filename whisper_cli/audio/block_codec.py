"""Blocks of 16 kHz sound in a file or on the wire: what `transcribe --server` sends."""

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Self

import numpy as np

from whisper_cli.audio.blocks import SAMPLE_RATE, Block
from whisper_cli.audio.channels import clean
from whisper_cli.errors import AudioError, TooLong

MEDIA_TYPE = "application/x-whisper-blocks"
_HEAD = struct.Struct("<dI")  # start in seconds, count of samples; float32 samples follow
MAX_SAMPLES = 60 * SAMPLE_RATE  # samples in a block


def packed(block: Block) -> bytes:
    """Write a block: start (float64), count (uint32), samples (float32), little-endian."""
    return _HEAD.pack(block.start, len(block.samples)) + block.samples.astype("<f4").tobytes()


def from_bytes(data: bytes) -> Block:
    """Read a block; what no sound can be becomes silence. Raises AudioError where it isn't one."""
    try:
        start, count = _HEAD.unpack_from(data)
        samples = np.frombuffer(data, "<f4", count, _HEAD.size)
    except (struct.error, ValueError) as error:
        raise AudioError("the blocks are damaged") from error
    return Block(start, clean(samples.astype(np.float32)))


class BlockFile:
    """A Sound: blocks in a file; who sent them chose the track."""

    track = 1
    warnings: tuple[str, ...] = ()

    def __init__(self, path: Path, longest: float) -> None:
        self._file = path.open("rb")
        self._longest = longest
        self.position = 0.0
        self.duration: float | None = None
        self.sha256: str | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def blocks(self) -> Iterator[Block]:
        """Read them, once. Raises AudioError where they are damaged, TooLong."""
        count = 0
        while head := self._file.read(_HEAD.size):
            block = from_bytes(head + _body(self._file, head))
            count += len(block.samples)
            if max(count / SAMPLE_RATE, block.end) > self._longest:
                raise too_long(self._longest)
            self.position = block.end
            yield block


def too_long(longest: float) -> TooLong:
    """Say that there is more sound than is taken."""
    return TooLong(f"the audio is longer than this server takes ({longest:.0f} s)")


def _body(file: BinaryIO, head: bytes) -> bytes:
    start, count = _HEAD.unpack(head) if len(head) == _HEAD.size else (np.nan, 0)
    if not np.isfinite(start) or start < 0 or count > MAX_SAMPLES:
        raise AudioError("the blocks are damaged")
    return file.read(4 * count)
