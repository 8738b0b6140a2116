"""Windows to segments in batches: short windows, guarded, on CTranslate2's own calls."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from whisper_cli.choices import Device
from whisper_cli.engine.chunking import Chunk
from whisper_cli.engine.model import FULL_WINDOW, WhisperEngineModel
from whisper_cli.engine.quality import ENDLESS, MISSED, UNLIKELY, QualityChecks
from whisper_cli.engine.result import FRAMES_PER_SECOND, DecodingResult, LanguageTokens
from whisper_cli.engine.segments import LONGEST_CUE, WindowResult
from whisper_cli.transcript import DecodingOptions, Dropped, Segment

LEAST_PROGRESS = 1.0  # seconds of a window that a decoding has to cover to go on after it
SURE = 0.5  # a language less probable than this is asked for again, of the full window
ALIGNED = 128  # tokens at once on a CPU: each takes 0.2 MB, a float for every token there is


@dataclass(frozen=True, slots=True)
class WindowTask:
    """A window to decode; its language is None where it is to be told from the window.

    `options` are those of its input, which in a standing engine differ from one to the next.
    """

    island: Chunk
    language: str | None = None
    options: DecodingOptions = field(default_factory=DecodingOptions)


@dataclass(frozen=True, slots=True)
class DecodedWindow:
    """What a window held, in the input's own time, and the language it was told to be in.

    `unprompted`: the prompt was given up for it, or for a part of it.
    """

    segments: tuple[Segment, ...]
    language: str
    probability: float
    dropped: tuple[Dropped, ...] = ()
    doubt: str | None = None
    unprompted: bool = False


class Decoder:
    """Decodes batches of windows of one length; may be called from several threads at once."""

    def __init__(
        self,
        model: WhisperEngineModel,
        options: DecodingOptions,
        guard: QualityChecks | None = None,
    ) -> None:
        self._model = model
        self._options = options
        self._guard = guard or QualityChecks()
        self._on_gpu = model.placement.device is Device.cuda

    @property
    def multilingual(self) -> bool:
        """Say whether the model knows more than English."""
        return self._model.multilingual

    def decode(self, tasks: Sequence[WindowTask]) -> list[DecodedWindow]:
        """Decode windows of one length; raises RuntimeError where CTranslate2 fails."""
        frames = self._guard.frames(tasks[0].island)
        encoded = self._encode([task.island.samples for task in tasks], frames)
        told = [self._language(task, each) for task, each in zip(tasks, encoded, strict=True)]
        tongues = [self._model.tongue(language, self._options.task) for language, _ in told]
        islands = [task.island for task in tasks]
        drafts = self._drafts(np.concatenate(encoded), tongues, islands, self._options)
        doubts: list[str | None] = []
        heard: list[list[WindowResult]] = []
        for task, tongue, (draft, options), each in zip(
            tasks, tongues, drafts, encoded, strict=True
        ):
            first = WindowResult(task.island, tongue, draft, frames, each, options)
            doubts.append(self._doubt(draft, task.island, tongue, options))
            heard.append(list(self._believed(first, doubts[-1])))
        self._align([each for passes in heard for each in passes])
        return [
            self._decoded(passes, language, probability, doubt)
            for passes, (language, probability), doubt in zip(heard, told, doubts, strict=True)
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
        return [self._model.encode(each[None]) for each in features]

    def _language(self, task: WindowTask, encoded: np.ndarray) -> tuple[str, float]:
        if not self.multilingual:
            return "en", 1.0
        if task.language is not None and not self._options.multilingual:
            return task.language, 1.0
        candidates = self._options.language_candidates
        found = self._model.language_in(encoded, candidates)
        if found[1] < SURE:
            whole = self._encode([task.island.samples], FULL_WINDOW)[0]
            found = max(found, self._model.language_in(whole, candidates), key=lambda f: f[1])
        return found

    def _drafts(
        self,
        encoded: np.ndarray,
        tongues: Sequence[LanguageTokens],
        heard: Sequence[Chunk],
        options: DecodingOptions,
    ) -> list[tuple[DecodingResult, DecodingOptions]]:
        """Decode encoded windows; where a prompt leads one astray, at once without it.

        Gives the options, too, that each was decoded with.
        """
        drafts = self._searched(encoded, tongues, heard, options)
        found = [(draft, options) for draft in drafts]
        lost = [
            number
            for number, (draft, tongue, island) in enumerate(
                zip(drafts, tongues, heard, strict=True)
            )
            if self._astray(draft, island, tongue, options)
        ]
        if lost:
            plain = _unprompted(options)
            theirs = [tongues[number] for number in lost], [heard[number] for number in lost]
            for number, draft in zip(
                lost, self._searched(encoded[lost], *theirs, plain), strict=True
            ):
                found[number] = draft, plain
        return found

    def _searched(
        self,
        encoded: np.ndarray,
        tongues: Sequence[LanguageTokens],
        heard: Sequence[Chunk],
        options: DecodingOptions,
    ) -> list[DecodingResult]:
        """Decode encoded windows greedily, and by beam search those where that isn't sure.

        Where Whisper is sure, beam search finds the same words at twice the cost; where a prompt
        leads astray, it would go there too.
        """
        limits = [self._guard.limit(each.length) for each in heard]
        if options.beam_size == 1 or options.temperature[0] > 0:
            return self._model.generate(encoded, tongues, options, limits)
        greedy = replace(options, beam_size=1)
        drafts = self._model.generate(encoded, tongues, greedy, limits)
        unsure = [
            number
            for number, (draft, tongue, island) in enumerate(
                zip(drafts, tongues, heard, strict=True)
            )
            if self._unsure(draft, island, tongue, options)
        ]
        if unsure:
            chosen = [tongues[number] for number in unsure]
            theirs = [limits[number] for number in unsure]
            searched = self._model.generate(encoded[unsure], chosen, options, theirs)
            for number, draft in zip(unsure, searched, strict=True):
                drafts[number] = draft
        return drafts

    def _unsure(
        self, draft: DecodingResult, island: Chunk, tongue: LanguageTokens, options: DecodingOptions
    ) -> bool:
        """Say whether beam search may find what a greedy decoding did not."""
        if self._astray(draft, island, tongue, options):
            return False
        if draft.avg_logprob < self._guard.sure:
            return True
        return self._doubt(draft, island, tongue, options) is not None

    def _astray(
        self, draft: DecodingResult, island: Chunk, tongue: LanguageTokens, options: DecodingOptions
    ) -> bool:
        """Say whether a prompt led astray: the text goes on and on, or is only the prompt."""
        if not _is_prompted(options):
            return False
        doubt = self._doubt(draft, island, tongue, options)
        return doubt in ENDLESS or _is_prompt(draft.text, options)

    def _doubt(
        self, draft: DecodingResult, island: Chunk, tongue: LanguageTokens, options: DecodingOptions
    ) -> str | None:
        if self._silent(draft):
            return None
        wrong = self._guard.doubt(draft, island, options, tongue.first_timestamp, tongue.eot)
        return wrong or ("the prompt" if _is_prompt(draft.text, options) else None)

    def _silent(self, draft: DecodingResult) -> bool:
        """Say whether Whisper's own rule takes the window for silence."""
        return (
            draft.no_speech_prob > self._options.no_speech_threshold
            and draft.avg_logprob < self._options.log_prob_threshold
        )

    def _believed(self, first: WindowResult, doubt: str | None) -> Iterator[WindowResult]:
        """Give what can be believed of a window.

        That is its short decoding, with what that left out decoded after it; or the full window's.
        """
        offset, island, tongue = 0.0, first.island, first.tongue
        heard, options = first, first.options
        while doubt == MISSED and heard.reached > LEAST_PROGRESS:
            yield heard
            offset += heard.reached
            rest = island.after(offset)
            frames = self._guard.frames(rest)
            [encoded] = self._encode([rest.samples], frames)
            [(draft, options)] = self._drafts(encoded, [tongue], [rest], options)
            heard = WindowResult(island, tongue, draft, frames, encoded, options, offset)
            doubt = self._doubt(draft, rest, tongue, options)
        if doubt is None:
            yield heard
        else:
            yield from self._again(island, tongue, options, offset)

    def _again(
        self, island: Chunk, tongue: LanguageTokens, options: DecodingOptions, offset: float
    ) -> Iterator[WindowResult]:
        """Decode a window in full as Whisper does, with the ladder of temperatures.

        And once more from where the text ended, until all of it is heard.
        """
        while island.length - offset > 0.1:
            rest = island.after(offset)
            [encoded] = self._encode([rest.samples], FULL_WINDOW)
            draft, options = self._in_full(encoded, rest, tongue, options)
            found = WindowResult(island, tongue, draft, FULL_WINDOW, encoded, options, offset)
            yield found
            if self._silent(draft) or found.reached < LEAST_PROGRESS:
                return
            if not self._guard.missed_in(rest, found.reached):
                return
            offset += found.reached

    def _in_full(
        self, encoded: np.ndarray, heard: Chunk, tongue: LanguageTokens, options: DecodingOptions
    ) -> tuple[DecodingResult, DecodingOptions]:
        """Decode an encoded full window, and give the options that it was decoded with.

        A long prompt makes each try dear, and may spoil all of them: with one there is a single
        try, of as many tokens as can be believed. The ladder is for what has none.
        """
        if _is_prompted(options):
            once, limit = _at_first(options), self._guard.limit(heard.length)
            draft = self._model.generate_with_fallback(encoded, tongue, once, limit)
            doubtful = self._doubt(draft, heard, tongue, options) == UNLIKELY
            if not doubtful and not self._astray(draft, heard, tongue, options):
                return draft, options
            options = _unprompted(options)
        return self._model.generate_with_fallback(encoded, tongue, options), options

    def _align(self, heard: Sequence[WindowResult]) -> None:
        """Time the words of what needs it: all where they are asked for, else of long cues.

        CTranslate2 aligns together what has one length and one start sequence.
        """
        batches: dict[tuple[int, tuple[int, ...]], list[WindowResult]] = {}
        for each in heard:
            if self._wants_words(each) and not self._silent(each.draft):
                batches.setdefault((each.frames, each.tongue.start), []).append(each)
        for alike in batches.values():
            most = 1 + max(len(each.spelled) for each in alike)
            count = len(alike) if self._on_gpu else max(1, ALIGNED // most)
            for start in range(0, len(alike), count):
                self._time(alike[start : start + count])

    def _time(self, batch: Sequence[WindowResult]) -> None:
        timed = self._model.align(
            np.concatenate([each.encoded for each in batch]),
            batch[0].tongue,
            [each.spelled for each in batch],
            [max(2, round(each.length * FRAMES_PER_SECOND)) for each in batch],
        )
        for each, words in zip(batch, timed, strict=True):
            each.words = words

    def _wants_words(self, heard: WindowResult) -> bool:
        if self._options.word_timestamps:
            return bool(heard.lines)
        return any(line.end - line.start > LONGEST_CUE for line in heard.lines)

    def _decoded(
        self, heard: Sequence[WindowResult], language: str, probability: float, doubt: str | None
    ) -> DecodedWindow:
        segments: list[Segment] = []
        dropped: list[Dropped] = []
        reached = heard[0].island.start if heard else 0.0  # of a moment of doubt nothing is heard
        for each in heard:
            dropped += each.loops()
            for segment in each.segments(reached, keep_words=self._options.word_timestamps):
                reached = segment.end
                if not segment.text.strip():
                    continue
                if reason := self._reason(segment, each):
                    dropped.append(Dropped(segment.start, segment.end, segment.text, reason))
                else:
                    segments.append(segment)
        unprompted = any(each.options != self._options for each in heard)
        return DecodedWindow(
            tuple(segments), language, probability, tuple(dropped), doubt, unprompted
        )

    def _reason(self, segment: Segment, heard: WindowResult) -> str | None:
        """Say why a segment is dropped, None where it isn't."""
        if self._silent(heard.draft):
            return "silence"
        return "phantom" if heard.is_phantom(segment) else None


def _is_prompted(options: DecodingOptions) -> bool:
    return bool(options.initial_prompt or options.hotwords)


def _at_first(options: DecodingOptions) -> DecodingOptions:
    return replace(options, temperature=options.temperature[:1])


def _unprompted(options: DecodingOptions) -> DecodingOptions:
    return replace(options, initial_prompt=None, hotwords=None)


def _is_prompt(text: str, options: DecodingOptions) -> bool:
    """Say whether a text is only what the prompt or the hotwords say."""
    told = f"{options.initial_prompt or ''} {options.hotwords or ''}"
    words, known = (" ".join(re.findall(r"\w+", each.casefold())) for each in (text, told))
    return bool(words) and words in known
