"""Headerless PCM: how it is named on the command line, and how it is read."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from whisper_cli.audio.blocks import Frames, Samples, to_float
from whisper_cli.audio.streams import InputStream
from whisper_cli.errors import ConfigError

_SAMPLE_TYPES = {
    "u8": "u1",
    "s8": "i1",
    "s16le": "<i2",
    "s16be": ">i2",
    "s24le": "<i4",
    "s24be": ">i4",
    "s32le": "<i4",
    "s32be": ">i4",
    "f32le": "<f4",
    "f32be": ">f4",
    "f64le": "<f8",
    "f64be": ">f8",
}


@dataclass(frozen=True, slots=True)
class RawFormat:
    """What a header would say: an encoding by its FFmpeg name, Hz, and channels."""

    encoding: str
    rate: int
    channels: int

    @property
    def frame(self) -> int:
        """Bytes of one sample in all channels."""
        return int(re.sub(r"\D", "", self.encoding)) // 8 * self.channels

    def decode(self, data: bytes) -> Samples:
        """Turn bytes into (n, channels); a partial last sample is dropped."""
        data = data[: len(data) // self.frame * self.frame]
        if "24" in self.encoding:
            data = _widened(data, low_first=self.encoding.endswith("le"))
        values = np.frombuffer(data, _SAMPLE_TYPES[self.encoding])
        return to_float(values).reshape(-1, self.channels)


def parse_raw(text: str) -> RawFormat:
    """Read what `--raw` takes: `s16le:16000:1`; raises ConfigError."""
    match = re.fullmatch(r"(\w+):([1-9]\d{0,6}):([1-9]\d?)", text, re.ASCII)
    if not match or match[1] not in _SAMPLE_TYPES:
        raise ConfigError(
            f'not a raw format: "{text}"',
            hint="ENCODING:RATE:CHANNELS as in s16le:16000:1; encodings: "
            + " ".join(_SAMPLE_TYPES),
        )
    return RawFormat(match[1], int(match[2]), int(match[3]))


def _widened(data: bytes, *, low_first: bool) -> bytes:
    """Put a zero byte below each 24-bit sample, which keeps its place in -1..1."""
    triples = np.frombuffer(data, np.uint8).reshape(-1, 3)
    return np.pad(triples, ((0, 0), (1, 0) if low_first else (0, 1))).tobytes()


class RawReader:
    """Reads PCM as it comes."""

    track = 1
    warnings: tuple[str, ...] = ()

    def __init__(self, content: InputStream, raw: RawFormat) -> None:
        self._content = content
        self._raw = raw

    @property
    def duration(self) -> float | None:
        """Seconds by the size of the file; None for a pipe."""
        size = self._content.size
        return None if size is None else size // self._raw.frame / self._raw.rate

    @property
    def channels(self) -> int:
        """As declared."""
        return self._raw.channels

    def chunks(self) -> Iterator[Frames]:
        """Read a second at a time; a fifth of one from a pipe, which may come as it is spoken."""
        rate, second = self._raw.rate, self._raw.rate * self._raw.frame
        size = second if self._content.path else max(1, self._raw.rate // 5) * self._raw.frame
        position = 0
        while len(samples := self._raw.decode(self._content.file.read(size))):
            yield Frames(position / rate, rate, samples)
            position += len(samples)

    def close(self) -> None:
        """Nothing was opened here."""
