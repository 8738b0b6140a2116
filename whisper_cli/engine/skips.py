"""What faster-whisper decodes and leaves out: it gives away only what it keeps.

Its steps are watched from outside. What it rejected at a lower temperature can't be known that
way, nor what its own rules for tokens kept the model from saying.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from whisper_cli.decisions import log_event
from whisper_cli.engine.chunking import Chunk
from whisper_cli.engine.result import FRAMES_PER_SECOND
from whisper_cli.transcript import Dropped, DropReason

WINDOW = 30.0  # seconds that a window taken for silence is skipped by
SPLIT = "_split_segments_by_timestamps"  # what is called next with a text that is kept


@dataclass(frozen=True, slots=True)
class _Kept:
    """A window whose text was split into segments; their times may still be mended."""

    segments: Sequence[dict[str, Any]]
    start: float
    next_frame: int
    ends_in_time: bool
    tokenizer: Any


class SkipObserver:
    """Notes what a faster-whisper model skips, one chunk at a time."""

    def __init__(self, whisper: Any) -> None:
        self._generate, self._split = whisper.generate_with_fallback, getattr(whisper, SPLIT)
        whisper.generate_with_fallback = self._generated
        setattr(whisper, SPLIT, self._kept_text)
        self._found: list[Dropped] = []
        self._kept: _Kept | None = None
        self._chunk: Chunk | None = None
        self._at = 0.0  # seconds from the chunk's start to the window that is decoded next

    def begin(self, chunk: Chunk) -> None:
        """Watch another chunk."""
        self._found, self._kept, self._chunk, self._at = [], None, chunk, 0.0

    def taken(self, *, all_of_it: bool = False) -> Iterator[Dropped]:
        """Give what was left out since the last time; in the end of the last window, too."""
        if all_of_it:
            self._settle(words=False)
        found, self._found = self._found, []
        yield from found

    def _generated(self, encoded: Any, prompt: Any, tokenizer: Any, options: Any) -> Any:
        """Decode a window, and note its text where the rule for silence skips it."""
        self._settle(words=options.word_timestamps)
        decoded = self._generate(encoded, prompt, tokenizer, options)
        result, avg_logprob = decoded[:2]
        silent = result.no_speech_prob > options.no_speech_threshold
        if silent and not avg_logprob > options.log_prob_threshold:
            text = tokenizer.decode(result.sequences_ids[0])
            self._drop(self._at, self._at + WINDOW, text, DropReason.silence)
            self._at += WINDOW
            log_event(
                "silence",
                "a window is taken for silence: no-speech probability {no_speech_prob:.2f} "
                "(limit {no_speech_threshold}), average log-probability {avg_logprob:.2f} "
                "(limit {log_prob_threshold})",
                no_speech_prob=float(result.no_speech_prob),
                no_speech_threshold=options.no_speech_threshold,
                avg_logprob=float(avg_logprob),
                log_prob_threshold=options.log_prob_threshold,
            )
        return decoded

    def _kept_text(self, *given: Any, **named: Any) -> Any:
        """Split a text that is kept."""
        segments, next_frame, ends_in_time = self._split(*given, **named)
        start, tokenizer = float(named["time_offset"]), named["tokenizer"]
        self._kept = _Kept(segments, start, next_frame, ends_in_time, tokenizer)
        return segments, next_frame, ends_in_time

    def _settle(self, *, words: bool) -> None:
        """Note what of the last window's text has no time, and where the next one starts."""
        kept, self._kept = self._kept, None
        if kept is None:
            return
        for segment in kept.segments:
            if segment["start"] == segment["end"]:
                text = kept.tokenizer.decode(segment["tokens"])
                self._drop(segment["start"], segment["end"], text, DropReason.no_time)
        self._at = kept.next_frame / FRAMES_PER_SECOND
        end = _last_end(kept.segments)
        if words and not kept.ends_in_time and end > kept.start:
            self._at = end

    def _drop(self, start: float, end: float, text: str, reason: DropReason) -> None:
        if self._chunk is not None and text.strip():
            first, last = self._chunk.start + start, self._chunk.start + end
            end_of_all = self._chunk.end
            self._found.append(Dropped(min(first, end_of_all), min(last, end_of_all), text, reason))


def _last_end(segments: Sequence[dict[str, Any]]) -> float:
    """Give where the last word ends, from which faster-whisper goes on."""
    words = [word for segment in segments for word in segment.get("words") or ()]
    ends = [item["end"] for item in words or segments]
    return float(ends[-1]) if ends else 0.0
