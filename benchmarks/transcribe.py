"""How fast and how well speech is transcribed, beside the peers.

    pip install -e '.[bench]'
    python -m benchmarks.transcribe folder long wer firstcue memory --set DIR --peer-python PYTHON

Needs a set of clips, a folder with a manifest.jsonl (`--set`). The peers are looked for in
`--peer-python`; who isn't there is left out with a note. Every run is a whole process with fresh
settings. Contenders take turns: in the first one their memory is looked at, which also warms up,
then they are timed; medians are printed. All get the same 16 kHz WAV files, the same weights, and
the language, but for the rows that say so. WER is that of the first timed turn where a difference
is given, else the median.
"""

import argparse
import json
import statistics
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from benchmarks import results, tables
from benchmarks.cli import compare
from benchmarks.figures import MIB, note
from benchmarks.measure import FailedError
from benchmarks.speech import Clip, by_tongue, english, join_text, read, short, wavs
from benchmarks.tables import Raced
from benchmarks.transcribers import (
    BASELINE,
    MODES,
    OURS,
    PEERS,
    ROOT,
    Contender,
    Model,
    Outcome,
    Work,
    lacks,
    once,
    owned,
    peer,
)
from benchmarks.weights import convert, pulled
from benchmarks.wer import by_language

FIRST_CUE, CUE = 3.0, "-->"  # seconds, and what every program prints with a cue


@dataclass(frozen=True, slots=True)
class Bench:
    """What is asked for, who takes part, where files may be written; `kept` is for `--json`."""

    asked: argparse.Namespace
    models: Sequence[Model]
    contenders: Sequence[Contender]
    clips: Sequence[Clip]
    temp_folder: Path
    kept: list[dict[str, object]] = field(default_factory=list)

    def keep(self, case: str, model: Model, name: str, outcome: Outcome) -> None:
        self.kept.append({"case": case, "model": model.name, "name": name} | asdict(outcome))

    def with_detecting(self, model: Model) -> list[Contender]:
        """Add whisper-cli and faster-whisper once more, left alone with the language."""
        several = not model.name.endswith(".en")
        more = [c.detecting() for c in self.contenders if several and c.name in (OURS, BASELINE)]
        return [*self.contenders, *more]

    def join_text(self, minutes: float) -> Clip:
        path = self.temp_folder / f"{minutes:g}-minutes.wav"
        return join_text(english(self.clips), minutes * 60, path)


def folder_case(bench: Bench) -> None:
    """Time a folder of about a hundred clips under half a minute."""
    clips = wavs(short(english(bench.clips))[: bench.asked.limit], bench.temp_folder / "folder")
    for model in bench.models:
        race("folder", bench, Work(model, clips, "en"), bench.with_detecting(model))


def long_case(bench: Bench) -> None:
    """Time one file of more than ten minutes."""
    clip = bench.join_text(bench.asked.minutes)
    for model in bench.models:
        race("long", bench, Work(model, [clip], "en"), bench.contenders)


def race(case: str, bench: Bench, work: Work, contenders: Sequence[Contender]) -> None:
    """Let the contenders take turns and print the table; one that fails is left out."""
    rows = {item.name: Raced([], []) for item in contenders}
    for turn in range(1 + bench.asked.turns):
        for item in contenders:
            if item.name in rows and (outcome := attempt(item, work, format_options=not turn)):
                runs = rows[item.name].timed if turn else rows[item.name].looked
                runs.append(outcome)
                bench.keep(case, work.model, item.name, outcome)
            else:
                rows.pop(item.name, None)
    if rows:
        show(tables.speed(case, work.model.name, work.clips, rows))
        seconds = sum(clip.seconds for clip in work.clips)
        facts = {"clips": len(work.clips), "audio_seconds": round(seconds, 1)}
        results.keep(case, work.model.name, tables.plain(work.clips, rows), **facts)


def attempt(contender: Contender, work: Work, *, format_options: bool) -> Outcome | None:
    """Run a contender once, and say so."""
    try:
        outcome = once(contender, work, format_options=format_options)
    except FailedError as error:
        note(f"{contender.name} is left out: {error}")
        return None
    note(f"{work.model.name}, {contender.name}: {outcome.cost.seconds:.2f} s")
    if empty := sum(not text.strip() for text in outcome.processed.values()):
        note(f"{contender.name} gave no text for {empty} of {len(work.clips)} clips")
    return outcome


def wer_case(bench: Bench) -> None:
    """Print the WER by language, and how sure the difference to faster-whisper is."""
    chosen = [c for group in by_tongue(bench.clips) for c in group[: bench.asked.limit]]
    everything = wavs(chosen, bench.temp_folder / "wer")
    for model in bench.models:
        clips = english(everything) if model.name.endswith(".en") else everything
        counted = {}
        for item in bench.with_detecting(model):
            if (processed := hear(bench, item, model, clips)) is not None:
                counted[item.name] = by_language(clips, processed)
        if counted:
            show(tables.words(model.name, counted))


def hear(
    bench: Bench, contender: Contender, model: Model, clips: Sequence[Clip]
) -> dict[str, str] | None:
    """Transcribe a set, language by language unless the contender detects it."""
    processed: dict[str, str] = {}
    for group in [clips] if contender.detects else by_tongue(clips):
        outcome = attempt(contender, Work(model, group, group[0].language), format_options=False)
        if outcome is None:
            return None
        bench.keep("wer", model, contender.name, outcome)
        processed |= outcome.processed
    return processed


def first_cue_case(bench: Bench) -> None:
    """Time the first cue of a recording of an hour."""
    model = bench.models[0]
    work = Work(model, [bench.join_text(60)], "en")
    rows = [(c.name, c.cues(work, bench.temp_folder), CUE) for c in bench.contenders if c.cues]
    medians = compare(f"first cue of an hour, {model.name}", rows, bench.asked.turns)
    if OURS in medians:
        print()
        show(tables.verdict(f"first cue in {FIRST_CUE:g} s", met=medians[OURS] <= FIRST_CUE))


def memory_case(bench: Bench) -> None:
    """Compare the memory that a very long recording takes with that of ten minutes.

    That of the short one is a median, since it is another from run to run.
    """
    model, asked = bench.models[0], bench.asked
    longest = {OURS: asked.hours, BASELINE: asked.peer_hours}
    peaks: dict[str, dict[float, float]] = {}
    for minutes in sorted({10.0, *(60 * hours for hours in longest.values() if hours)}):
        work = Work(model, [bench.join_text(minutes)], "en")
        for item in bench.contenders:
            if minutes not in (10.0, 60 * longest.get(item.name, 0)):
                continue
            turns = asked.turns if minutes == 10 else 1
            looks = [attempt(item, work, format_options=True) for _ in range(turns)]
            if seen := [outcome.cost.peak / MIB for outcome in looks if outcome]:
                peaks.setdefault(item.name, {})[minutes] = statistics.median(seen)
            for outcome in filter(None, looks):
                bench.keep(f"memory, {minutes:g} min", model, item.name, outcome)
    show(tables.memory(model.name, peaks))


CASES: dict[str, Callable[[Bench], None]] = {
    "folder": folder_case,
    "long": long_case,
    "wer": wer_case,
    "firstcue": first_cue_case,
    "memory": memory_case,
}


def show(table: str) -> None:
    print(table, end="\n\n", flush=True)


def contenders(asked: argparse.Namespace, models: Sequence[Model]) -> list[Contender]:
    """List who takes part; ours first."""
    chosen = [owned(*MODES[mode]) for mode in asked.modes]
    for name in asked.peers:
        if missing := lacks(name, asked.peer_python, models):
            note(f"{name} is left out: {missing}")
        else:
            chosen.append(peer(name, asked.peer_python))
    return chosen


def names(known: Sequence[str]) -> Callable[[str], list[str]]:
    """Read a list with commas."""

    def read_names(text: str) -> list[str]:
        chosen = [] if text == "none" else list(known) if text == "all" else text.split(",")
        if unknown := [name for name in chosen if name not in known]:
            raise argparse.ArgumentTypeError(f"{unknown[0]} is none of {', '.join(known)}")
        return chosen

    return read_names


def parser() -> argparse.ArgumentParser:
    present = argparse.ArgumentParser(description=__doc__)
    present.formatter_class = argparse.RawDescriptionHelpFormatter
    present.add_argument("cases", nargs="+", choices=CASES, metavar="CASE", help=", ".join(CASES))
    present.add_argument("--set", type=Path, required=True, help="folder of clips")
    present.add_argument("--models", default="tiny.en,base", type=lambda text: text.split(","))
    present.add_argument("--modes", default="fast,exact", type=names(list(MODES)), help="of ours")
    present.add_argument(
        "--peers", default="all", type=names(list(PEERS)), help=f"all, none, or {', '.join(PEERS)}"
    )
    present.add_argument("--peer-python", type=Path, default=Path(sys.executable))
    present.add_argument(
        "--converter", type=Path, help="script MODEL_DIR OUT.pt OUT.bin, for the last two peers"
    )
    present.add_argument("--converted", type=Path, default=ROOT / ".models" / "converted")
    present.add_argument("--turns", type=int, default=3, help="timed turns")
    present.add_argument("--minutes", type=float, default=14, help="of the long file")
    present.add_argument("--hours", type=float, default=10, help="of the longest recording")
    present.add_argument("--peer-hours", type=float, default=0, help="the same for faster-whisper")
    present.add_argument("--limit", type=int, help="clips, of each language: to try the script")
    present.add_argument("--json", type=Path, help="write every run, with what was heard, here")
    return present


def main() -> None:
    """Read the arguments, and print each table as soon as it is there."""
    asked = parser().parse_args()
    asked.peer_python = asked.peer_python.absolute()
    clips = read(asked.set)
    models = [pulled(name, asked.converted.absolute()) for name in asked.models]
    if asked.converter and {"openai-whisper", "whisper.cpp"}.intersection(asked.peers):
        for model in models:
            convert(model, asked.converter, asked.peer_python)
    with tempfile.TemporaryDirectory(prefix="speech-benchmark-") as contains:
        bench = Bench(asked, models, contenders(asked, models), clips, Path(contains))
        for case in asked.cases:
            CASES[case](bench)
            if asked.json:
                asked.json.write_text(json.dumps(bench.kept, indent=1, ensure_ascii=False))


if __name__ == "__main__":
    main()
