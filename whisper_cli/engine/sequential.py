"""The exact engine: faster-whisper's own sequential algorithm, one input after the other."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any, Protocol

import numpy as np

from whisper_cli.choices import Mode
from whisper_cli.decisions import about, debugging
from whisper_cli.engine.chunking import Chunk, chunking_options, chunks_of
from whisper_cli.engine.coverage import Coverage
from whisper_cli.engine.events import (
    DecodeProgress,
    Event,
    Input,
    InputFailed,
    InputFinished,
    InputStarted,
    Recording,
    SegmentDecoded,
    finished,
)
from whisper_cli.engine.model import WhisperEngineModel, tell_languages
from whisper_cli.engine.result import FRAMES_PER_SECOND
from whisper_cli.engine.skips import SkipObserver
from whisper_cli.engine.vad import VadOptions, find_speech, vad_options
from whisper_cli.errors import ConfigError, EngineError, ModelError, failure_of
from whisper_cli.transcript import (
    DecodingOptions,
    Dropped,
    DropReason,
    Segment,
    Word,
    check_language,
)


class ChunkDecoder(Protocol):
    """What decodes chunks; `SequentialDecoder` is the real one, tests pass fakes."""

    @property
    def multilingual(self) -> bool:
        """Say whether the model knows more than English."""
        ...

    def find_speech(self, samples: np.ndarray, options: VadOptions) -> list[tuple[int, int]]:
        """Find speech in 16 kHz samples: (start, end) in samples, in order."""
        ...

    def language_of(self, chunk: Chunk, candidates: tuple[str, ...]) -> tuple[str, float]:
        """Tell the language of a chunk, and how probable it is."""
        ...

    def decode(
        self, chunk: Chunk, language: str, options: DecodingOptions
    ) -> Iterator[Segment | Dropped]:
        """Decode one chunk into segments, and what is left out, in the input's own time."""
        ...


class SequentialEngine:
    """An Engine that decodes one chunk after the other."""

    def __init__(self, load: Callable[[], ChunkDecoder]) -> None:
        self._load = load

    def run(self, inputs: Iterator[Input]) -> Iterator[Event]:
        """Decode inputs in order."""
        for source in inputs:
            try:
                recording = source.open()
                if recording is None:
                    yield InputFinished(source, None)
                    continue
                with recording.audio:
                    yield from self._decode(source, recording)
            except (ConfigError, ModelError):
                raise
            except Exception as error:  # noqa: BLE001 - it is this input's failure
                yield InputFailed(source, failure_of(error, source.name))

    def _decode(self, source: Input, recording: Recording) -> Iterator[Event]:
        about(source.name)
        decoder, options = self._load(), recording.info.provenance.options
        check_language(options, multilingual=decoder.multilingual)
        info = replace(recording.info, duration=recording.audio.duration)
        started, coverage = recording.since is not None, Coverage()
        if recording.since is not None:
            coverage = Coverage.since(recording.since)
            yield InputStarted(source, info)
        for chunk in _chunks(decoder, recording, options):
            if not source.needed:
                break
            if not started:
                language, probability = _language(decoder, chunk, options)
                info = replace(info, language=language, language_probability=probability)
                started = True
                yield InputStarted(source, info)
            dropped: list[Dropped] = []
            for reported in decoder.decode(chunk, info.language or "en", options):
                if isinstance(reported, Dropped):
                    dropped.append(reported)
                    continue
                coverage.add_text(reported.end)
                yield SegmentDecoded(source, reported)
                yield DecodeProgress(source, reported.end)
            coverage.add_speech(chunk)
            info = replace(info, dropped=(*info.dropped, *dropped))
            yield DecodeProgress(source, chunk.end, coverage.mark(chunk), tuple(dropped))
        if not started:
            known = options.language if decoder.multilingual else "en"
            info = replace(info, language=known, language_probability=float(known is not None))
            yield InputStarted(source, info)
        end = finished(recording)
        warnings = (*info.warnings, *coverage.warnings())
        info = replace(info, duration=end.duration, provenance=end.provenance, warnings=warnings)
        yield InputFinished(source, info)


def _chunks(
    decoder: ChunkDecoder, recording: Recording, options: DecodingOptions
) -> Iterator[Chunk]:
    """Cut at long pauses; without speech detection all is one, as faster-whisper has it."""
    blocks = recording.audio.blocks()
    if options.vad:
        since = recording.since.next if recording.since else None
        exact_options = replace(options, mode=Mode.exact)  # this engine has no other
        detect = partial(decoder.find_speech, options=vad_options(exact_options))
        yield from chunks_of(blocks, detect, chunking_options(exact_options), since)
        return
    parts: list[np.ndarray] = []
    start = end = 0.0
    for block in blocks:
        if not parts:
            start = end = block.start
        gap = max(0, round((block.start - end) * 16_000))
        parts += [np.zeros(gap, np.float32), block.samples]
        end = block.end
    if parts:
        yield Chunk(start, np.concatenate(parts))


def _language(decoder: ChunkDecoder, chunk: Chunk, options: DecodingOptions) -> tuple[str, float]:
    if not decoder.multilingual:
        return "en", 1.0
    if options.language is not None:
        return options.language, 1.0
    return decoder.language_of(chunk, options.language_candidates)


class SequentialDecoder:
    """Decodes one chunk after another with faster-whisper's rules, previous text and all."""

    def __init__(self, model: WhisperEngineModel) -> None:
        from tqdm.std import tqdm

        # Its own lock is one of processes, missed aloud where a process just ends.
        tqdm.set_lock(threading.RLock())
        self._model = model
        self._skips = SkipObserver(model.whisper)

    @property
    def multilingual(self) -> bool:
        """Say whether the model knows more than English."""
        return self._model.multilingual

    def find_speech(self, samples: np.ndarray, options: VadOptions) -> list[tuple[int, int]]:
        """Find speech in 16 kHz samples: (start, end) in samples, in order."""
        return find_speech(samples, options)

    def language_of(self, chunk: Chunk, candidates: tuple[str, ...] = ()) -> tuple[str, float]:
        """Tell the language of the first 30 s of a chunk, and how probable it is."""
        if not candidates:
            language, probability, all_of_them = self._model.whisper.detect_language(chunk.samples)
            if debugging():
                tell_languages(all_of_them)
            return str(language), float(probability)
        encoded = self._model.encode(self._model.features(chunk.samples, 3000)[None])
        return self._model.language_in(encoded, candidates)

    def decode(
        self, chunk: Chunk, language: str, options: DecodingOptions
    ) -> Iterator[Segment | Dropped]:
        """Decode one chunk; times are in the input's own seconds, inside the chunk."""
        self._skips.begin(chunk)
        segments, _ = self._model.whisper.transcribe(
            chunk.samples,
            language=language,
            task=options.task.value,
            beam_size=options.beam_size,
            temperature=list(options.temperature),
            compression_ratio_threshold=options.compression_ratio_threshold,
            log_prob_threshold=options.log_prob_threshold,
            no_speech_threshold=options.no_speech_threshold,
            suppress_tokens=list(options.suppress_tokens),
            initial_prompt=options.initial_prompt,
            hotwords=options.hotwords,
            word_timestamps=options.word_timestamps,
            multilingual=options.multilingual,
        )
        try:
            for segment in segments:
                moved = _segment(segment, chunk)
                yield from self._skips.taken()
                if moved.text.strip() and moved.start < chunk.end:
                    yield moved
                elif moved.text.strip():
                    yield Dropped(moved.start, moved.end, moved.text, DropReason.no_time)
            yield from self._skips.taken(all_of_it=True)
        except RuntimeError as error:
            raise EngineError(f"the engine failed: {error}", hint="--device cpu") from error


def _segment(found: Any, chunk: Chunk) -> Segment:
    """Move a segment to the input's own time, no part of it outside the chunk."""

    def at(seconds: float) -> float:
        return min(max(chunk.start + float(seconds), chunk.start), chunk.end)

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
        seek=round(chunk.start * FRAMES_PER_SECOND) + int(found.seek),
        tokens=tuple(found.tokens),
    )
