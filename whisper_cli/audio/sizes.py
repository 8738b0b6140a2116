"""The size that WAV and AIFF state for their sound, held against the bytes that are there."""

import os
from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Literal

from whisper_cli.audio.streams import InputStream

NEVER_SET = 0x7F000000  # sox in AIFF; 0x7FFFF000 in its WAV, 0xFFFFFFFF in FFmpeg's
_SLOPPY = 1000  # bytes that a writer may leave behind the sound
_GIB_4 = 1 << 32
_ORDERS: dict[bytes, Literal["little", "big"]] = {
    b"RIFFWAVE": "little",
    b"RF64WAVE": "little",
    b"BW64WAVE": "little",
    b"RIFXWAVE": "big",
    b"FORMAIFF": "big",
    b"FORMAIFC": "big",
}
# What ends a file where these begin, even one that is cut.
_KNOWN = frozenset(
    [b"LIST", b"bext", b"iXML", b"id3 ", b"ID3 ", b"fact", b"cue ", b"smpl", b"JUNK", b"PAD "]
)

Stray = Callable[[], int]
"""Bytes after the sound that are no chunk."""

_Walk = Generator[int, bytes, int | None]


def never_set(size: int) -> bool:
    """Tell the sizes that writers put where they can't go back: 0, or 2 GiB and more.

    Of sizes of 64 bits only the largest.
    """
    return size == 0 or NEVER_SET <= size <= _GIB_4 or size >= 1 << 62


@dataclass(frozen=True, slots=True)
class Sizes:
    """What is to be read as sound.

    `patches` are bytes to put over those at an offset, so that FFmpeg reads on; `more` tells of
    sound after the size stated (other than 0), and `end` is the offset at which that ends, None
    for the file's; `stray` counts bytes that are no chunk.
    """

    patches: tuple[tuple[int, bytes], ...] = ()
    more: bool = False
    end: int | None = None
    stray: int = 0


@dataclass(frozen=True, slots=True)
class _Header:
    """Where the sound starts, its size as stated, and the offset of the field that states it."""

    start: int
    declared: int
    order: Literal["little", "big"]
    field: int
    long: bool = False
    aiff: bool = False

    @property
    def end(self) -> int:
        return self.start + self.declared

    def patches(self, size: int | None) -> tuple[tuple[int, bytes], ...]:
        """Make the header state the rest of an input of `size` bytes, or no end."""
        if self.long:
            rest = 1 << 56 if size is None else size - self.start
            return ((self.field, rest.to_bytes(8, self.order)),)
        if self.aiff:
            return (4, b"\xff" * 4), (self.field, b"\xff\xff\xff\0")
        return ((self.field, b"\xff" * 4),)


def sizes_of(content: InputStream) -> Sizes:
    """Measure an input; of a pipe only its head is known, `stray_of` tells of the rest."""
    size = content.size
    read = _head_reader(content.head) if size is None else _file_reader(content)
    header = _header(read)
    if header is None:
        return Sizes()
    if size is not None:
        return _measured(header, size, read)
    return Sizes(header.patches(None)) if never_set(header.declared) else Sizes()


def stray_of(content: InputStream) -> "Stray":
    """Return what tells, when an input is read, how many of its bytes are no sound nor chunk."""
    if content.size is not None:
        stray = sizes_of(content).stray
        return lambda: stray
    header = _header(_head_reader(content.head))
    if header is None or never_set(header.declared):
        return int
    watch = _Watch(_after(header.end, header, size=None))
    content.watch(watch)
    return lambda: watch.stray


class _Watch:
    """Is called with the bytes of a pipe as they come, and counts those that are no chunk."""

    def __init__(self, walk: _Walk) -> None:
        self._walk = walk
        self._wanted = next(walk)
        self._seen = 0
        self._ahead = b""
        self._stray: int | None = None
        self._sounds = False

    def __call__(self, data: bytes) -> None:
        """Take the next bytes."""
        ahead = data[max(0, self._wanted - self._seen) :]
        self._seen += len(data)
        if self._stray is None:
            self._ahead += ahead
            while self._stray is None and len(self._ahead) >= 9:
                self._step()
        self._sounds = self._sounds or (self._stray is not None and any(ahead))

    def _step(self) -> None:
        try:
            wanted = self._walk.send(self._ahead[:9])
        except StopIteration as stop:
            self._stray = stop.value
        else:
            self._ahead = self._ahead[wanted - self._wanted :]
            self._wanted = wanted

    @property
    def stray(self) -> int:
        """Bytes so far that are neither sound nor a chunk; 0 for a few, or only zeros."""
        stray = 0 if self._stray is None else self._seen - self._stray
        return stray if stray > _SLOPPY and self._sounds else 0


_Read = Callable[[int, int], bytes]


def _head_reader(head: bytes) -> _Read:
    return lambda offset, size: head[offset : offset + size]


def _file_reader(content: InputStream) -> _Read:
    def read(offset: int, size: int) -> bytes:
        content.file.seek(offset)
        data = content.file.read(size)
        content.file.seek(0, os.SEEK_SET)
        return data

    return read


def _header(read: _Read) -> _Header | None:
    magic = read(0, 12)
    order = _ORDERS.get(magic[:4] + magic[8:])
    if order is None:
        return None
    position, long = 12, 0
    for _ in range(1000):  # no writer has as many chunks in front
        chunk = read(position, 8)
        if len(chunk) < 8:
            return None
        size = int.from_bytes(chunk[4:], order)
        if chunk[:4] == b"ds64":
            long = position + 16
        if chunk[:4] in (b"data", b"SSND"):
            if long:
                declared = int.from_bytes(read(long, 8), "little")
                return _Header(position + 8, declared, order, long, long=True)
            aiff = chunk[:4] == b"SSND"
            return _Header(position + 8, size, order, position + 4, aiff=aiff)
        position += 8 + size + size % 2
    return None


def _measured(header: _Header, size: int, read: _Read) -> Sizes:
    """Tell what follows the sound of a file as stated: nothing, chunks, or more sound."""
    patches = header.patches(size)
    if header.end >= size:
        unset = header.end > size and never_set(header.declared)
        return Sizes(patches) if unset else Sizes()
    stray = _stray(header.end, header, size, read)
    if stray is None:
        return Sizes()
    if never_set(header.declared):
        return Sizes(patches, more=header.declared > 0)
    for end in range(header.end + _GIB_4, size + 1, _GIB_4):  # the size of 32 bits ran over
        if _stray(end, header, size, read) is None:
            return Sizes(patches, more=True, end=end)
    sounds = size - stray > _SLOPPY and _sounds(stray, size, read)
    return Sizes(stray=size - stray if sounds else 0)


def _sounds(start: int, end: int, read: _Read) -> bool:
    """Look into what follows the sound: recorders leave room of zeros, gigabytes of it."""
    places = range(start, end, max(1 << 16, (end - start) // 256))
    return any(any(read(place, 1 << 16)) for place in (*places, max(start, end - (1 << 16))))


def _stray(end: int, header: _Header, size: int, read: _Read) -> int | None:
    """Find the offset of what is no chunk after a sound that ends at `end`."""
    walk = _after(end, header, size)
    position = next(walk)
    while True:
        try:
            position = walk.send(read(position, 9))
        except StopIteration as stop:
            found: int | None = stop.value
            return found


def _after(end: int, header: _Header, size: int | None) -> _Walk:
    """Walk the chunks after a sound: ask for 9 bytes at an offset, return where there is none.

    Chunks of an odd length have a byte of padding, but not all writers know.
    """
    position, odd = end, (end - header.start) % 2
    while True:
        head = yield position
        if len(head) < 8:
            return None
        for pad in (1, 0) if odd else (0,):
            chunk = head[pad : pad + 8]
            length = int.from_bytes(chunk[4:], header.order)
            room = 1 << 28 if size is None else size - position - pad - 8
            if _is_chunk(chunk[:4], length, room):
                position, odd = position + pad + 8 + length, length % 2
                break
        else:
            return position


def _is_chunk(name: bytes, length: int, room: int) -> bool:
    plausible = name.replace(b"_", b"").strip(b" ").isalnum()
    return name in _KNOWN or (plausible and length <= room)
