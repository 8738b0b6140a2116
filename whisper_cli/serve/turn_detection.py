"""Sound from a microphone cut into turns: by its level, or where the client says."""

import io
import wave
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

RATE = 24_000  # of the realtime API: 16-bit PCM, one channel, little-endian
LONGEST = 20.0  # seconds of a turn; a longer one is cut, so that its text comes
_FRAME = RATE // 50  # samples whose level is looked at together: 20 ms
_QUIET = 200.0  # mean level of 16-bit samples that is never speech, however quiet the room
_SPEECH_RATIO = 2.5  # times the level of the room
# How much of each 20 ms the room is taken for: a noise that stays becomes the room in half a
# minute, speech of a turn's length does not.
_NOISE_RATE, _SPEECH_RATE = 0.1, 0.0003


@dataclass(frozen=True, slots=True)
class TurnDetection:
    """When a turn begins and ends: seconds of silence that end it, and that are kept before it."""

    silence: float = 0.5
    before: float = 0.3


@dataclass(slots=True)
class TurnDetector:
    """One microphone. `detection` None leaves it to the client to say where a turn ends."""

    detection: TurnDetection | None = field(default_factory=TurnDetection)
    position: int = 0  # samples since the beginning
    in_speech: bool = False
    _kept: bytearray = field(default_factory=bytearray)
    _buffer: bytearray = field(default_factory=bytearray)
    _room: float = _QUIET
    _silent_for: float = 0.0

    @property
    def seconds(self) -> float:
        """Seconds that wait for the end of the turn."""
        return len(self._kept) / 2 / RATE

    def add(self, data: bytes) -> Iterator[str | bytes]:
        """Take sound; gives "started" where speech begins, and the sound of each turn that ends."""
        self._buffer += data
        sound, size = bytes(self._buffer), 2 * _FRAME
        done = 0
        try:
            for level in _levels(sound):
                self.position += _FRAME
                self._kept += sound[done : done + size]
                done += size
                yield from self._detect(level)
        finally:
            del self._buffer[:done]

    def take(self) -> bytes:
        """End the turn, and give its sound."""
        self._kept += self._buffer[: len(self._buffer) // 2 * 2]
        self._buffer.clear()
        return self._cut()

    def _cut(self) -> bytes:
        sound, self._kept = bytes(self._kept), bytearray()
        self.in_speech, self._silent_for = False, 0.0
        return sound

    def _detect(self, level: float) -> list[str | bytes]:
        if self.detection is None:
            return [self._cut()] if self.seconds >= LONGEST else []
        is_speech = level > max(_QUIET, _SPEECH_RATIO * self._room)
        self._room += (level - self._room) * (_SPEECH_RATE if is_speech else _NOISE_RATE)
        self._silent_for = 0.0 if is_speech else self._silent_for + _FRAME / RATE
        if not self.in_speech:
            if is_speech:
                self.in_speech = True
                return ["started"]
            keep = 2 * int(self.detection.before * RATE)
            del self._kept[: max(0, len(self._kept) - keep)]
            return []
        over = self._silent_for >= self.detection.silence or self.seconds >= LONGEST
        return [self._cut()] if over else []


def wav(sound: bytes) -> bytes:
    """Put a head before bare sound."""
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setnchannels(1)
        writer.setsampwidth(2)
        writer.setframerate(RATE)
        writer.writeframes(sound)
    return file.getvalue()


def _levels(sound: bytes) -> list[float]:
    """Return the mean level of each whole frame."""
    whole = len(sound) // (2 * _FRAME) * _FRAME
    samples = np.frombuffer(sound, "<i2", whole).reshape(-1, _FRAME)
    levels: list[float] = np.abs(samples.astype(np.float32)).mean(axis=1).tolist()
    return levels
