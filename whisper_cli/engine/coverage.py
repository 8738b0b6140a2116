"""How much of the speech found in an input has got a text."""

from collections.abc import Iterator
from dataclasses import dataclass

from whisper_cli.engine.chunking import Chunk
from whisper_cli.engine.events import Checkpoint

FAR = 5.0  # seconds of speech after the last cue that are worth a warning
MIN_SPEECH = 1.0  # seconds; less may well be a cough


@dataclass(slots=True)
class Coverage:
    """Seconds of speech found, of those since the last cue, and where that ends (-1: none yet)."""

    speech: float = 0.0
    unsaid: float = 0.0
    said_until: float = -1.0

    @classmethod
    def since(cls, mark: Checkpoint) -> "Coverage":
        """Take up what was known at a mark."""
        return cls(mark.speech, mark.unsaid, mark.said_until)

    def add_text(self, end: float) -> None:
        """Take note of a cue that ends there."""
        self.said_until = max(self.said_until, end)

    def add_speech(self, chunk: Chunk) -> None:
        """Take note of a chunk, all of its cues said."""
        spoken = [(chunk.start + start, chunk.start + end) for start, end in chunk.speech]
        self.speech += sum(end - start for start, end in spoken)
        if self.said_until > chunk.start:
            self.unsaid = 0.0
        self.unsaid += sum(max(0.0, end - max(start, self.said_until)) for start, end in spoken)

    def mark(self, chunk: Chunk) -> Checkpoint | None:
        """Name the place after a chunk; None where nothing cut it."""
        if chunk.position is None:
            return None
        return Checkpoint(chunk.position.after, self.speech, self.unsaid, self.said_until)

    def warnings(self) -> Iterator[str]:
        """Tell what is worth a warning in the end."""
        if self.said_until < 0 and self.speech > MIN_SPEECH:
            yield f"{self.speech:.1f} s of speech were found, and no text"
        elif self.unsaid > FAR:
            yield (
                f"the last cue ends at {self.said_until:.1f} s, "
                f"and {self.unsaid:.1f} s of speech follow"
            )
