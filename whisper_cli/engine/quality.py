"""Why a decoding is rejected: quality checks and known hallucinations."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from whisper_cli.audio.blocks import SAMPLE_RATE
from whisper_cli.engine.chunking import Chunk
from whisper_cli.engine.result import (
    FRAMES_PER_SECOND,
    DecodingResult,
    is_echo,
    last_timestamp,
    repeated,
)
from whisper_cli.transcript import RedecodeReason

# Collected from users' reports, see the issue trackers of openai-whisper and whisper.cpp.
HALLUCINATIONS = frozenset(
    (
        "thank you",
        "thanks for watching",
        "thank you for watching",
        "thank you very much for watching",
        "please subscribe to my channel",
        "subscribe to my channel",
        "see you in the next video",
        "see you next time",
        "you",
        "bye",
        "bye bye",
        "the end",
        "to be continued",
        "subtitles by the amara org community",
        "subtitles by",
        "transcription by castingwords",
        "untertitel der amara org community",
        "untertitel im auftrag des zdf für funk 2017",
        "untertitelung des zdf 2020",
        "untertitel von stephanie geiges",
        "vielen dank fürs zuschauen",
        "sous titres réalisés par la communauté d amara org",
        "sous titrage st 501",
        "sous titrage société radio canada",
        "merci d avoir regardé cette vidéo",
        "subtítulos realizados por la comunidad de amara org",
        "gracias por ver el video",
        "sottotitoli creati dalla comunità amara org",
        "sottotitoli e revisione a cura di qtss",
        "legendas pela comunidade amara org",
        "субтитры сделал dimatorzok",
        "субтитры создавал dimatorzok",
        "редактор субтитров а семкин корректор а егорова",  # noqa: RUF001
        "продолжение следует",
        "napisy stworzone przez społeczność amara org",
        "ondertiteld door de amara org gemeenschap",
        "ご視聴ありがとうございました",
        "字幕由 amara org 社区提供",
        "시청해주셔서 감사합니다",
    )
)


def is_hallucination(text: str) -> bool:
    """Say whether a text is nothing but such a phrase, whatever its case and punctuation."""
    return " ".join(re.findall(r"\w+", text.casefold())) in HALLUCINATIONS


NOISE_RANGE = 2.0  # loud frames to soft ones: 6 dB; in speech they are 20 dB apart and more


def is_noise(samples: np.ndarray) -> bool:
    """Say whether a sound (n,) is silence, hiss or hum: its frames of 20 ms are equally loud."""
    frame = SAMPLE_RATE // 50
    whole = samples[: len(samples) // frame * frame].reshape(-1, frame)
    if not len(whole):
        return False
    low, high = np.percentile(np.sqrt(np.square(whole).mean(axis=1)), (10, 95))
    return bool(high <= NOISE_RANGE * low)


# Doubts about a text that goes on and on: what a prompt does that leads astray.
REPEATED = (
    RedecodeReason.too_many_tokens,
    RedecodeReason.compression_ratio,
    RedecodeReason.repetition,
)


_R = RedecodeReason


@dataclass(frozen=True, slots=True)
class Check:
    """What was measured of a text, and the limit that it had to keep to."""

    reason: RedecodeReason
    measured: float
    limit: float
    rejected: bool


class Thresholds(Protocol):
    """What a person may set, with Whisper's meaning."""

    @property
    def compression_ratio_threshold(self) -> float:
        """Above it, a text repeats itself."""
        ...

    @property
    def log_prob_threshold(self) -> float:
        """Below it, a text is doubtful."""
        ...


@dataclass(frozen=True, slots=True)
class QualityChecks:
    """How short a window may be, and what its text must keep to.

    Whisper was trained on 30 s: what follows speech in a shorter window tells it that the speech
    is over. With too little of that it goes on, mostly with the same words again. The values are
    those that `benchmarks/guard.py` found to cost no words on its data.

    `margin`, `minimum`: seconds of silence after the speech, and of the whole window.
    `margin_of_long`: seconds of silence after speech that isn't `short_length`.
    `min_missing`: how many seconds of speech may follow the last timestamp.
    `rate`, `allowance`: tokens a second of sound, and more, before decoding is stopped.
    `phrase`, `word`: how many tokens are a phrase that may not be said twice in a row, and how
    often anything shorter may.
    `echo`, `short_length`: how many tokens may not come twice at all in less than so many seconds.
    `min_logprob`: the average log-probability from which on a greedy decoding needs no beam search.
    """

    margin: float = 3.0
    margin_of_long: float = 2.0
    minimum: float = 8.0
    min_missing: float = 0.7
    rate: float = 12.0
    allowance: int = 12
    phrase: int = 3
    word: int = 3
    echo: int = 4
    short_length: float = 10.0
    min_logprob: float = -0.4

    def frames(self, chunk: Chunk) -> int:
        """Say how many frames of 10 ms the window of a chunk has: the same in steps."""
        margin = self.margin if chunk.length < self.short_length else self.margin_of_long
        seconds = max(self.minimum, chunk.length + margin)
        for maximum, step in ((12, 1), (28, 2)):
            if seconds <= maximum:
                return -(-int(seconds * 100) // (step * 100)) * step * 100
        return 3000

    def limit(self, seconds: float) -> int:
        """Say after how many tokens the decoding of so much sound has gone astray."""
        return round(self.allowance + self.rate * seconds)

    def problem(
        self,
        decoding: DecodingResult,
        chunk: Chunk,
        thresholds: Thresholds,
        first_timestamp: int,
        eot: int,
    ) -> RedecodeReason | None:
        """Say what is wrong with a draft, None where nothing is."""
        checks = self.checks(decoding, chunk, thresholds, first_timestamp, eot)
        return next((check.reason for check in checks if check.rejected), None)

    def checks(
        self,
        decoding: DecodingResult,
        chunk: Chunk,
        thresholds: Thresholds,
        first_timestamp: int,
        eot: int,
    ) -> Iterator[Check]:
        """Hold a draft against each limit, in the order in which they are told."""
        text_tokens = [token for token in decoding.tokens if token < eot]
        end = last_timestamp(decoding.tokens, first_timestamp)
        last, frames = end or 0.0, self.frames(chunk)
        maximum, ratio = self.limit(chunk.length), thresholds.compression_ratio_threshold
        yield Check(_R.too_many_tokens, len(decoding.tokens), maximum, not decoding.finished)
        yield _over_limit(_R.compression_ratio, decoding.compression_ratio, ratio)
        yield _over_limit(_R.repetition, *self._repetition(text_tokens, chunk))
        minimum = thresholds.log_prob_threshold
        unlikely = decoding.avg_logprob < minimum
        yield Check(_R.log_probability, decoding.avg_logprob, minimum, unlikely)
        yield _over_limit(_R.no_end, len(text_tokens) if end is None else 0, 0)
        after_end = last * FRAMES_PER_SECOND > frames
        yield Check(_R.after_window, last, frames / FRAMES_PER_SECOND, after_end)
        yield _over_limit(_R.missing_text, self._unsaid(chunk, last), self.min_missing)

    def _repetition(self, tokens: Sequence[int], chunk: Chunk) -> tuple[int, int]:
        """Say how often a phrase is said, and how often it may be."""
        if phrase := repeated(tokens, 2, self.phrase):
            return phrase[2], 1
        if word := repeated(tokens, self.word):
            return word[2], self.word - 1
        return 1 + (chunk.length < self.short_length and is_echo(tokens, self.echo)), 1

    def has_missing_text(self, chunk: Chunk, after: float) -> bool:
        """Say whether there is speech after so many seconds, more than a moment of it."""
        return self._unsaid(chunk, after) > self.min_missing

    def _unsaid(self, chunk: Chunk, after: float) -> float:
        """Count the seconds of speech after so many seconds."""
        return sum(max(0.0, end - max(start, after)) for start, end in chunk.speech)


def _over_limit(reason: RedecodeReason, measured: float, limit: float) -> Check:
    return Check(reason, measured, limit, measured > limit)
