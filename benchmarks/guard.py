"""How short windows may be, and what the guard is worth: `python -m benchmarks.guard --set DIR`.

Decodes the clips of a set in windows of several lengths, with the guard and without, and in full
windows; prints the words wrong, the seconds (model loaded, speech found) and what was decoded
again. The values in `engine/quality.py` are chosen from these tables: run it on a set of
your own, or for another model, to choose again.
"""

import argparse
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from benchmarks.speech import Clip, english, read, samples
from benchmarks.weights import pulled
from benchmarks.wer import by_language, rate
from whisper_cli.audio.blocks import SAMPLE_RATE, Block
from whisper_cli.engine.chunking import Chunk, chunks_of
from whisper_cli.engine.decoder import DecodedWindow, Decoder, WindowTask
from whisper_cli.engine.device import DeviceRequest, resolve_device
from whisper_cli.engine.model import WhisperEngineModel
from whisper_cli.engine.quality import QualityChecks
from whisper_cli.engine.vad import find_speech
from whisper_cli.transcript import DecodingOptions

MARGINS, MINIMUM = (1.0, 2.0, 3.0, 4.0), (5.0, 8.0, 10.0)
MIN_PROBABILITY = (0.0, -0.2, -0.3, -0.4, -0.5, -9.0)  # from always to hardly ever
BATCH = 8


class Unguarded(QualityChecks):
    """Believes everything."""

    def problem(self, *_: object) -> None:
        """Find nothing wrong."""


@dataclass(frozen=True, slots=True)
class Window:
    """A window of a clip."""

    clip: Clip
    chunk: Chunk


def windows(clips: Sequence[Clip]) -> Iterator[Window]:
    """Cut clips as the engine does."""
    for clip in clips:
        sound = samples(clip.path)
        starts = range(0, len(sound), SAMPLE_RATE)
        blocks = (Block(n / SAMPLE_RATE, sound[n : n + SAMPLE_RATE]) for n in starts)
        for chunk in chunks_of(blocks, find_speech):
            yield Window(clip, chunk)


def decode(
    model: WhisperEngineModel, quality_checks: QualityChecks, found: Sequence[Window]
) -> tuple[float, list[tuple[Window, DecodedWindow]]]:
    """Decode windows in batches of one length; gives the seconds that took."""
    decoder = Decoder(model, DecodingOptions(), quality_checks)
    alike: dict[int, list[Window]] = {}
    for window in sorted(found, key=lambda item: item.chunk.length):
        alike.setdefault(quality_checks.frames(window.chunk), []).append(window)
    batches = [
        group[n : n + BATCH] for group in alike.values() for n in range(0, len(group), BATCH)
    ]

    def run(batch: Sequence[Window]) -> list[tuple[Window, DecodedWindow]]:
        tasks = [WindowTask(item.chunk, item.clip.language) for item in batch]
        return list(zip(batch, decoder.decode(tasks), strict=True))

    started_at = time.perf_counter()
    with ThreadPoolExecutor(model.device_plan.workers) as pool:
        results = [pair for done in pool.map(run, batches) for pair in done]
    return time.perf_counter() - started_at, results


def row(
    name: str, model: WhisperEngineModel, quality_checks: QualityChecks, found: Sequence[Window]
) -> str:
    """Measure one kind of window."""
    seconds, results = decode(model, quality_checks, found)
    results.sort(key=lambda pair: (str(pair[0].clip.path), pair[0].chunk.start))
    processed: dict[str, str] = {}
    for window, decoded in results:
        name_in_set = window.clip.name
        said = " ".join(segment.text for segment in decoded.segments)
        processed[name_in_set] = f"{processed.get(name_in_set, '')} {said}"
    clips = list({window.clip.name: window.clip for window in found}.values())
    problems = Counter(decoded.problem for _, decoded in results if decoded.problem)
    reported = ", ".join(f"{reason} {count}" for reason, count in problems.most_common())
    wer = rate(by_language(clips, processed)["all"])
    return f"| {name} | {seconds:.1f} | {wer:.2f} | {sum(problems.values())} | {reported} |"


def main() -> None:
    """Read the arguments and print a table for each model."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--set", type=Path, required=True, help="folder of clips")
    parser.add_argument("--models", default="tiny.en,base", type=lambda text: text.split(","))
    parser.add_argument("--limit", type=int, help="clips")
    asked = parser.parse_args()
    clips = read(asked.set)
    for name in asked.models:
        chosen = english(clips) if name.endswith(".en") else clips
        found = list(windows(chosen[: asked.limit]))
        model = WhisperEngineModel(
            Path(pulled(name, Path()).folder), resolve_device(DeviceRequest())
        )
        print(f"\n| {name}, {len(found)} windows | s | WER | again | why |\n|---|---|---|---|---|")
        full = QualityChecks(margin=30.0, margin_of_long=30.0, minimum=30.0)
        print(row("full windows", model, full, found), flush=True)
        for min_logprob in MIN_PROBABILITY:
            title = f"beam search where greedy is less sure than {min_logprob:g}"
            print(row(title, model, QualityChecks(min_logprob=min_logprob), found), flush=True)
        for minimum in MINIMUM:
            for margin in MARGINS:
                for kind in (Unguarded, QualityChecks):
                    guarded = "guarded" if kind is QualityChecks else "not guarded"
                    title = f"margin {margin:g} s, least {minimum:g} s, {guarded}"
                    quality_checks = kind(margin=margin, margin_of_long=margin, minimum=minimum)
                    print(row(title, model, quality_checks, found), flush=True)


if __name__ == "__main__":
    main()
