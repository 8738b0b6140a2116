"""How many cues break a rule of a preset, beside peers on the same words, and how fast cues are.

    pip install -e '.[bench]'
    python -m benchmarks.cues --set DIR --peer-python PYTHON

Needs a set of clips, a folder with a manifest.jsonl (`--set`); clips that say the same count once.
They are transcribed by whisper-cli (tiny.en for English, base for the rest) into `--transcripts`,
where the next run finds them. The words go into whisper-cli's cues by preset, and into the peers'
own writers in `--peer-python`; every SRT is read back and judged twice (`judge.py`). Seconds are of
the processor: one process, median of `--turns`, in which the presets alternate.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import product
from pathlib import Path

from benchmarks import judge
from benchmarks.figures import note
from benchmarks.judge import Count
from benchmarks.regroup import PEERS
from benchmarks.speech import Clip, by_tongue, english, join_text, read, wavs
from benchmarks.tables import verdict
from benchmarks.transcribers import ROOT
from whisper_cli.formats.readers import ReadTranscript, read_transcript
from whisper_cli.subtitles.presets import PRESETS, rules_for
from whisper_cli.subtitles.shaper import shape
from whisper_cli.transcript import Segment

OURS = "whisper-cli"
Asked = argparse.Namespace
JUDGED = ("netflix", "bbc")
JUDGES = {"check": judge.owned, "pysubs2": judge.theirs}
MAXIMUM, FASTEST = 1.0, 20_000  # percent of cues that break a rule; cues a second


@dataclass(frozen=True, slots=True)
class Spoken:
    """A recording with its transcript in JSON; `group` is the row that it is counted in."""

    group: str
    transcript: Path
    language: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Row:
    """What one program's cues of a group are, by judge."""

    preset: str
    group: str
    who: str
    counts: dict[str, Count]


def transcribed(asked: Asked) -> list[Spoken]:
    """Transcribe what isn't yet, and name every transcript that has words."""
    clips = list({(c.language, c.said): c for c in reversed(read(asked.set))}.values())
    asked.transcripts.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="cues-benchmark-") as contains:
        temp_folder = Path(contains)
        long = join_text(english(clips), asked.minutes * 60, temp_folder / "joined.wav")
        for number, group in enumerate((*by_tongue(clips), [long])):
            if remaining := [clip for clip in group if not destination(asked, clip).exists()]:
                transcribe(asked, remaining, temp_folder / str(number))
    spoken = [
        Spoken(group_of(clip), destination(asked, clip), clip.language, clip.seconds)
        for clip in clips
    ]
    spoken.append(Spoken("joined", destination(asked, long), "en", long.seconds))
    return [item for item in spoken if reported(item).segments]


def transcribe(asked: Asked, clips: Sequence[Clip], folder: Path) -> None:
    """Transcribe clips of one language as a user would."""
    language = clips[0].language
    note(f"transcribing {len(clips)} clips in {language}")
    files = wavs(clips, folder)
    model = "tiny.en" if language == "en" else "base"
    ask = ["transcribe", *(str(clip.path) for clip in files), "-m", model, "-l", language]
    whisper_cli(*ask, "--word-timestamps", "-f", "json", "-o", f"{folder}/", "-q")
    for clip in files:
        destination(asked, clip).write_bytes(clip.path.with_suffix(".json").read_bytes())


def destination(asked: Asked, clip: Clip) -> Path:
    """Tell where a clip's transcript is kept."""
    return asked.transcripts / f"{clip.name.replace('/', '-').replace('.', '-')}.json"


def group_of(clip: Clip) -> str:
    return "long reading" if clip.seconds >= 60 and clip.name.startswith("long/") else "clips"


def reported(spoken: Spoken) -> ReadTranscript:
    return read_transcript(spoken.transcript.read_bytes(), spoken.transcript.name)


def whisper_cli(*arguments: str) -> None:
    program = Path(sys.executable).with_name("whisper-cli")
    subprocess.run([program, *arguments], check=True, stdout=subprocess.DEVNULL)


def write_ours(spoken: Sequence[Spoken], preset: str, out: Path) -> None:
    """Write subtitles as a user would, of transcripts."""
    files = [str(item.transcript) for item in spoken]
    whisper_cli("render", *files, "--preset", preset, "-f", "srt", "-o", f"{out}/", "-q")


def write_theirs(spoken: Sequence[Spoken], name: str, asked: Asked, preset: str, out: Path) -> None:
    """Let a peer write them in its own Python, with lines as wide as the preset allows."""
    files = "".join(f"{item.transcript}\n" for item in spoken)
    width = str(PRESETS[preset].max_line_width)
    command = [asked.peer_python, ROOT / "benchmarks" / "regroup.py", name, width, out]
    subprocess.run(command, input=files, text=True, check=True, stdout=subprocess.DEVNULL)


def present(names: Iterable[str], python: Path) -> list[str]:
    """Choose the peers that are there."""
    found = []
    for name in names:
        code = (
            f"import importlib.util as u; raise SystemExit(u.find_spec({PEERS[name][0]!r}) is None)"
        )
        if subprocess.run([python, "-c", code], check=False).returncode:
            note(f"{name} is left out: {python} has no module {PEERS[name][0]}")
        else:
            found.append(name)
    return found


def judged(spoken: Sequence[Spoken], asked: Asked) -> list[Row]:
    """Write everybody's subtitles for each preset, and judge them."""
    programs = [OURS, *present(PEERS, asked.peer_python)]
    groups: dict[str, list[Spoken]] = {}
    for item in spoken:
        groups.setdefault(item.group, []).append(item)
    rows = []
    for preset, who in product(JUDGED, programs):
        with tempfile.TemporaryDirectory(prefix="cues-benchmark-") as contains:
            if who == OURS:
                write_ours(spoken, preset, Path(contains))
            else:
                write_theirs(spoken, who, asked, preset, Path(contains))
            for group, chosen in groups.items():
                rows.append(Row(preset, group, who, counted(chosen, preset, Path(contains))))
    return rows


def counted(spoken: Sequence[Spoken], preset: str, folder: Path) -> dict[str, Count]:
    """Add up what each judge finds."""
    totals = dict.fromkeys(JUDGES, Count())
    for item in spoken:
        rules = rules_for(preset, item.language)
        for name, judge_of in JUDGES.items():
            file = folder / f"{item.transcript.stem}.srt"
            totals[name] += judge.count(file, rules, item.seconds, judge_of)
    return totals


def speeds(spoken: Sequence[Spoken], asked: Asked) -> dict[str, list[float]]:
    """Count the cues a second that the long reading gives, said over and over, by preset."""
    long = next((item for item in spoken if item.group == "long reading"), spoken[0])
    said = reported(long).segments
    segments = [later(segment, n * long.seconds) for n in range(asked.repeat) for segment in said]
    found: dict[str, list[float]] = {name: [] for name in PRESETS}
    for turn in range(1 + asked.turns):  # the first one fills what is remembered of texts
        for name, results in found.items():
            rules = rules_for(name, long.language)
            started_at = time.process_time()
            cues = sum(1 for _ in shape(segments, rules, long.language))
            rate = cues / (time.process_time() - started_at)
            results.extend([rate] * bool(turn))
    return found


def later(segment: Segment, seconds: float) -> Segment:
    """Say a segment so many seconds later."""
    words = tuple(
        replace(word, start=word.start + seconds, end=word.end + seconds) for word in segment.words
    )
    return replace(segment, start=segment.start + seconds, end=segment.end + seconds, words=words)


def table(rows: Sequence[Row]) -> str:
    """Draw the shares in percent: what `check` finds, and in brackets what the other judge does."""
    heads = ("preset", "what", "who", "cues", "break a rule, %", "a hard one, %", "no room, %")
    lines = [f"| {' | '.join(heads)} |", f"|{'---|' * len(heads)}"]
    for row in rows:
        first, second = row.counts.values()
        shares = [
            f"{100 * one / first.cues:.1f} ({100 * two / second.cues:.1f})"
            for one, two in (
                (first.broken, second.broken),
                (first.hard, second.hard),
                (first.no_room, second.no_room),
            )
        ]
        lines.append(
            f"| {' | '.join((row.preset, row.group, row.who, str(first.cues), *shares))} |"
        )
    return "\n".join((*lines, "", *verdicts(rows)))


def verdicts(rows: Sequence[Row]) -> list[str]:
    """Say whether ours are as good as they have to be, by both judges."""
    found = []
    for preset in JUDGED:
        own = [row for row in rows if (row.preset, row.who) == (preset, OURS)]
        for name in JUDGES:
            total = sum((row.counts[name] for row in own), Count())
            share = 100 * total.broken / total.cues
            said = f"{preset}, {name}: {share:.2f} % break a rule (must: < {MAXIMUM:g})"
            met = share < MAXIMUM and not total.hard
            found.append(verdict(f"{said}, {total.hard} a hard one (must: 0)", met=met))
    return found


def speed_table(found: dict[str, list[float]]) -> str:
    lines = ["| preset | cues a second | range |", "|---|---|---|"]
    for name, rates in found.items():
        middle = statistics.median(rates)
        lines.append(f"| {name} | {middle:,.0f} | {min(rates):,.0f} to {max(rates):,.0f} |")
    slowest = min(map(statistics.median, found.values()))
    met = slowest >= FASTEST
    said = f"{slowest:,.0f} cues a second with the slowest preset (must: {FASTEST:,})"
    return "\n".join((*lines, "", verdict(said, met=met)))


def main() -> None:
    """Read the arguments and print both tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--set", type=Path, required=True, help="folder of clips")
    parser.add_argument("--peer-python", type=Path, default=Path(sys.executable))
    parser.add_argument("--transcripts", type=Path, default=ROOT / "build" / "transcripts")
    parser.add_argument("--minutes", type=float, default=14, help="of the clips in one file")
    parser.add_argument("--turns", type=int, default=5, help="timed turns")
    parser.add_argument("--repeat", type=int, default=60, help="readings in a turn")
    parser.add_argument("--json", type=Path, help="write every figure here")
    asked = parser.parse_args()
    asked.peer_python = asked.peer_python.absolute()
    spoken = transcribed(asked)
    rows = judged(spoken, asked)
    print(table(rows), end="\n\n", flush=True)
    found = speeds(spoken, asked)
    print(speed_table(found))
    if asked.json:
        kept = {"cues": [asdict(row) for row in rows], "cues a second": found}
        asked.json.write_text(json.dumps(kept, indent=1))


if __name__ == "__main__":
    main()
