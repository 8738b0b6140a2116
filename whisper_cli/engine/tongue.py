"""A language and a task, as tokens."""

from dataclasses import dataclass
from typing import Any

from whisper_cli.engine.draft import TIME_PRECISION

Tokenizer = Any  # faster_whisper.tokenizer.Tokenizer: its package has no types


@dataclass(frozen=True, slots=True, eq=False)
class Tongue:
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
        spelled: str = self.tokenizer.decode([token for token in tokens if token < self.eot])
        return spelled

    def timestamp(self, seconds: float) -> int:
        """Give the token of a time in a window."""
        return self.first_timestamp + round(seconds / TIME_PRECISION)
