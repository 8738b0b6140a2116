"""The engine on faster-whisper: the only module that knows it and CTranslate2."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from whisper_cli.choices import ComputeType, Device
from whisper_cli.engine.islands import Island
from whisper_cli.errors import ConfigError, EngineError, ModelError
from whisper_cli.transcript import Options, Segment, Word

FRAMES_PER_SECOND = 100  # of the log-mel spectrogram: a hop of 160 samples at 16 kHz


@dataclass(frozen=True, slots=True)
class Placement:
    """Where and how the model runs, with nothing left to "auto"."""

    device: Device
    compute_type: ComputeType
    threads: int


class FasterWhisper:
    """A loaded model that decodes one island after another with faster-whisper's rules."""

    def __init__(self, folder: Path, placement: Placement) -> None:
        """Load the CTranslate2 model in `folder`; raises ModelError where it is damaged."""
        from faster_whisper import WhisperModel

        self.placement = placement
        try:
            self._model = WhisperModel(
                str(folder),
                device=placement.device.value,
                compute_type=placement.compute_type.value,
                cpu_threads=placement.threads,
                local_files_only=True,
            )
        except ValueError as error:
            raise ConfigError(f"{error}".rstrip(".").lower(), hint="--compute-type auto") from error
        except RuntimeError as error:
            hint = (
                "whisper-cli verify finds damaged files, whisper-cli pull --force MODEL mends them"
            )
            raise ModelError(f"can't load the model in {folder}: {error}", hint=hint) from error

    @property
    def multilingual(self) -> bool:
        """Say whether the model knows more than English."""
        return bool(self._model.model.is_multilingual)

    def find_speech(self, samples: np.ndarray) -> list[tuple[int, int]]:
        """Find speech by Silero: padded (start, end) in samples, pauses under 2 s inside."""
        from faster_whisper.vad import get_speech_timestamps

        return [(int(span["start"]), int(span["end"])) for span in get_speech_timestamps(samples)]

    def language_of(self, island: Island) -> tuple[str, float]:
        """Tell the language of the first 30 s of an island, and how probable it is."""
        if not self.multilingual:
            return "en", 1.0
        language, probability, _ = self._model.detect_language(island.samples)
        return str(language), float(probability)

    def decode(self, island: Island, language: str, options: Options) -> Iterator[Segment]:
        """Decode one island; times are in the input's own seconds, inside the island."""
        segments, _ = self._model.transcribe(
            island.samples,
            language=language,
            task=options.task.value,
            beam_size=options.beam_size,
            temperature=list(options.temperature),
            initial_prompt=options.initial_prompt,
            hotwords=options.hotwords,
            word_timestamps=options.word_timestamps,
        )
        try:
            for segment in segments:
                moved = _segment(segment, island)
                if moved.text.strip() and moved.start < island.end:
                    yield moved
        except RuntimeError as error:
            raise EngineError(f"the engine failed: {error}", hint="--device cpu") from error


def place(device: Device, compute_type: ComputeType, threads: int) -> Placement:
    """Settle what "auto" means on this machine: a GPU where CTranslate2 sees one, else the CPU."""
    from ctranslate2 import get_cuda_device_count

    seen = get_cuda_device_count() > 0
    if device is Device.cuda and not seen:
        raise ConfigError("no CUDA device is visible here", hint="--device cpu, or auto")
    if device is Device.auto:
        device = Device.cuda if seen else Device.cpu
    if compute_type is ComputeType.auto:
        compute_type = ComputeType.float16 if device is Device.cuda else ComputeType.int8
    return Placement(device, compute_type, threads or _cpus())


def _cpus() -> int:
    """Count the processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _segment(found: Any, island: Island) -> Segment:
    """Move a segment to the input's own time, no part of it outside the island."""

    def at(seconds: float) -> float:
        return min(max(island.start + float(seconds), island.start), island.end)

    words = tuple(
        Word(word.word, at(word.start), at(word.end), float(word.probability))
        for word in found.words or ()
    )
    return Segment(
        start=at(found.start),
        end=at(found.end),
        text=found.text,
        avg_logprob=float(found.avg_logprob),
        no_speech_prob=float(found.no_speech_prob),
        compression_ratio=float(found.compression_ratio),
        temperature=float(found.temperature or 0.0),
        words=words,
        seek=round(island.start * FRAMES_PER_SECOND) + int(found.seek),
        tokens=tuple(found.tokens),
    )
