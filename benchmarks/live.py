"""How soon words are there that come through a pipe while they are spoken.

    python -m benchmarks.live --set DIR [--model tiny.en] [--minutes 3]

Clips, joined with pauses, flow into `whisper-cli transcribe --live` in real time: as bare PCM, as
WAV, and with --partials. What counts is the time from the end of a phrase's sound, as it went into
the pipe, until its lines can be read; those that come together are of one phrase. `segments` is
the same for every segment, which may stand at the beginning of a phrase, `end` for the end of all.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from math import inf
from pathlib import Path

import soundfile

from benchmarks.figures import percentile
from benchmarks.speech import RATE, Clip, english, join_text, read
from benchmarks.wer import errors

STEP = RATE // 10  # samples that go into the pipe at once
TOGETHER = 0.05  # seconds between lines that are told at once
HEADER = 44  # bytes of a WAV file before its samples
COMMAND = [sys.executable, "-m", "whisper_cli", "transcribe", "-", "--live", "-f", "jsonl"]
RAW = ["--raw", f"s16le:{RATE}:1"]
CASES = {"PCM": RAW, "WAV": [], "PCM, partials": [*RAW, "--partials"]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--set", type=Path, required=True, help="folder with a manifest.jsonl")
    parser.add_argument("--model", default="tiny.en")
    parser.add_argument("--minutes", type=float, default=3)
    given = parser.parse_args()
    print("| input | phrases | median s | 95 % s | longest s | segments | end s | WER |")
    print("|---|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as destination:
        path = Path(destination) / "talk.wav"
        clip = join_text(english(read(given.set)), given.minutes * 60, path)
        for name, more in CASES.items():
            print(row(name, clip, [*COMMAND, "-m", given.model, *more]), flush=True)


def row(name: str, clip: Clip, command: Sequence[str]) -> str:
    """Let a recording flow once, and describe how late its segments were."""
    started_at, lines = flow(clip.path, command, header=name == "WAV")
    segments = [(at, line) for at, line in lines if line["type"] == "segment"]
    item = [at - started_at - line["end"] for at, line in segments]
    following = [at for at, _ in segments[1:]] + [inf]
    late = [
        after
        for after, (at, _), later in zip(item, segments, following, strict=True)
        if later - at > TOGETHER
    ]
    last = lines[-1][0] - started_at - soundfile.info(clip.path).duration
    counted = errors(clip, " ".join(line["text"] for _, line in segments))
    wrong, words = sum(item.wrong for item in counted), sum(item.words for item in counted)
    figures = [percentile(late, part) for part in (0.5, 0.95)]
    figures += [max(late), percentile(item, 0.5), last]
    cells = " | ".join(f"{figure:.2f}" for figure in figures)
    return f"| {name} | {len(late)} | {cells} | {100 * wrong / words:.1f} |"


def flow(
    path: Path, command: Sequence[str], *, header: bool
) -> tuple[float, list[tuple[float, dict]]]:
    """Write a recording into a command as it would be spoken; give its start, and lines by time."""
    lines: list[tuple[float, dict]] = []
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        listener = threading.Thread(target=lambda: lines.extend(processed(child.stdout)))
        listener.start()
        data = path.read_bytes()
        if header:
            child.stdin.write(data[:HEADER])
        started_at = time.monotonic()
        for destination in range(HEADER, len(data), 2 * STEP):
            # A microphone gives what has been said.
            spoken = (destination - HEADER + 2 * STEP) / 2 / RATE
            time.sleep(max(0.0, started_at + spoken - time.monotonic()))
            child.stdin.write(data[destination : destination + 2 * STEP])
            child.stdin.flush()
        child.stdin.close()
        listener.join()
    return started_at, lines


def processed(stdout: Iterator[bytes]) -> Iterator[tuple[float, dict]]:
    for line in stdout:
        yield time.monotonic(), json.loads(line)


if __name__ == "__main__":
    main()
