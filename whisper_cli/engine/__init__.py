"""Samples in, segments out."""

import itertools
from collections.abc import Iterator
from dataclasses import replace
from typing import Protocol

import numpy as np

from whisper_cli.audio.decode import Audio
from whisper_cli.choices import Task
from whisper_cli.engine.islands import Island, islands
from whisper_cli.errors import ConfigError
from whisper_cli.transcript import Info, Options, Segment, Transcript


class Engine(Protocol):
    """A loaded model; `FasterWhisper` is the real one, tests pass fakes."""

    @property
    def multilingual(self) -> bool:
        """Say whether the model knows more than English."""
        ...

    def find_speech(self, samples: np.ndarray) -> list[tuple[int, int]]:
        """Find speech in 16 kHz samples: (start, end) in samples, in order."""
        ...

    def language_of(self, island: Island) -> tuple[str, float]:
        """Tell the language of an island, and how probable it is."""
        ...

    def decode(self, island: Island, language: str, options: Options) -> Iterator[Segment]:
        """Decode one island into segments in the input's own time."""
        ...


def transcribe(engine: Engine, audio: Audio, info: Info) -> Transcript:
    """Decode one input by the options of its provenance; segments come as they are decoded.

    The language is settled, from the first speech, before this returns. Raises ConfigError where
    the model can't do what the options ask, AudioError where the input can't be read.
    """
    options = info.provenance.options
    check_language(options, multilingual=engine.multilingual)
    found = islands(audio.blocks(), engine.find_speech if options.vad else None)
    first = next(found, None)
    language, probability = options.language, 1.0
    if not engine.multilingual:
        language = "en"
    elif language is None and first is not None:
        language, probability = engine.language_of(first)
    known = replace(
        info,
        language=language,
        language_probability=probability if language else 0.0,
        duration=audio.duration,
    )
    if first is None or language is None:
        return Transcript(known, iter(()), lambda: audio.position)
    return _decoding(engine, known, language, itertools.chain([first], found), audio)


def check_language(options: Options, *, multilingual: bool) -> None:
    """Raise ConfigError where an English-only model is asked for another language."""
    if multilingual:
        return
    hint = "a multilingual model, such as base or large-v3, knows about 100 languages"
    if options.language not in (None, "en"):
        raise ConfigError(
            f'the model knows English only, and the language is "{options.language}"', hint=hint
        )
    if options.task is Task.TRANSLATE:
        raise ConfigError("the model knows English only: it can't translate", hint=hint)


def _decoding(
    engine: Engine, info: Info, language: str, found: Iterator[Island], audio: Audio
) -> Transcript:
    heard = 0.0
    decoding = True

    def segments() -> Iterator[Segment]:
        nonlocal heard, decoding
        for island in found:
            heard, decoding = max(heard, island.start), True
            for segment in engine.decode(island, language, info.provenance.options):
                heard = max(heard, segment.end)
                yield segment
            decoding = False  # what is read next, until the next island, is silence

    def position() -> float:
        nonlocal heard
        heard = max(heard, 0.0 if decoding else audio.position)
        return heard

    return Transcript(info, segments(), position)
