"""A source to blocks of 16 kHz mono sound."""

import logging
from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Self

from whisper_cli.audio.blocks import SAMPLE_RATE, Block, Frames, Reader
from whisper_cli.audio.channels import mono, parse_channel
from whisper_cli.audio.clips import Clip, cut, parse_clip
from whisper_cli.audio.pcm import RawFormat, RawReader, parse_raw
from whisper_cli.audio.pyav import LibavReader, resample
from whisper_cli.audio.sizes import Stray, stray_of
from whisper_cli.audio.soundfile import SndfileReader
from whisper_cli.audio.sources import Source
from whisper_cli.audio.streams import InputStream, open_content, reading
from whisper_cli.errors import AudioError

_log = logging.getLogger("whisper_cli")

__all__ = [
    "SAMPLE_RATE",
    "Audio",
    "Block",
    "RawFormat",
    "open_audio",
    "parse_channel",
    "parse_clip",
    "parse_raw",
]


class Audio:
    """An open input whose sound is decoded while it is read; close it, or use `with`."""

    def __init__(
        self,
        content: InputStream,
        reader: Reader,
        blocks: Iterator[Block],
        clips: Sequence[Clip],
        stray: Stray,
    ) -> None:
        self._content = content
        self._reader = reader
        self._stray = stray
        self._position = 0.0
        blocks = self._decoded(blocks)
        self._blocks: Iterator[Block] | None = cut(blocks, clips) if clips else blocks

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def duration(self) -> float | None:
        """Seconds as declared by the container, in some an estimate; None where nothing says."""
        return self._reader.duration

    @property
    def channels(self) -> int:
        """How many channels the input has, as it declares."""
        return self._reader.channels

    @property
    def track(self) -> int:
        """Number of the audio track that is heard, from 1."""
        return self._reader.track

    @property
    def warnings(self) -> tuple[str, ...]:
        """What was chosen where nobody said what is meant."""
        return self._reader.warnings

    @property
    def position(self) -> float:
        """Seconds of the input decoded so far."""
        return self._position

    @property
    def sha256(self) -> str | None:
        """Hex digest of the whole input; None for a pipe that wasn't read to its end.

        Raises AudioError where the input has gone meanwhile.
        """
        with reading(self._content.name):
            return self._content.sha256

    @property
    def changed(self) -> bool:
        """Say whether the file has changed since it was opened, as far as it was open."""
        return self._content.note_change()

    def blocks(self) -> Iterator[Block]:
        """Decode, once: a second call raises RuntimeError.

        What is missing or damaged is logged as one warning at the end. Raises AudioError where
        not a single sample can be decoded, or the channel isn't there.
        """
        blocks, self._blocks = self._blocks, None
        if blocks is None:
            raise RuntimeError("the blocks of an input are decoded once")
        return blocks

    def close(self) -> None:
        """Close the files; what was not decoded yet is lost."""
        self._reader.close()
        self._content.close()

    def _decoded(self, blocks: Iterator[Block]) -> Iterator[Block]:
        name = self._content.name
        with reading(name):
            for block in _sounding(blocks, name):
                self._position = block.end
                yield block
            self._content.drain()
        self._warn_of_stray()

    def _warn_of_stray(self) -> None:
        if stray := self._stray():
            _log.warning(
                "%s goes on for %d bytes after its sound that are no chunk, and were not decoded",
                self._content.name,
                stray,
            )


def open_audio(
    source: Source,
    *,
    track: int | None = None,
    language: str | None = None,
    channel: str = "mix",
    raw: RawFormat | None = None,
    clip: Sequence[Clip] = (),
    plain: bool = False,
) -> Audio:
    """Open an input, told by its content and never by its name.

    `track` counts the audio streams from 1; without it one is chosen that can be decoded, by its
    `language`, else the default one, and `warnings` tell of it. `channel` is mix, left, right, or
    a number from 1; `raw` says what headerless PCM is. A `plain` mix is to the sample what
    faster-whisper hears. Raises AudioError, or ConfigError for no such channel.
    """
    index = parse_channel(channel)
    content = open_content(source)
    try:
        with reading(content.name):
            stray = stray_of(content) if raw is None else int
            if plain and index is None and raw is None:
                libav = LibavReader.open(content, track, language)
                return Audio(content, libav, libav.blocks(), clip, stray)
            reader = _reader(content, track, language, raw)
            chunks = mono(_possible(reader.chunks(), content.name), index, content.name)
            return Audio(content, reader, resample(chunks), clip, stray)
    except BaseException:
        content.close()
        raise


def _reader(
    content: InputStream, track: int | None, language: str | None, raw: RawFormat | None
) -> Reader:
    if raw:
        return RawReader(content, raw)
    sndfile = SndfileReader.open(content) if track in (None, 1) else None
    return sndfile or LibavReader.open(content, track, language)


def _sounding(blocks: Iterator[Block], name: str) -> Iterator[Block]:
    first = next(blocks, None)
    if first is None:
        raise AudioError(
            f"no sound in {name}: not a single sample could be decoded",
            hint="record, convert or download it again",
        )
    yield from chain([first], blocks)


def _possible(chunks: Iterator[Frames], name: str) -> Iterator[Frames]:
    for chunk in chunks:
        if not 1000 <= chunk.rate <= 1_000_000:
            raise AudioError(f"{name} has an impossible sample rate: {chunk.rate} Hz")
        yield chunk
