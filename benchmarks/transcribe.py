"""How fast and how well speech is transcribed, beside the peers: `python -m benchmarks.transcribe`.

    python -m benchmarks.transcribe folder long wer first-cue memory --set DIR --peer-python PYTHON

`--set` is a folder with a manifest.jsonl; `--peer-python` a Python that has the peers. The
contenders take turns; every run is a whole process; medians are printed, with the WER beside them.
openai-whisper and whisper.cpp need their own form of the same weights: `--weights DIR` holds
MODEL.pt and MODEL.bin.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.measure import Cost, FailedError, measure
from benchmarks.speech import Clip, joined, read, samples, short
from benchmarks.wer import by_language, interval, rate

ROOT = Path(__file__).parent.parent
OURS, BASELINE = "whisper-cli", "faster-whisper"
PEERS = (BASELINE, "faster-whisper, batched", "faster-whisper, a process a core")
CONVERTED = {"openai-whisper": ".pt", "whisper.cpp": ".bin"}


@dataclass(frozen=True, slots=True)
class Contender:
    """A program as a command: `command(model, clips, language, folder)` writes into the folder."""

    name: str
    command: Callable[[str, Sequence[Clip], str | None, Path], list[str]]
    texts: Callable[[Sequence[Clip], Path], dict[str, str]]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one run took, and what it heard, by path."""

    cost: Cost
    heard: dict[str, str]


def ours(mode: str) -> Contender:
    """Run whisper-cli over a list of files."""

    def command(model: str, clips: Sequence[Clip], language: str | None, folder: Path) -> list[str]:
        listed = folder / "files.txt"
        listed.write_text("".join(f"{clip.path}\n" for clip in clips))
        told = ["--language", language] if language else []
        program = [sys.executable, "-m", "whisper_cli", "transcribe", f"@{listed}", *told]
        return [*program, "-m", model, "--mode", mode, "-f", "jsonl", "-o", f"{folder}/out/", "-q"]

    def texts(clips: Sequence[Clip], folder: Path) -> dict[str, str]:
        heard = {}
        for clip in clips:
            lines = (folder / "out" / f"{clip.path.stem}.jsonl").read_text().splitlines()
            events = [json.loads(line) for line in lines]
            said = [event["text"] for event in events if event["type"] == "segment"]
            heard[str(clip.path)] = " ".join(said)
        return heard

    return Contender(OURS if mode == "fast" else f"{OURS} --mode {mode}", command, texts)


def bench_name(folder: str) -> str:
    """Tell a model's name from its folder in the cache."""
    return Path(folder).parents[1].name.rpartition("faster-whisper-")[2]


def peer(name: str, python: str, weights: Path | None) -> Contender:
    """Run one of `benchmarks/peers.py`."""

    def command(model: str, clips: Sequence[Clip], language: str | None, folder: Path) -> list[str]:
        if name in CONVERTED and weights is not None:
            model = str(weights / f"{bench_name(model)}{CONVERTED[name]}")
        files = [str(clip.path) for clip in clips]
        job = folder / "job.json"
        job.write_text(json.dumps({"model": model, "files": files, "language": language}))
        return [
            python,
            str(ROOT / "benchmarks" / "peers.py"),
            name,
            str(job),
            f"{folder}/out.jsonl",
        ]

    def texts(_: Sequence[Clip], folder: Path) -> dict[str, str]:
        lines = map(json.loads, (folder / "out.jsonl").read_text().splitlines())
        return {line["path"]: line["text"] for line in lines}

    return Contender(name, command, texts)


def once(
    contender: Contender, model: str, clips: Sequence[Clip], language: str | None, *, look: bool
) -> Outcome:
    """Run one contender over clips of one language."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        environment = os.environ | {"WHISPER_CLI_STATE_DIR": f"{folder}/state"}
        command = contender.command(model, clips, language, folder)
        cost = measure(command, environment, ROOT, look=look)
        return Outcome(cost, contender.texts(clips, folder))


def turns(
    contenders: Sequence[Contender], model: str, clips: Sequence[Clip], language: str, count: int
) -> Iterator[tuple[str, Cost, list[Outcome]]]:
    """Let contenders take turns; a first one, not timed, looks at the memory."""
    looked: dict[str, Cost] = {}
    timed: dict[str, list[Outcome]] = {}
    for turn in range(count + 1):
        for each in contenders:
            try:
                outcome = once(each, model, clips, language, look=not turn)
            except FailedError as error:
                print(f"{each.name} is left out: {error}", file=sys.stderr)
                continue
            if turn:
                timed.setdefault(each.name, []).append(outcome)
            else:
                looked[each.name] = outcome.cost
    for name, outcomes in timed.items():
        yield name, looked[name], outcomes


def speed(title: str, bench: "Bench", clips: Sequence[Clip]) -> None:
    """Print seconds, RTFx, memory and WER of all contenders on the same work, for each model."""
    seconds = sum(clip.seconds for clip in clips)
    for name, folder in bench.models.items():
        rows = list(turns(bench.contenders, folder, clips, clips[0].language, bench.turns))
        medians = {row: statistics.median(o.cost.seconds for o in done) for row, _, done in rows}
        print(
            f"\n| {title}, {seconds:.0f} s, {name} | median s | range | RTFx | ratio | MiB | WER |"
        )
        print("|---|---|---|---|---|---|---|")
        for row, looked, done in rows:
            times = [outcome.cost.seconds for outcome in done]
            median = medians[row]
            wer = rate(by_language(clips, done[0].heard)["all"])
            ratio = medians.get(BASELINE, median) / median
            print(
                f"| {row} | {median:.1f} | {min(times):.1f} to {max(times):.1f} "
                f"| {seconds / median:.1f} | {ratio:.1f} | {looked.peak >> 20} | {wer:.2f} |"
            )


def folder_case(bench: "Bench", scratch: Path) -> None:
    """Time a folder of about a hundred clips under half a minute."""
    speed("folder", bench, wavs(short(bench.clips)[: bench.limit], scratch))


def long_case(bench: "Bench", scratch: Path) -> None:
    """Time one file of more than ten minutes."""
    spoken = [clip for clip in bench.clips if clip.language == "en"]
    total = sum(clip.seconds for clip in spoken)
    speed("one file", bench, [joined(spoken, max(total, 660), scratch / "long.wav")])


def wavs(clips: Sequence[Clip], scratch: Path) -> list[Clip]:
    """Write clips as 16 kHz WAV, which every contender reads."""
    import soundfile

    written = []
    for number, clip in enumerate(clips):
        path = scratch / f"{number:03}-{clip.path.stem}.wav"
        soundfile.write(path, samples(clip.path), 16_000)
        written.append(Clip(path, clip.language, clip.text, clip.seconds))
    return written


def wer_case(bench: "Bench", scratch: Path) -> None:
    """Print WER by language, and how sure the difference to faster-whisper's default is."""
    for name, folder in bench.models.items():
        chosen = [c for c in bench.clips if c.language == "en" or not name.endswith(".en")]
        clips = wavs(chosen[: bench.limit], scratch)
        counted = {}
        for each in (*bench.contenders, ours("exact")):
            heard: dict[str, str] = {}
            for language in sorted({clip.language for clip in clips}):
                group = [clip for clip in clips if clip.language == language]
                heard |= once(each, folder, group, language, look=False).heard
            counted[each.name] = by_language(clips, heard)
        _print_wer(name, counted)


def _print_wer(model: str, counted: dict[str, dict[str, list]]) -> None:
    languages = list(next(iter(counted.values())))
    print(f"\n| WER, {model} | {' | '.join(languages)} | to {BASELINE}, 95 % |")
    print("|---|" + "---|" * (len(languages) + 1))
    for name, errors in counted.items():
        low, high = interval(errors["all"], counted[BASELINE]["all"])
        rates = " | ".join(f"{rate(errors[language]):.2f}" for language in languages)
        print(f"| {name} | {rates} | {low:+.2f} to {high:+.2f} |")


def first_cue_case(bench: "Bench", scratch: Path) -> None:
    """Time the first line of text of a recording of an hour."""
    spoken = [clip for clip in bench.clips if clip.language == "en"]
    hour = joined(spoken, 3600, scratch / "hour.wav")
    for name, folder in bench.models.items():
        command = [sys.executable, "-m", "whisper_cli", "transcribe", str(hour.path), "-m", folder]
        times = [_first_line(command) for _ in range(bench.turns + 1)][1:]
        span = f"{min(times):.2f} to {max(times):.2f}"
        print(f"\nfirst cue of an hour, {name}: {statistics.median(times):.2f} s ({span})")


def _first_line(command: list[str]) -> float:
    began = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.PIPE) as child:
        line = (child.stdout or sys.stdin.buffer).readline()
        seconds = time.perf_counter() - began
        child.kill()
    if not line.strip():
        raise SystemExit("no text came")
    return seconds


def memory_case(bench: "Bench", scratch: Path) -> None:
    """Compare the memory that a very long recording takes with that of ten minutes."""
    spoken = [clip for clip in bench.clips if clip.language == "en"]
    model = next(iter(bench.models.values()))
    for seconds in (600, bench.hours * 3600):
        clip = joined(spoken, seconds, scratch / "memory.wav")
        for each in bench.contenders:
            if seconds > 600 and each.name != OURS:
                continue
            peak = once(each, model, [clip], "en", look=True).cost.peak
            print(f"peak memory, {clip.seconds / 60:.0f} min, {each.name}: {peak >> 20} MiB")


CASES: dict[str, Callable[["Bench", Path], None]] = {
    "folder": folder_case,
    "long": long_case,
    "wer": wer_case,
    "first-cue": first_cue_case,
    "memory": memory_case,
}


@dataclass(frozen=True, slots=True)
class Bench:
    """What is run: contenders, models by name, clips, how often."""

    contenders: Sequence[Contender]
    models: dict[str, str]
    clips: list[Clip]
    turns: int
    hours: float
    limit: int | None


def pulled(model: str) -> str:
    """Give the folder of a model, pulled where it isn't here."""
    command = [sys.executable, "-m", "whisper_cli", "pull", model]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def main() -> None:
    """Read the arguments and run the cases."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("cases", nargs="+", choices=CASES)
    parser.add_argument("--set", type=Path, default=ROOT.parent / "shared" / "speech-eval")
    parser.add_argument("--models", default="tiny.en,base")
    parser.add_argument("--peers", default=";".join(PEERS), help="names, separated by semicolons")
    parser.add_argument("--peer-python", default=sys.executable)
    parser.add_argument("--weights", type=Path, help="folder of MODEL.pt and MODEL.bin")
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--hours", type=float, default=10.0, help="of the longest recording")
    parser.add_argument("--limit", type=int, help="no more clips than this, to try the script")
    asked = parser.parse_args()
    names = filter(None, asked.peers.split(";"))
    contenders = [ours("fast"), *(peer(n, asked.peer_python, asked.weights) for n in names)]
    models = {name: pulled(name) for name in asked.models.split(",")}
    bench = Bench(contenders, models, read(asked.set), asked.turns, asked.hours, asked.limit)
    with tempfile.TemporaryDirectory() as folder:
        for case in asked.cases:
            CASES[case](bench, Path(folder))


if __name__ == "__main__":
    main()
