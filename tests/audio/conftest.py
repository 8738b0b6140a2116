"""What the tests of the audio room share: a way to hear an input, and sound to make one of."""

import io
import os
import sys
import threading
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from whisper_cli.audio.decode import SAMPLE_RATE, Block, open_audio
from whisper_cli.audio.sources import Source


@dataclass(frozen=True)
class Heard:
    blocks: list[Block]
    duration: float | None
    position: float
    sha256: str | None
    warnings: list[str]

    @property
    def samples(self):
        return np.concatenate([block.samples for block in self.blocks])

    @property
    def seconds(self):
        return len(self.samples) / SAMPLE_RATE

    @property
    def envelope(self):
        """RMS by 10 ms."""
        whole = self.samples[: len(self.samples) // 160 * 160]
        return np.sqrt((whole.reshape(-1, 160) ** 2).mean(axis=1))


@pytest.fixture
def hear(caplog) -> Callable[..., Heard]:
    """Decode a path, or standard input for None, to its end."""

    def hear(path: Path | None, **options) -> Heard:
        caplog.clear()
        with open_audio(Source(path), **options) as audio:
            blocks = list(audio.blocks())
            return Heard(blocks, audio.duration, audio.position, audio.sha256, caplog.messages[:])

    return hear


@pytest.fixture
def piped(monkeypatch):
    """Make standard input a real pipe that a thread fills with bytes."""

    @contextmanager
    def piped(data: bytes):
        reading, writing = os.pipe()

        def fill():
            try:
                with os.fdopen(writing, "wb") as pipe:
                    pipe.write(data)
            except BrokenPipeError:
                pass

        thread = threading.Thread(target=fill)
        with io.TextIOWrapper(os.fdopen(reading, "rb")) as stdin:
            monkeypatch.setattr(sys, "stdin", stdin)
            thread.start()
            yield
        thread.join()

    return piped
