"""What FFmpeg decodes, with the times that containers state; the only user of PyAV."""

import io
import logging
import re
import threading
from collections.abc import Iterator, Mapping
from itertools import chain, groupby
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from whisper_cli.audio.blocks import SAMPLE_RATE, Block, Frames, to_float
from whisper_cli.audio.diagnose import audio_error_of
from whisper_cli.audio.sizes import NEVER_SET, Sizes, sizes_of
from whisper_cli.audio.streams import InputStream
from whisper_cli.audio.tracks import LONGEST_NAME, Track, choice_told, chosen
from whisper_cli.errors import AudioError
from whisper_cli.texts import printable

if TYPE_CHECKING:
    from av import AudioFrame, AudioStream, Packet
    from av.container import InputContainer
    from av.stream import Stream


class Clock:
    """Says when a frame starts: at the end of the one before, unless the container names a gap.

    `origin` is the container's time at which the input's own begins. Jumps of more than ten
    minutes, or back, are taken for mistakes: what follows is counted from there.
    """

    def __init__(self, origin: float) -> None:
        self._origin = origin
        self.end = 0.0

    def start(self, named: float | None) -> float:
        """Place a frame by the time that the container names for it, in seconds."""
        if named is None:
            return self.end
        gap = named - self._origin - self.end
        if 0.2 <= gap <= 600:
            return self.end + gap
        if abs(gap) >= 0.2:
            self._origin += gap
        return self.end


class RunKey:
    """A key for groupby: the same while chunks of one shape follow each other, for some seconds."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._shape = (0, 0)
        self._start = self._end = 0.0

    def __call__(self, chunk: Frames) -> float:
        """Give the start of the run that a chunk belongs to."""
        shape = (chunk.rate, chunk.channels)
        within = chunk.end - self._start <= self._seconds
        if shape != self._shape or not within or not chunk.follows(self._end):
            self._shape, self._start = shape, chunk.start
        self._end = chunk.end
        return self._start


_log = logging.getLogger("whisper_cli")

# In these the duration is written down; elsewhere FFmpeg guesses it from the bit rate.
_DECLARING = frozenset(
    ["aiff", "asf", "avi", "caf", "flac", "flv", "matroska,webm", "mov,mp4,m4a,3gp,3g2,mj2", "wav"]
)

# What a track may hold instead of what is said, by FFmpeg's flag.
_ASIDES: Mapping[str, str] = MappingProxyType(
    {
        "comment": "commentary",
        "visual_impaired": "for the visually impaired",
        "descriptions": "descriptions",
        "clean_effects": "without voices",
        "karaoke": "karaoke",
        "dependent": "to be mixed with another",
    }
)
_printing = threading.Lock()  # the level of what FFmpeg prints is one for all threads


class LibavReader:
    """Reads one audio stream of a container; packets that can't be decoded are skipped."""

    def __init__(
        self,
        name: str,
        file: "_File",
        container: "InputContainer",
        stream: "AudioStream",
        *,
        track: int,
        warnings: tuple[str, ...],
        corrupt: bool,
    ) -> None:
        self.track = track
        self.warnings = warnings
        self._name = name
        self._file = file
        self._container = container
        self._stream = stream
        self._origin = (container.start_time or 0) / 1e6
        self._reached = 0.0
        self._broken = False
        self._frame_end: float | None = None
        self._corrupt = corrupt

    @classmethod
    def open(
        cls,
        content: InputStream,
        track: int | None = None,
        language: str | None = None,
        *,
        corrupt: bool = False,
    ) -> Self:
        """Open an audio stream, counted from 1; raises AudioError where there is none.

        Without a number one is chosen, by its `language` first; of several that is a warning.
        `corrupt` says that it is known to be, by another decoder.
        """
        import av

        file = _File(content.file, sizes_of(content))
        try:
            # A playlist may name other files and URLs: nothing of them is to be read.
            container = av.open(
                file, mode="r", options={"protocol_whitelist": "none"}, metadata_errors="ignore"
            )
        except av.FFmpegError as error:
            file.check()
            raise audio_error_of(content.name, content.head) from error
        try:
            tracks = _tracks(container, content.name)
            found = chosen(tracks, track, language, content.name)
            told = track is None and len(tracks) > 1
            return cls(
                content.name,
                file,
                container,
                container.streams.audio[found.number - 1],
                track=found.number,
                warnings=(choice_told(tracks, found),) if told else (),
                corrupt=corrupt,
            )
        except AudioError:
            container.close()
            raise

    @property
    def duration(self) -> float | None:
        """Seconds, where nothing declares them guessed from the bit rate; None for most pipes."""
        duration = self._container.duration
        if duration is None or self._is_unset(duration / 1e6):
            return None
        return duration / 1e6

    def _is_unset(self, seconds: float) -> bool:
        """Tell a size that stands for none: in AIFF 2 GiB and more; of RF64 we made it."""
        size = round(seconds * (self._stream.bit_rate or 0) / 8) + 64
        aiff = self._container.format.name == "aiff"
        return seconds > 1e9 or (aiff and size >= NEVER_SET)

    @property
    def channels(self) -> int:
        """As declared."""
        return self._stream.codec_context.channels

    def chunks(self) -> Iterator[Frames]:
        """Decode what can be decoded, a second at a time; a fifth of one from a pipe."""
        seconds = 1.0 if self._file.seekable() else 0.2
        clock = Clock(self._origin)
        pieces = (_to_frames(frame, clock) for frame in self._frames() if frame.samples)
        for _, run in groupby(pieces, RunKey(seconds)):
            group = list(run)
            samples = np.concatenate([piece.samples for piece in group])
            yield Frames(group[0].start, group[0].rate, samples)
        self._report()

    def blocks(self) -> Iterator[Block]:
        """Decode as faster-whisper does, to the sample: FFmpeg mixes channels, in 16 bits."""
        clock, run = Clock(self._origin), RunKey(seconds=float("inf"))
        pairs = ((_to_frames(frame, clock), frame) for frame in self._frames() if frame.samples)
        for start, group in groupby(pairs, lambda item: run(item[0])):
            yield from _converted(start, (_untimed(frame) for _, frame in group), "s16")
        self._report()

    def _frames(self) -> Iterator["AudioFrame"]:
        import av

        for packet in self._packets():
            if packet.stream.index != self._stream.index:
                continue
            try:
                for frame in self._stream.decode(packet):
                    self._note_hole(frame)
                    yield frame
            except av.FFmpegError:
                self._corrupt = True

    def _note_hole(self, frame: "AudioFrame") -> None:
        """Tell damage by missing time: FFmpeg passes over bad frames of FLAC silently."""
        if self._container.format.name == "flac" and frame.time is not None:
            hole = self._frame_end is not None and frame.time - self._frame_end > 1e-3
            self._corrupt = self._corrupt or hole
            self._frame_end = frame.time + frame.samples / frame.sample_rate

    def _packets(self) -> Iterator["Packet[Stream]"]:
        """Read the packets of all streams: together they tell how much of the input is there."""
        import av

        try:
            for packet in self._container.demux():
                self._file.check()
                if packet.pts is not None:
                    end = float((packet.pts + (packet.duration or 0)) * packet.time_base)
                    self._reached = max(self._reached, end - self._origin)
                yield packet
        except av.FFmpegError:
            self._broken = True
        self._file.check()

    def _report(self) -> None:
        missing = self._declared - self._reached
        if self._broken or missing > max(1.0, 0.05 * self._declared):
            _log.warning("%s is cut short after %.1f s", self._name, self._reached)
        elif self._corrupt:
            _log.warning("%s is damaged: some of it could not be decoded", self._name)

    @property
    def _declared(self) -> float:
        """Seconds, 0 where nobody says. MP3 has no header but its encoder's, with a start time."""
        kind = self._container.format.name
        declares = kind in _DECLARING or (kind == "mp3" and self._stream.start_time)
        return (self.duration or 0.0) if declares else 0.0

    def close(self) -> None:
        """Close the container, not the file below."""
        self._container.close()


def _tracks(container: "InputContainer", name: str) -> list[Track]:
    """Describe the audio streams of a container. Raises AudioError where there is none."""
    streams = container.streams.audio
    if not streams:
        kinds = ", ".join(sorted({stream.type for stream in container.streams})) or "nothing"
        raise AudioError(
            f"no audio stream in {name} (it holds {kinds})", hint="name a file that has sound"
        )
    return [_track(number, stream) for number, stream in enumerate(streams, 1)]


def _track(number: int, stream: "AudioStream") -> Track:
    flags = {flag.name for flag in getattr(stream, "disposition", ())}  # older ones know none
    asides = [text for flag, text in _ASIDES.items() if flag in flags]
    decodable = stream.codec_context is not None
    return Track(
        number,
        stream.language,
        stream.codec_context.name if decodable else _foreign_codec(stream),
        decodable,
        probed=decodable and stream.codec_context.sample_rate > 0,
        default="default" in flags,
        aside=asides[0] if asides else None,
    )


def _foreign_codec(stream: "AudioStream") -> str:
    """Name what FFmpeg has no decoder for, by what it prints of the stream."""
    from av import logging as libav_logging

    with _printing:
        level = libav_logging.get_level()
        libav_logging.set_level(libav_logging.INFO)
        try:
            container: Any = stream.container  # its type doesn't know what it can
            text = container.dumps_format()
        finally:
            libav_logging.set_level(level)
    line = rf"^ *Stream #0:{stream.index}\b.*?: Audio: (\w+)(?: \((\w[^/)]*?) / 0x)?"
    found = re.search(line, text, re.MULTILINE)
    if not found:
        return "unknown codec"
    name = found[1] if found[1] != "none" else found[2] or "unknown codec"
    return printable(name[:LONGEST_NAME])


class _File:
    """What PyAV reads from: without a name, and never raising, which PyAV would print or lose."""

    def __init__(self, file: io.BufferedIOBase, sizes: Sizes) -> None:
        self._file = file
        self._sizes = sizes
        self._position = 0  # a pipe's
        self._failure: BaseException | None = None
        if self.seekable():
            self._file.seek(0)

    def check(self) -> None:
        """Raise what could not be raised while FFmpeg was reading: a stop, or a broken pipe."""
        if self._failure:
            raise self._failure

    def read(self, size: int) -> bytes:
        try:
            return b"" if self._failure else self._read(size)
        except BaseException as error:  # noqa: BLE001  raised again by check()
            self._failure = error
            return b""

    def _read(self, size: int) -> bytes:
        start = self._file.tell() if self.seekable() else self._position
        if self._sizes.end is not None:
            size = max(0, min(size, self._sizes.end - start))
        data = self._file.read1(size)
        self._position = start + len(data)
        for offset, new in self._sizes.patches:
            data = _patched(data, start, offset, new)
        return data

    def seekable(self) -> bool:
        return self._file.seekable()

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        try:
            return self._file.seek(offset, whence)
        except (OSError, ValueError):  # before the start: FFmpeg tries, and asks if it worked
            return -1
        except BaseException as error:  # noqa: BLE001  raised again by check()
            self._failure = error
            return -1

    def tell(self) -> int:
        return self._file.tell()


def _patched(data: bytes, start: int, offset: int, new: bytes) -> bytes:
    """Put over what was read from `start` on what part of `new`, at `offset`, lies there."""
    first, last = max(offset, start), min(offset + len(new), start + len(data))
    if first >= last:
        return data
    return data[: first - start] + new[first - offset : last - offset] + data[last - start :]


def _to_frames(frame: "AudioFrame", clock: Clock) -> Frames:
    start = clock.start(frame.time)
    values = frame.to_ndarray()
    shaped = values.reshape(-1, frame.layout.nb_channels) if frame.format.is_packed else values.T
    chunk = Frames(start, frame.sample_rate, to_float(shaped))
    clock.end = chunk.end
    return chunk


def resample(chunks: Iterator[Frames]) -> Iterator[Block]:
    """Bring chunks of one channel to 16 kHz; a new start after each gap, so that times hold."""
    for _, run in groupby(chunks, RunKey(seconds=float("inf"))):
        yield from _resampled(run)


def _resampled(run: Iterator[Frames]) -> Iterator[Block]:
    first = next(run)
    return _converted(first.start, map(_frame, chain([first], run)), "flt")


def _converted(start: float, frames: Iterator["AudioFrame"], kind: str) -> Iterator[Block]:
    """Mix and resample frames that follow each other, by way of FFmpeg's sample format `kind`."""
    from av import AudioResampler

    resampler = AudioResampler(format=kind, layout="mono", rate=SAMPLE_RATE)
    position = 0
    for frame in chain.from_iterable(map(resampler.resample, chain(frames, [None]))):
        if frame is not None:  # the end, where there was nothing to resample
            samples = to_float(frame.to_ndarray()[0])
            yield Block(start + position / SAMPLE_RATE, samples)
            position += len(samples)


def _untimed(frame: "AudioFrame") -> "AudioFrame":
    frame.pts = None
    return frame


def _frame(chunk: Frames) -> "AudioFrame":
    from av import AudioFrame

    samples = np.ascontiguousarray(chunk.samples.reshape(1, -1))
    frame = AudioFrame.from_ndarray(samples, format="flt", layout="mono")
    frame.sample_rate = chunk.rate
    return frame
