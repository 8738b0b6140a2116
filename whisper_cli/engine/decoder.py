"""Windows to segments in batches: short windows, guarded, on CTranslate2's own calls."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from whisper_cli.choices import Device
from whisper_cli.decisions import about, debugging, log_event
from whisper_cli.engine.chunking import Chunk
from whisper_cli.engine.model import FULL_WINDOW, WhisperEngineModel
from whisper_cli.engine.quality import REPEATED, QualityChecks
from whisper_cli.engine.result import FRAMES_PER_SECOND, DecodingResult, LanguageTokens
from whisper_cli.engine.segments import LONGEST_CUE, WindowResult
from whisper_cli.transcript import (
    DecodingOptions,
    Dropped,
    DropReason,
    Redecoded,
    RedecodeReason,
    Segment,
)

MIN_PROGRESS = 1.0  # seconds of a window that a decoding has to cover to go on after it
MIN_PROBABILITY = 0.5  # a language less probable than this is asked for again, of the full window
ALIGNED = 128  # tokens at once on a CPU: each takes 0.2 MB, a float for every token there is


@dataclass(frozen=True, slots=True)
class WindowTask:
    """A window to decode; its language is None where it is to be told from the window.

    `options` are those of its input, which in a standing engine differ from one to the next.
    """

    chunk: Chunk
    language: str | None = None
    options: DecodingOptions = field(default_factory=DecodingOptions)


@dataclass(frozen=True, slots=True)
class DecodedWindow:
    """What a window held, in the input's own time, and the language it was told to be in.

    `without_prompt`: the prompt was given up for it, or for a part of it.
    """

    segments: tuple[Segment, ...]
    language: str
    probability: float
    dropped: tuple[Dropped, ...] = ()
    problem: str | None = None
    without_prompt: bool = False
    redecoded: tuple[Redecoded, ...] = ()


class Decoder:
    """Decodes batches of windows of one length; may be called from several threads at once."""

    def __init__(
        self,
        model: WhisperEngineModel,
        options: DecodingOptions,
        quality_checks: QualityChecks | None = None,
    ) -> None:
        self._model = model
        self._options = options
        self._quality_checks = quality_checks or QualityChecks()
        self._on_gpu = model.device_plan.device is Device.cuda

    @property
    def multilingual(self) -> bool:
        """Say whether the model knows more than English."""
        return self._model.multilingual

    def decode(self, tasks: Sequence[WindowTask]) -> list[DecodedWindow]:
        """Decode windows of one length; raises RuntimeError where CTranslate2 fails."""
        frames = self._quality_checks.frames(tasks[0].chunk)
        encoded = self._encode([task.chunk.samples for task in tasks], frames)
        languages = [self._language(task, item) for task, item in zip(tasks, encoded, strict=True)]
        window_tokens = [
            self._model.language_tokens(language, self._options.task) for language, _ in languages
        ]
        chunks = [task.chunk for task in tasks]
        decodings = self._decodings(np.concatenate(encoded), window_tokens, chunks, self._options)
        problems: list[RedecodeReason | None] = []
        decoded: list[list[WindowResult]] = []
        for task, language_tokens, (decoding, options), item in zip(
            tasks, window_tokens, decodings, encoded, strict=True
        ):
            first = WindowResult(task.chunk, language_tokens, decoding, frames, item, options)
            problems.append(self._problem(decoding, task.chunk, language_tokens, options))
            decoded.append(list(self._accepted(first, problems[-1])))
        self._align([item for windows in decoded for item in windows])
        return [
            self._decoded(windows, language, probability, problem)
            for windows, (language, probability), problem in zip(
                decoded, languages, problems, strict=True
            )
        ]

    def _encode(self, sounds: Sequence[np.ndarray], frames: int) -> list[np.ndarray]:
        """Encode sounds, padded with silence to `frames`: an array (1, frames / 2, n) each.

        One by one on a CPU, where a batch is slower; all at once on a GPU. CTranslate2 takes
        features for encoder output where there are as many frames as the model has dimensions.
        """
        frames += 2 * (frames == self._model.dimensions)
        features = [self._model.features(sound, frames) for sound in sounds]
        if self._on_gpu:
            return np.split(self._model.encode(np.stack(features)), len(features))
        return [self._model.encode(item[None]) for item in features]

    def _language(self, task: WindowTask, encoded: np.ndarray) -> tuple[str, float]:
        if not self.multilingual:
            return "en", 1.0
        if task.language is not None and not self._options.multilingual:
            return task.language, 1.0
        about(task.chunk.source)
        candidates = self._options.language_candidates
        found = self._model.language_in(encoded, candidates)
        if found[1] < MIN_PROBABILITY:
            whole = self._encode([task.chunk.samples], FULL_WINDOW)[0]
            found = max(found, self._model.language_in(whole, candidates), key=lambda f: f[1])
        log_event(
            "language",
            "{start:.2f} to {end:.2f} s: the language is {language}, {probability:.2f} "
            "(below {limit} the full window is asked, too)",
            start=task.chunk.start,
            end=task.chunk.end,
            language=found[0],
            probability=found[1],
            limit=MIN_PROBABILITY,
        )
        return found

    def _decodings(
        self,
        encoded: np.ndarray,
        window_tokens: Sequence[LanguageTokens],
        decoded: Sequence[Chunk],
        options: DecodingOptions,
    ) -> list[tuple[DecodingResult, DecodingOptions]]:
        """Decode encoded windows; where a prompt leads one astray, at once without it.

        Gives the options, too, that each was decoded with.
        """
        decodings = self._beam_search(encoded, window_tokens, decoded, options)
        found = [(decoding, options) for decoding in decodings]
        failed = [
            number
            for number, (decoding, language_tokens, chunk) in enumerate(
                zip(decodings, window_tokens, decoded, strict=True)
            )
            if self._needs_full_window(decoding, chunk, language_tokens, options)
        ]
        if failed:
            plain = _without_prompt(options)
            arguments = (
                [window_tokens[number] for number in failed],
                [decoded[number] for number in failed],
            )
            for number, decoding in zip(
                failed, self._beam_search(encoded[failed], *arguments, plain), strict=True
            ):
                before = self._rejected(
                    found[number][0], decoded[number], window_tokens[number], options
                )
                found[number] = _with_previous(decoding, before), plain
        return found

    def _beam_search(
        self,
        encoded: np.ndarray,
        window_tokens: Sequence[LanguageTokens],
        decoded: Sequence[Chunk],
        options: DecodingOptions,
    ) -> list[DecodingResult]:
        """Decode encoded windows greedily, and by beam search those where that isn't sure.

        Where Whisper is sure, beam search finds the same words at twice the cost; where a prompt
        leads astray, it would go there too.
        """
        limits = [self._quality_checks.limit(item.length) for item in decoded]
        if options.beam_size == 1 or options.temperature[0] > 0:
            return self._model.generate(encoded, window_tokens, options, limits)
        greedy = replace(options, beam_size=1)
        decodings = self._model.generate(encoded, window_tokens, greedy, limits)
        retried = [
            number
            for number, (decoding, language_tokens, chunk) in enumerate(
                zip(decodings, window_tokens, decoded, strict=True)
            )
            if self._needs_retry(decoding, chunk, language_tokens, options)
        ]
        if retried:
            chosen = [window_tokens[number] for number in retried]
            arguments = [limits[number] for number in retried]
            found = self._model.generate(encoded[retried], chosen, options, arguments)
            for number, decoding in zip(retried, found, strict=True):
                before = self._rejected(
                    decodings[number], decoded[number], window_tokens[number], options
                )
                decodings[number] = _with_previous(decoding, before)
        return decodings

    def _needs_retry(
        self,
        decoding: DecodingResult,
        chunk: Chunk,
        language_tokens: LanguageTokens,
        options: DecodingOptions,
    ) -> bool:
        """Say whether beam search may find what a greedy decoding did not."""
        if self._needs_full_window(decoding, chunk, language_tokens, options):
            return False
        retried = decoding.avg_logprob < self._quality_checks.min_logprob
        retried = retried or self._problem(decoding, chunk, language_tokens, options) is not None
        log_event(
            "search",
            "{start:.2f} to {end:.2f} s: {search}, the average log-probability of the greedy text "
            "is {measured:.2f} (limit {limit})",
            source=chunk.source,
            start=chunk.start,
            end=chunk.end,
            search=f"beam search with {options.beam_size} beams" if retried else "greedy",
            measured=decoding.avg_logprob,
            limit=self._quality_checks.min_logprob,
        )
        return retried

    def _needs_full_window(
        self,
        decoding: DecodingResult,
        chunk: Chunk,
        language_tokens: LanguageTokens,
        options: DecodingOptions,
    ) -> bool:
        """Say whether a prompt led astray: the text goes on and on, or is only the prompt."""
        if not _has_prompt(options):
            return False
        problem = self._problem(decoding, chunk, language_tokens, options)
        return problem in REPEATED or _is_prompt(decoding.text, options)

    def _problem(
        self,
        decoding: DecodingResult,
        chunk: Chunk,
        language_tokens: LanguageTokens,
        options: DecodingOptions,
    ) -> RedecodeReason | None:
        if self._silent(decoding):
            return None
        reason = self._quality_checks.problem(
            decoding, chunk, options, language_tokens.first_timestamp, language_tokens.eot
        )
        return reason or (RedecodeReason.prompt if _is_prompt(decoding.text, options) else None)

    def _rejected(
        self,
        decoding: DecodingResult,
        chunk: Chunk,
        language_tokens: LanguageTokens,
        options: DecodingOptions,
    ) -> tuple[Redecoded, ...]:
        """Describe what is rejected of a chunk, after what was rejected before it."""
        reason = self._problem(decoding, chunk, language_tokens, options)
        if reason is None and _is_prompt(decoding.text, options):
            reason = RedecodeReason.prompt  # said in what would pass as silence
        if reason is None:  # a beam search looks for better words than good ones
            return decoding.previous
        if debugging():
            self._log_reason(decoding, chunk, language_tokens, options, reason)
        return (*decoding.previous, _redecoded(chunk, reason, decoding.text))

    def _log_reason(
        self,
        decoding: DecodingResult,
        chunk: Chunk,
        language_tokens: LanguageTokens,
        options: DecodingOptions,
        reason: RedecodeReason,
    ) -> None:
        """Log what a check measured; a text is the prompt or it isn't, which has no measure."""
        if reason is RedecodeReason.prompt:
            _tell_rejected(chunk, decoding.text, reason, 1, 0)
        for check in self._quality_checks.checks(
            decoding, chunk, options, language_tokens.first_timestamp, language_tokens.eot
        ):
            if check.reason == reason:
                _tell_rejected(chunk, decoding.text, reason, check.measured, check.limit)

    def _silent(self, decoding: DecodingResult) -> bool:
        """Say whether Whisper's own rule takes the window for silence."""
        return (
            decoding.no_speech_prob > self._options.no_speech_threshold
            and decoding.avg_logprob < self._options.log_prob_threshold
        )

    def _accepted(
        self, first: WindowResult, problem: RedecodeReason | None
    ) -> Iterator[WindowResult]:
        """Give what can be believed of a window.

        That is its short decoding, with what that left out decoded after it; or the full window's.
        """
        offset, chunk, language_tokens = 0.0, first.chunk, first.language_tokens
        decoded, options = first, first.options
        rest = chunk
        while problem == RedecodeReason.missing_text and decoded.reached > MIN_PROGRESS:
            yield decoded
            offset += decoded.reached
            rest = chunk.after(offset)
            frames = self._quality_checks.frames(rest)
            [encoded] = self._encode([rest.samples], frames)
            [(decoding, options)] = self._decodings(encoded, [language_tokens], [rest], options)
            decoding = _with_previous(decoding, (_rest(rest),))
            decoded = WindowResult(
                chunk, language_tokens, decoding, frames, encoded, options, offset
            )
            problem = self._problem(decoding, rest, language_tokens, options)
        if problem is None:
            yield decoded
        else:
            before = self._rejected(decoded.decoding, rest, language_tokens, options)
            yield from self._again(chunk, language_tokens, options, offset, before)

    def _again(
        self,
        chunk: Chunk,
        language_tokens: LanguageTokens,
        options: DecodingOptions,
        offset: float,
        before: tuple[Redecoded, ...],
    ) -> Iterator[WindowResult]:
        """Decode a window in full as Whisper does, with the ladder of temperatures.

        And once more from where the text ended, until all of it is heard. `before` is what was
        rejected so far.
        """
        while chunk.length - offset > 0.1:
            rest = chunk.after(offset)
            [encoded] = self._encode([rest.samples], FULL_WINDOW)
            decoding, options = self._in_full(encoded, rest, language_tokens, options)
            decoding = _with_previous(decoding, before)
            found = WindowResult(
                chunk, language_tokens, decoding, FULL_WINDOW, encoded, options, offset
            )
            yield found
            if self._silent(decoding) or found.reached < MIN_PROGRESS:
                return
            if not self._quality_checks.has_missing_text(rest, found.reached):
                return
            offset += found.reached
            before = (_rest(chunk.after(offset)),)

    def _in_full(
        self,
        encoded: np.ndarray,
        decoded: Chunk,
        language_tokens: LanguageTokens,
        options: DecodingOptions,
    ) -> tuple[DecodingResult, DecodingOptions]:
        """Decode an encoded full window, and give the options that it was decoded with.

        A long prompt makes each try dear, and may spoil all of them: with one there is a single
        try, of as many tokens as can be believed. The ladder is for what has none.
        """
        before: tuple[Redecoded, ...] = ()
        if _has_prompt(options):
            once, limit = _at_first(options), self._quality_checks.limit(decoded.length)
            decoding = self._model.generate_with_fallback(encoded, language_tokens, once, limit)
            problem = self._problem(decoding, decoded, language_tokens, options)
            low_probability = problem is RedecodeReason.log_probability
            if not low_probability and not self._needs_full_window(
                decoding, decoded, language_tokens, options
            ):
                return decoding, options
            before = self._rejected(decoding, decoded, language_tokens, options)
            options = _without_prompt(options)
        about(decoded.source)
        decoding = self._model.generate_with_fallback(encoded, language_tokens, options)
        return _with_previous(decoding, before), options

    def _align(self, decoded: Sequence[WindowResult]) -> None:
        """Time the words of what needs it: all where they are asked for, else of long cues.

        CTranslate2 aligns together what has one length and one start sequence.
        """
        groups: dict[tuple[int, tuple[int, ...]], list[WindowResult]] = {}
        for item in decoded:
            if self._needs_alignment(item) and not self._silent(item.decoding):
                groups.setdefault((item.frames, item.language_tokens.start), []).append(item)
        for group in groups.values():
            maximum = 1 + max(len(item.text_tokens) for item in group)
            count = len(group) if self._on_gpu else max(1, ALIGNED // maximum)
            for start in range(0, len(group), count):
                self._time(group[start : start + count])

    def _time(self, batch: Sequence[WindowResult]) -> None:
        timed = self._model.align(
            np.concatenate([item.encoded for item in batch]),
            batch[0].language_tokens,
            [item.text_tokens for item in batch],
            [max(2, round(item.length * FRAMES_PER_SECOND)) for item in batch],
        )
        for item, words in zip(batch, timed, strict=True):
            item.words = words

    def _needs_alignment(self, decoded: WindowResult) -> bool:
        if self._options.word_timestamps:
            return bool(decoded.lines)
        return any(line.end - line.start > LONGEST_CUE for line in decoded.lines)

    def _decoded(
        self,
        decoded: Sequence[WindowResult],
        language: str,
        probability: float,
        problem: str | None,
    ) -> DecodedWindow:
        segments: list[Segment] = []
        dropped: list[Dropped] = []
        # Of a moment of doubt nothing is heard.
        reached = decoded[0].chunk.start if decoded else 0.0
        for item in decoded:
            dropped += item.repeats()
            for segment in item.segments(reached, keep_words=self._options.word_timestamps):
                reached = segment.end
                if not segment.text.strip():
                    continue
                item.tell_early(segment)
                if reason := self._reason(segment, item):
                    dropped.append(Dropped(segment.start, segment.end, segment.text, reason))
                else:
                    segments.append(segment)
        without_prompt = any(item.options != self._options for item in decoded)
        return DecodedWindow(
            tuple(segments),
            language,
            probability,
            tuple(dropped),
            problem,
            without_prompt,
            tuple(entry for item in decoded for entry in item.decoding.previous),
        )

    def _reason(self, segment: Segment, decoded: WindowResult) -> DropReason | None:
        """Say why a segment is dropped, None where it isn't."""
        if self._silent(decoded.decoding):
            return DropReason.silence
        return DropReason.phantom if decoded.is_phantom(segment) else None


def _redecoded(chunk: Chunk, reason: RedecodeReason, text: str) -> Redecoded:
    return Redecoded(chunk.start, chunk.end, reason, text)


def _rest(chunk: Chunk) -> Redecoded:
    """Describe that the rest of a chunk, which got no text, is decoded by itself."""
    _tell_rejected(chunk, "", RedecodeReason.missing_text, sum(b - a for a, b in chunk.speech), 0)
    return _redecoded(chunk, RedecodeReason.missing_text, "")


def _with_previous(decoding: DecodingResult, before: tuple[Redecoded, ...]) -> DecodingResult:
    """Say what was rejected before a decoding was made."""
    return replace(decoding, previous=(*before, *decoding.previous)) if before else decoding


def _tell_rejected(
    chunk: Chunk, text: str, reason: RedecodeReason, measured: float, limit: float
) -> None:
    log_event(
        "rejected",
        "{start:.2f} to {end:.2f} s are decoded again: {reason}, {measured:.2f} (limit {limit:.2f})"
        ': "{rejected_text}"',
        source=chunk.source,
        start=chunk.start,
        end=chunk.end,
        reason=str(reason),
        measured=measured,
        limit=limit,
        rejected_text=text.strip(),
    )


def _has_prompt(options: DecodingOptions) -> bool:
    return bool(options.initial_prompt or options.hotwords)


def _at_first(options: DecodingOptions) -> DecodingOptions:
    return replace(options, temperature=options.temperature[:1])


def _without_prompt(options: DecodingOptions) -> DecodingOptions:
    return replace(options, initial_prompt=None, hotwords=None)


def _is_prompt(text: str, options: DecodingOptions) -> bool:
    """Say whether a text is only what the prompt or the hotwords say."""
    prompt = f"{options.initial_prompt or ''} {options.hotwords or ''}"
    words, known = (" ".join(re.findall(r"\w+", item.casefold())) for item in (text, prompt))
    return bool(words) and words in known
