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
_ABOVE = 2.5  # times the level of the room
# How much of each 20 ms the room is taken for: a noise that stays becomes the room in half a
# minute, speech of a turn's length does not.
_LEARNT, _LEARNT_LOUD = 0.1, 0.0003


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
    speaking: bool = False
    _kept: bytearray = field(default_factory=bytearray)
    _unread: bytearray = field(default_factory=bytearray)
    _room: float = _QUIET
    _still: float = 0.0

    @property
    def seconds(self) -> float:
        """Seconds that wait for the end of the turn."""
        return len(self._kept) / 2 / RATE

    def add(self, data: bytes) -> Iterator[str | bytes]:
        """Take sound; gives "started" where speech begins, and the sound of each turn that ends."""
        self._unread += data
        sound, size = bytes(self._unread), 2 * _FRAME
        done = 0
        try:
            for level in _levels(sound):
                self.position += _FRAME
                self._kept += sound[done : done + size]
                done += size
                yield from self._look(level)
        finally:
            del self._unread[:done]

    def take(self) -> bytes:
        """End the turn, and give its sound."""
        self._kept += self._unread[: len(self._unread) // 2 * 2]
        self._unread.clear()
        return self._cut()

    def _cut(self) -> bytes:
        sound, self._kept = bytes(self._kept), bytearray()
        self.speaking, self._still = False, 0.0
        return sound

    def _look(self, level: float) -> list[str | bytes]:
        if self.detection is None:
            return [self._cut()] if self.seconds >= LONGEST else []
        loud = level > max(_QUIET, _ABOVE * self._room)
        self._room += (level - self._room) * (_LEARNT_LOUD if loud else _LEARNT)
        self._still = 0.0 if loud else self._still + _FRAME / RATE
        if not self.speaking:
            if loud:
                self.speaking = True
                return ["started"]
            keep = 2 * int(self.detection.before * RATE)
            del self._kept[: max(0, len(self._kept) - keep)]
            return []
        over = self._still >= self.detection.silence or self.seconds >= LONGEST
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
