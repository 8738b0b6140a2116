"""What libsndfile decodes: WAV, FLAC, AIFF, AU, CAF, Ogg; the only user of soundfile."""

import logging
import os
import re
from collections.abc import Iterator
from contextlib import closing
from io import FileIO
from pathlib import Path
from typing import TYPE_CHECKING, Self, cast

import numpy as np

from whisper_cli.audio.blocks import Frames
from whisper_cli.audio.pyav import LibavReader
from whisper_cli.audio.sizes import never_set, sizes_of
from whisper_cli.audio.streams import InputStream

if TYPE_CHECKING:
    from soundfile import SoundFile

_log = logging.getLogger("whisper_cli")
_MAGICS = (b"RIFF", b"RIFX", b"RF64", b"riff", b"FORM", b"fLaC", b"OggS", b".snd", b"caff", b"NIST")
_OGG_PAGE = 65_307  # bytes, the most one can have


class SndfileReader:
    """Reads a file block by block; where libsndfile gives up in the middle, FFmpeg goes on."""

    track = 1
    warnings: tuple[str, ...] = ()

    def __init__(self, content: InputStream, file: FileIO, sound: "SoundFile") -> None:
        self._content = content
        self._file = file
        self._sound = sound

    @classmethod
    def open(cls, content: InputStream) -> Self | None:
        """Open what libsndfile reads well, by content; None where FFmpeg must."""
        import soundfile

        if content.path is None or not content.head.startswith(_MAGICS):
            return None
        if _is_chained(content) or _has_tracks(content) or sizes_of(content).more:
            return None  # libsndfile hears a part of it: a link, a track, or the size stated
        # A descriptor of its own: callbacks into Python would swallow what a signal raises.
        file = _same_file(content)
        if file is None:
            return None
        try:
            sound = soundfile.SoundFile(file.fileno(), closefd=False)
        except soundfile.SoundFileError:
            file.close()
            return None
        reader = cls(content, file, sound)
        # libsndfile takes the data size 0 of a streaming header at its word, fails at the end of
        # FLAC of unknown length, and its MP3 decoder writes on stderr and stops at the first bad
        # frame.
        if 0 < sound.frames < 1 << 60 and not sound.subtype.startswith("MPEG"):
            return reader
        reader.close()
        return None

    @property
    def duration(self) -> float | None:
        """Seconds, as declared."""
        frames: int = self._sound.frames
        return frames / self._rate

    @property
    def channels(self) -> int:
        """As declared."""
        count: int = self._sound.channels
        return count

    @property
    def _rate(self) -> int:
        rate: int = self._sound.samplerate
        return rate

    def chunks(self) -> Iterator[Frames]:
        """Decode a second at a time."""
        import soundfile

        position = 0
        while True:
            try:
                samples = self._sound.read(self._rate, dtype="float32", always_2d=True)
            except soundfile.SoundFileError:
                reader = LibavReader.open(self._content, corrupt=True)
                yield from _after(position / self._rate, reader)
                return
            if not len(samples):
                break
            yield Frames(position / self._rate, self._rate, np.asarray(samples, np.float32))
            position += len(samples)
        if _lacks_data(self._sound.extra_info) or _is_cut(self._content):
            _log.warning("%s is cut short after %.1f s", self._content.name, position / self._rate)

    def close(self) -> None:
        """Close the file."""
        self._sound.close()
        self._file.close()


def _same_file(content: InputStream) -> FileIO | None:
    """Open the file once more; None where its name is another's by now."""
    try:
        file = FileIO(cast("Path", content.path))
    except OSError:
        return None
    if os.path.sameopenfile(file.fileno(), content.file.fileno()):
        return file
    file.close()
    return None


def _after(position: float, reader: LibavReader) -> Iterator[Frames]:
    """Decode once more, and give what comes after `position` seconds."""
    with closing(reader):
        for chunk in reader.chunks():
            known = max(0, round((position - chunk.start) * chunk.rate))
            if known < len(chunk.samples):
                start = chunk.start + known / chunk.rate
                yield Frames(start, chunk.rate, chunk.samples[known:])


def _lacks_data(log: str) -> bool:
    """Find in libsndfile's log a chunk of sound that is to be longer than the file.

    Writers that stream declare a size that is none; a kilobyte is a writer's sloppiness.
    """
    sizes = re.findall(r"(?:data|SSND|Data Size|Riff size|riff) *: (\d+) \(should be (\d+)", log)
    pairs = ((int(declared), int(found)) for declared, found in sizes)
    return any(declared - found > 1000 and not never_set(declared) for declared, found in pairs)


def _is_cut(content: InputStream) -> bool:
    """Tell an Ogg page that is cut; one that isn't marked as the last (browsers) is no sign."""
    page = _last_ogg_page(content)
    return bool(page) and len(page) < 27 + page[26] + sum(page[27 : 27 + page[26]])


def _is_chained(content: InputStream) -> bool:
    """Tell several Ogg streams one after the other: libsndfile reads the first only."""
    page = _last_ogg_page(content)
    return bool(page) and page[14:18] != content.head[14:18]


def _has_tracks(content: InputStream) -> bool:
    """Tell several Ogg streams side by side: the first page of the second follows the first's."""
    head = content.head
    if not head.startswith(b"OggS") or len(head) < 27:
        return False
    second = head[27 + head[26] + sum(head[27 : 27 + head[26]]) :]
    return second.startswith(b"OggS") and bool(second[5:6] and second[5] & 2)


def _last_ogg_page(content: InputStream) -> bytes:
    """Read the last page, from its 27 bytes of header on; nothing where it isn't Ogg."""
    if not content.head.startswith(b"OggS"):
        return b""
    tail = content.tail(2 * _OGG_PAGE)
    page = tail[tail.rfind(b"OggS", 0, -23) :]
    return page if page.startswith(b"OggS") else b""
