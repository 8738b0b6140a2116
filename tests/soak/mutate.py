"""Bytes as a bad disk, a full one or a careless editor leaves them, the same ones for each seed."""

import random
from collections.abc import Callable


def _flipped(data: bytes, chance: random.Random) -> bytes:
    at = chance.randrange(len(data))
    return data[:at] + bytes([data[at] ^ (1 << chance.randrange(8))]) + data[at + 1 :]


def _cut(data: bytes, chance: random.Random) -> bytes:
    return data[: chance.randrange(len(data))]


def _lost(data: bytes, chance: random.Random) -> bytes:
    lines = data.splitlines(keepends=True)
    del lines[chance.randrange(len(lines))]
    return b"".join(lines)


def _doubled(data: bytes, chance: random.Random) -> bytes:
    lines = data.splitlines(keepends=True)
    at = chance.randrange(len(lines))
    return b"".join([*lines[:at], lines[at], *lines[at:]])


def _swapped(data: bytes, chance: random.Random) -> bytes:
    lines = data.splitlines(keepends=True)
    chance.shuffle(lines)
    return b"".join(lines)


def _zeroed(data: bytes, chance: random.Random) -> bytes:
    at = chance.randrange(len(data))
    count = min(chance.choice([1, 16, 512, 4096]), len(data) - at)
    return data[:at] + bytes(count) + data[at + count :]


def _emptied(data: bytes, chance: random.Random) -> bytes:
    return b""


def _replaced(data: bytes, chance: random.Random) -> bytes:
    return chance.choice(
        [chance.randbytes(len(data)), b"null", b"[]", b"{}", b"\xff\xfe", b"[" * 9000]
    )


KINDS: tuple[Callable[[bytes, random.Random], bytes], ...] = (
    _flipped, _cut, _lost, _doubled, _swapped, _zeroed, _emptied, _replaced,
)  # fmt: skip


def mutated(data: bytes, seed: int) -> tuple[str, bytes]:
    """Give the kind of damage, and the damaged bytes."""
    kind = KINDS[seed % len(KINDS)]
    return kind.__name__.strip("_"), kind(data, random.Random(seed)) if data else data
