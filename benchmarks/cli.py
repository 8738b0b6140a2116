"""How soon the program is there: help, version, and the first line of text, beside its peers.

    python benchmarks/cli.py --peers VENV --whisper-pt tiny.en.pt [--runs 7]

`--peers` is a virtual environment with whisper-ctranslate2 and openai-whisper; `--whisper-pt` holds
the same tiny.en weights in openai-whisper's format. The programs take turns; medians are printed.
The first line counts when it can be read, from a process that nothing was kept warm for.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parent.parent
JFK = ROOT / "samples" / "jfk.flac"
Contender = tuple[str, list[str], str | None]  # name, command, text that counts as the first line


def seconds(command: list[str], first: str | None) -> float:
    """Time a whole process, or until a line that holds `first` could be read from its stdout."""
    with tempfile.TemporaryDirectory() as folder:
        started_at = time.perf_counter()
        child = subprocess.Popen(
            command,
            cwd=folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=os.environ | {"PYTHONUNBUFFERED": "1"},
        )
        with child:
            for line in child.stdout or ():
                if first and first in line.decode():
                    elapsed = time.perf_counter() - started_at
                    child.kill()
                    return elapsed
        if first or child.returncode:
            raise SystemExit(f"{' '.join(command)}: no result (exit code {child.returncode})")
        return time.perf_counter() - started_at


def compare(title: str, contenders: list[Contender], runs: int) -> dict[str, float]:
    """Let the contenders take turns and print a table of medians and ratios."""
    times: dict[str, list[float]] = {name: [] for name, _, _ in contenders}
    for turn in range(runs + 1):  # the first turn fills the page cache and is not counted
        for name, command, first in contenders:
            taken = seconds(command, first)
            if turn:
                times[name].append(taken)
    medians = {name: statistics.median(values) for name, values in times.items()}
    owned = next(iter(medians.values()))
    print(f"\n| {title} | median s | range | ratio |\n|---|---|---|---|")
    for name, median in medians.items():
        low, high = min(times[name]), max(times[name])
        print(f"| {name} | {median:.2f} | {low:.2f} to {high:.2f} | {median / owned:.1f} |")
    return medians


def model_folder() -> str:
    """Pull tiny.en where it isn't here, and give its folder for the peers to load."""
    command = [sys.executable, "-m", "whisper_cli", "pull", "tiny.en"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def contenders(peers: Path | None, weights: Path | None) -> dict[str, list[Contender]]:
    """List who runs what, ours first."""
    owned = [str(Path(sys.executable).with_name("whisper-cli"))]
    first = "fellow Americans"
    tables: dict[str, list[Contender]] = {
        "help": [
            ("whisper-cli --help", [*owned, "--help"], None),
            ("whisper-cli --version", [*owned, "--version"], None),
        ],
        "first line of text": [
            (
                "whisper-cli",
                [*owned, "transcribe", "--no-history", str(JFK), "-m", "tiny.en", "-l", "en"],
                first,
            )
        ],
    }
    if peers:
        ct2, folder = str(peers / "bin" / "whisper-ctranslate2"), model_folder()
        tables["help"].append(("whisper-ctranslate2 --help", [ct2, "--help"], None))
        same = [str(JFK), "--model_directory", folder, "--device", "cpu", "--compute_type", "int8"]
        command = [ct2, *same, "--language", "en", "--vad_filter", "True"]
        tables["first line of text"].append(("whisper-ctranslate2", command, first))
    if peers and weights:
        whisper = [str(peers / "bin" / "whisper"), str(JFK), "--model", str(weights.resolve())]
        command = [*whisper, "--device", "cpu", "--fp16", "False", "--language", "en"]
        tables["first line of text"].append(("openai-whisper (float32)", command, first))
    return tables


def main() -> None:
    """Read the arguments and print every table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--peers", type=Path, help="virtual environment with the peers")
    parser.add_argument("--whisper-pt", type=Path, help="tiny.en as openai-whisper's .pt")
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--json", type=Path, help="write the medians here")
    arguments = parser.parse_args()
    model_folder()
    tables = contenders(arguments.peers, arguments.whisper_pt)
    results = {title: compare(title, rows, arguments.runs) for title, rows in tables.items()}
    if arguments.json:
        arguments.json.write_text(json.dumps(results, indent=2))


if __name__ == "__main__":
    main()
