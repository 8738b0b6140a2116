"""A model on faster-whisper and CTranslate2, loaded from its folder."""

import logging
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from threading import Lock, Semaphore
from typing import TYPE_CHECKING, Any

import numpy as np

from whisper_cli.audio.blocks import SAMPLE_RATE
from whisper_cli.choices import Device, Task
from whisper_cli.decisions import debugging, log_event
from whisper_cli.engine.device import ResolvedDevice, on_cpu
from whisper_cli.engine.memory import release_memory
from whisper_cli.engine.result import FRAMES_PER_SECOND, DecodingResult, LanguageTokens, TimedWord
from whisper_cli.errors import ConfigError, ModelError
from whisper_cli.transcript import DecodingOptions, Word

if TYPE_CHECKING:
    from faster_whisper import WhisperModel
    from faster_whisper.transcribe import TranscriptionOptions


class MelFilters:
    """Filters (mels, frequencies) that multiply a spectrogram (frequencies, frames) in one thread.

    With more of them (OPENBLAS_NUM_THREADS) BLAS adds up in another order, and the last bits of
    the features do decide on words. Their number is the process's: one product is made at a time.
    """

    _turn = Lock()

    def __init__(self, filters: np.ndarray) -> None:
        from threadpoolctl import ThreadpoolController

        controller: Any = ThreadpoolController  # it has no types
        self._filters = filters
        self._blas = controller().select(user_api="blas")

    def __matmul__(self, spectrogram: np.ndarray) -> np.ndarray:
        with self._turn, self._blas.limit(limits=1):
            product: np.ndarray = self._filters @ spectrogram
        return product


def load_weights(folder: Path, device_plan: ResolvedDevice) -> "WhisperModel":
    """Load a CTranslate2 model; raises ValueError and RuntimeError, see `refused`."""
    from faster_whisper import WhisperModel

    gpus = list(range(device_plan.workers)) if device_plan.device is Device.cuda else 0
    model = WhisperModel(
        str(folder),
        device=device_plan.device.value,
        device_index=gpus,
        compute_type=device_plan.compute_type.value,
        cpu_threads=device_plan.threads,
        num_workers=1 if device_plan.device is Device.cuda else device_plan.workers,
        local_files_only=True,
    )
    model.feature_extractor.mel_filters = MelFilters(model.feature_extractor.mel_filters)
    return model


def load_error(folder: Path, error: Exception) -> ConfigError | ModelError:
    """Say what is wrong where a model couldn't be loaded."""
    if isinstance(error, ValueError):
        return ConfigError(f"{error}".rstrip(".").lower(), hint="--compute-type auto")
    hint = "whisper-cli verify finds damaged files, whisper-cli pull --force MODEL mends them"
    return ModelError(f"can't load the model in {folder}: {error}", hint=hint)


logger = logging.getLogger("whisper_cli")

FULL_WINDOW = 3000  # frames that Whisper was trained on
WORKERS_A_FULL_WINDOW = 4  # it takes 50 MB and more (tiny): not all workers encode one at once
HOP = SAMPLE_RATE // FRAMES_PER_SECOND
SILENT = 8  # frames that are computed of the silence after a sound: the others are like the last
BEST_OF = 5  # candidates when sampling, Whisper's own
# Punctuation that joins a word: the defaults of faster-whisper.
PREPENDED, APPENDED = "\"'“¿([{-", "\"'.。,，!！?？:：”)]}、"  # noqa: RUF001


class WhisperEngineModel:
    """A loaded model: features, encoding, decoding and alignment of windows.

    Every method may be called from several threads at once; `placement.workers` of them run.
    `dimensions` are those of the encoder's output.
    """

    def __init__(self, folder: Path, device_plan: ResolvedDevice) -> None:
        """Load the CTranslate2 model in `folder`; raises ModelError where it is damaged."""
        self.device_plan = device_plan
        try:
            # Its own types are wrong for batches.
            self.whisper: Any = load_weights(folder, device_plan)
            self.dimensions = self._encoder_dimensions()  # on a GPU, its libraries load now
        except (ValueError, RuntimeError) as error:
            if not device_plan.fallback:
                raise load_error(folder, error) from error
            logger.warning(
                "the GPU can't be used: %s; the CPU does the work, which --device cpu asks for",
                error,
            )
            self.device_plan = on_cpu(device_plan.threads)
            self.whisper = load_weights(folder, self.device_plan)
            self.dimensions = self._encoder_dimensions()
        self._full = Semaphore(max(1, self.device_plan.workers // WORKERS_A_FULL_WINDOW))
        self._language_tokens: dict[tuple[str, Task], LanguageTokens] = {}

    @property
    def multilingual(self) -> bool:
        """Say whether the model knows more than English."""
        return bool(self.whisper.model.is_multilingual)

    def _encoder_dimensions(self) -> int:
        silence = np.zeros((1, int(self.whisper.model.n_mels), 50), np.float32)
        return int(self.encode(silence).shape[-1])

    def language_tokens(self, language: str, task: Task) -> LanguageTokens:
        """Prepare a language for this model."""
        from faster_whisper.tokenizer import Tokenizer

        known = self._language_tokens.get((language, task))
        if known is None:
            tokenizer = Tokenizer(
                self.whisper.hf_tokenizer, self.multilingual, task=task.value, language=language
            )
            known = LanguageTokens(
                language,
                tokenizer,
                tuple(tokenizer.sot_sequence),
                int(tokenizer.timestamp_begin),
                int(tokenizer.eot),
            )
            self._language_tokens[language, task] = known
        return known

    def features(self, samples: np.ndarray, frames: int) -> np.ndarray:
        """Compute the log-mel spectrogram (mels, frames) of samples (n,) and silence after them."""
        length = min(frames, len(samples) // HOP + SILENT)
        sound = np.zeros(length * HOP, np.float32)
        count = min(len(samples), len(sound))
        sound[:count] = samples[:count]
        found = np.asarray(self.whisper.feature_extractor(sound, padding=0))[:, :length]
        return np.pad(found, ((0, 0), (0, frames - length)), mode="edge")

    def encode(self, features: np.ndarray) -> np.ndarray:
        """Encode features (batch, mels, frames) into (batch, frames / 2, dimensions)."""
        from ctranslate2 import StorageView

        view = StorageView.from_array(np.ascontiguousarray(features))
        if features.shape[-1] < FULL_WINDOW or self.device_plan.device is not Device.cpu:
            return np.asarray(self.whisper.model.encode(view, to_cpu=True))
        with self._full:
            release_memory()
            return np.asarray(self.whisper.model.encode(view, to_cpu=True))

    def language_in(self, encoded: np.ndarray, candidates: Sequence[str] = ()) -> tuple[str, float]:
        """Return an encoded window's language and its probability among `candidates` or all."""
        from ctranslate2 import StorageView

        [probabilities] = self.whisper.model.detect_language(StorageView.from_array(encoded))
        found = [(token[2:-2], float(probability)) for token, probability in probabilities]
        chosen = [item for item in found if item[0] in candidates] if candidates else found
        if not chosen:
            known = ", ".join(candidates)
            raise ConfigError(f"the model knows none of these languages: {known}")
        total = sum(probability for _, probability in chosen) if candidates else 1.0
        if debugging():
            tell_languages(chosen)
        language, probability = max(chosen, key=lambda item: item[1])
        return language, probability / total if total > 0 else 0.0

    def generate(
        self,
        encoded: np.ndarray,
        window_tokens: Sequence[LanguageTokens],
        options: DecodingOptions,
        limits: Sequence[int],
    ) -> list[DecodingResult]:
        """Decode encoded windows (batch, n, dimensions) together, in so many tokens each.

        At the first of the temperatures; see `generate_with_fallback` for the others. A draft of
        more tokens isn't finished.
        """
        from ctranslate2 import StorageView

        prompts = [self._prompt(language_tokens, options) for language_tokens in window_tokens]
        known = len(prompts[0])
        maximum = self._maximum(max(limits), known)
        temperature = options.temperature[0]
        sampling = {"beam_size": options.beam_size}
        if temperature > 0:
            sampling = {"beam_size": 1, "num_hypotheses": BEST_OF, "sampling_topk": 0}
        results = self.whisper.model.generate(
            StorageView.from_array(encoded),
            prompts,
            max_length=_room(maximum, known),
            return_scores=True,
            return_no_speech_prob=True,
            suppress_tokens=self._suppressed(window_tokens[0], options),
            sampling_temperature=temperature or 1.0,
            max_initial_timestamp_index=50,
            **sampling,
        )
        return [
            _decoding(result, language_tokens, temperature, min(limit, maximum))
            for result, language_tokens, limit in zip(results, window_tokens, limits, strict=True)
        ]

    def generate_with_fallback(
        self,
        encoded: np.ndarray,
        language_tokens: LanguageTokens,
        options: DecodingOptions,
        limit: int | None = None,
    ) -> DecodingResult:
        """Decode one full window by faster-whisper's ladder of temperatures.

        Each time in `limit` tokens, where that is given: a draft of more isn't finished.
        """
        from ctranslate2 import StorageView

        prompt = self._prompt(language_tokens, options)
        known = len(prompt)
        maximum = None if limit is None else self._maximum(limit, known)
        result, avg_logprob, temperature, ratio = self.whisper.generate_with_fallback(
            StorageView.from_array(encoded),
            prompt,
            language_tokens.tokenizer,
            self._options(
                language_tokens, options, None if maximum is None else _room(maximum, known) - known
            ),
        )
        tokens = tuple(result.sequences_ids[0])
        if debugging():
            _tell_fallback(options, temperature, avg_logprob, ratio)
        return DecodingResult(
            tokens,
            language_tokens.text(tokens),
            float(avg_logprob),
            float(result.no_speech_prob),
            float(ratio),
            float(temperature),
            finished=maximum is None or len(tokens) < maximum,
        )

    def align(
        self,
        encoded: np.ndarray,
        language_tokens: LanguageTokens,
        sequences: Sequence[Sequence[int]],
        frames: Sequence[int],
    ) -> list[list[TimedWord]]:
        """Time the words of encoded windows (batch, n, dimensions), from the windows' starts.

        `sequences` are text tokens, `frames` say how much of each window is sound.
        """
        from ctranslate2 import StorageView
        from faster_whisper.transcribe import merge_punctuations

        aligned = self.whisper.find_alignment(
            language_tokens.tokenizer,
            [list(text) for text in sequences],
            StorageView.from_array(encoded),
            list(frames),
        )
        merge: Any = merge_punctuations
        words = []
        for timed in aligned:
            merge(timed, PREPENDED, APPENDED)
            words.append([_timed(item) for item in timed if item["word"]])
        return words

    def _prompt(self, language_tokens: LanguageTokens, options: DecodingOptions) -> list[int]:
        before: list[int] = []
        if options.initial_prompt:
            before = language_tokens.tokenizer.encode(" " + options.initial_prompt.strip())
        if before and options.hotwords:  # half of the tokens are for the text
            hotwords = language_tokens.tokenizer.encode(" " + options.hotwords.strip())
            room = self.whisper.max_length // 2 - 1 - len(hotwords)
            before = before[-room:] if room > 0 else []
        prompt: list[int] = self.whisper.get_prompt(
            language_tokens.tokenizer, before, hotwords=options.hotwords
        )
        return prompt

    def _maximum(self, limit: int, known: int) -> int:
        """Say how many tokens a text may have after a prompt of `known` ones."""
        maximum: int = self.whisper.max_length
        return min(limit, maximum // 2, maximum - known)

    def _suppressed(self, language_tokens: LanguageTokens, options: DecodingOptions) -> list[int]:
        from faster_whisper.transcribe import get_suppressed_tokens

        suppressed: Any = get_suppressed_tokens
        return list(suppressed(language_tokens.tokenizer, list(options.suppress_tokens)))

    def _options(
        self, language_tokens: LanguageTokens, options: DecodingOptions, maximum: int | None
    ) -> "TranscriptionOptions":
        """Say in faster-whisper's words what is asked for, of at most so many tokens."""
        from faster_whisper.transcribe import TranscriptionOptions

        return TranscriptionOptions(
            beam_size=options.beam_size,
            best_of=BEST_OF,
            patience=1,
            length_penalty=1,
            repetition_penalty=1,
            no_repeat_ngram_size=0,
            log_prob_threshold=options.log_prob_threshold,
            no_speech_threshold=options.no_speech_threshold,
            compression_ratio_threshold=options.compression_ratio_threshold,
            condition_on_previous_text=False,
            prompt_reset_on_temperature=0.5,
            temperatures=list(options.temperature),
            initial_prompt=None,
            prefix=None,
            suppress_blank=True,
            suppress_tokens=self._suppressed(language_tokens, options),
            without_timestamps=False,
            max_initial_timestamp=1.0,
            word_timestamps=False,
            prepend_punctuations=PREPENDED,
            append_punctuations=APPENDED,
            multilingual=False,
            max_new_tokens=maximum,
            clip_timestamps="0",
            hallucination_silence_threshold=None,
            hotwords=None,
        )


def tell_languages(found: Sequence[tuple[str, float]]) -> None:
    """Log the most probable of the languages that a model told."""
    best = dict(sorted(found, key=lambda item: -item[1])[:5])
    shown = ", ".join(f"{language} {probability:.2f}" for language, probability in best.items())
    log_event("languages", "languages by probability: {shown}", shown=shown, probabilities=best)


def _tell_fallback(
    options: DecodingOptions, temperature: float, avg_logprob: float, ratio: float
) -> None:
    tried = [item for item in options.temperature if item <= temperature]
    log_event(
        "fallback",
        "a full window took {temperatures} of the temperatures: average log-probability "
        "{avg_logprob:.2f} (limit {log_prob_threshold}), compression ratio "
        "{compression_ratio:.2f} (limit {compression_ratio_threshold})",
        temperatures=tried,
        avg_logprob=float(avg_logprob),
        log_prob_threshold=options.log_prob_threshold,
        compression_ratio=float(ratio),
        compression_ratio_threshold=options.compression_ratio_threshold,
    )


def resolve_model(
    folder: Path, device_plan: ResolvedDevice
) -> tuple[ResolvedDevice, Callable[[], WhisperEngineModel]]:
    """Settle where a model runs, and how to load it once.

    Where a GPU may be left for the CPU it is loaded now, since only that tells.
    """
    model = cache(lambda: WhisperEngineModel(folder, device_plan))
    return (model().device_plan if device_plan.fallback else device_plan), model


def _room(maximum: int, known: int) -> int:
    """Give the `max_length` of so many tokens: CTranslate2 lets the text have half of it."""
    return max(2 * maximum, known + maximum)


def _decoding(
    result: Any, language_tokens: LanguageTokens, temperature: float, limit: int
) -> DecodingResult:
    from faster_whisper.transcribe import get_compression_ratio

    tokens = tuple(result.sequences_ids[0])
    text = language_tokens.text(tokens)
    return DecodingResult(
        tokens,
        text,
        float(result.scores[0]) * len(tokens) / (len(tokens) + 1),
        float(result.no_speech_prob),
        float(get_compression_ratio(text.strip() or " ")),
        temperature,
        finished=len(tokens) < limit,
    )


def _timed(found: Any) -> TimedWord:
    word = Word(
        found["word"], float(found["start"]), float(found["end"]), float(found["probability"])
    )
    return TimedWord(word, tuple(found["tokens"]))
