"""What the model said of one window: tokens, how probable they are, the text they spell."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from whisper_cli.transcript import Redecoded, Word

Tokenizer = Any  # faster_whisper.tokenizer.Tokenizer: its package has no types


@dataclass(frozen=True, slots=True, eq=False)
class LanguageTokens:
    """What the model is told of a window: its language and what to do, and how it spells.

    `start` is the sequence that starts a transcript. Tokens from `first_timestamp` on are times,
    those below `eot` are text.
    """

    language: str
    tokenizer: Tokenizer
    start: tuple[int, ...]
    first_timestamp: int
    eot: int

    def text(self, tokens: tuple[int, ...]) -> str:
        """Spell text tokens; times and other special tokens are left out."""
        text: str = self.tokenizer.decode([token for token in tokens if token < self.eot])
        return text

    def timestamp(self, seconds: float) -> int:
        """Give the token of a time in a window."""
        return self.first_timestamp + round(seconds / TIME_PRECISION)


FRAMES_PER_SECOND = 100  # of the log-mel spectrogram: a hop of 160 samples at 16 kHz
TIME_PRECISION = 0.02  # seconds between two timestamp tokens
LONGEST_PHRASE = 24  # tokens, of what is looked for as a repetition


@dataclass(frozen=True, slots=True)
class TimedWord:
    """A word, and the text tokens that spell it."""

    word: Word
    tokens: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class DecodingResult:
    """One decoding of one window, with the measures by which Whisper judges it.

    `finished` is False where the tokens ran out before the model came to an end; `previous` is
    what was rejected before it.
    """

    tokens: tuple[int, ...]
    text: str
    avg_logprob: float
    no_speech_prob: float
    compression_ratio: float
    temperature: float = 0.0
    finished: bool = True
    previous: tuple[Redecoded, ...] = ()


@dataclass(frozen=True, slots=True)
class TimedLine:
    """Text tokens between two timestamps, in seconds from the start of the window."""

    start: float
    end: float
    tokens: tuple[int, ...]


def lines(
    tokens: Sequence[int], first_timestamp: int, eot: int, length: float
) -> Iterator[TimedLine]:
    """Split a window's tokens at its timestamps; what has no end goes on to `length` seconds."""
    start = 0.0
    text_tokens: list[int] = []
    for token in tokens:
        if token >= first_timestamp:
            time = min((token - first_timestamp) * TIME_PRECISION, length)
            if text_tokens:
                yield TimedLine(start, max(start, time), tuple(text_tokens))
                text_tokens = []
            start = time
        elif token < eot:
            text_tokens.append(token)
    if text_tokens:
        yield TimedLine(start, length, tuple(text_tokens))


def last_timestamp(tokens: Sequence[int], first_timestamp: int) -> float | None:
    """Give the last timestamp in seconds; None where the tokens don't end with one."""
    if not tokens or tokens[-1] < first_timestamp:
        return None
    return (tokens[-1] - first_timestamp) * TIME_PRECISION


def repeated(tokens: Sequence[int], times: int, minimum: int = 1) -> tuple[int, int, int] | None:
    """Find a phrase of `minimum` tokens or more that is said `times` times, each after the other.

    Returns where it starts, how many tokens it has and how often it comes, of the longest such
    repetition; None where there is none.
    """
    best: tuple[int, int, int] | None = None
    for size in range(minimum, min(LONGEST_PHRASE, len(tokens) // times) + 1):
        run = 0  # tokens in a row that equal the one a phrase earlier
        for position in range(size, len(tokens)):
            run = run + 1 if tokens[position] == tokens[position - size] else 0
            count = run // size + 1
            if (
                count >= times
                and run % size == 0
                and (best is None or run + size > best[1] * best[2])
            ):
                best = (position + 1 - run - size, size, count)
    return best


def is_echo(tokens: Sequence[int], size: int) -> bool:
    """Say whether `size` tokens come a second time, in whatever place."""
    phrases = [
        tuple(tokens[position : position + size]) for position in range(len(tokens) - size + 1)
    ]
    return len(set(phrases)) < len(phrases)


def without_repeats(tokens: Sequence[int], times: int = 4) -> tuple[int, ...]:
    """Leave one of what is said `times` times or more in a row."""
    kept = tuple(tokens)
    while (found := repeated(kept, times)) is not None:
        start, size, count = found
        kept = kept[: start + size] + kept[start + size * count :]
    return kept
