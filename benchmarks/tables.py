"""What was measured of each transcriber, what it has to be, and the tables that show both."""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from benchmarks.figures import MIB
from benchmarks.speech import Clip
from benchmarks.transcribers import BASELINE, BATCHED, OURS, PROCESSES, Outcome
from benchmarks.wer import POOLED, TOLERANCE, Difference, Errors, by_language, difference, rate

FASTER = {  # times as fast as who, by case and model; "" for every other model
    ("folder", "tiny.en"): {BASELINE: 7, PROCESSES: 3.5},
    ("folder", "base"): {BASELINE: 5.5, PROCESSES: 2.7},
    ("long", ""): {BASELINE: 3.5, BATCHED: 1.8},
}
SPEED = ("median s", "range", "RTFx", "ratio", "peak MiB", "WER", f"to {BASELINE}, 95 %")


@dataclass(frozen=True, slots=True)
class Raced:
    """All runs of one contender: those whose memory was looked at, and those that were timed."""

    looked: Sequence[Outcome]
    timed: Sequence[Outcome]

    @property
    def seconds(self) -> float:
        return statistics.median(run.cost.seconds for run in self.timed)

    @property
    def peak(self) -> float:
        return statistics.median(run.cost.peak for run in self.looked) / MIB

    def errors(self, clips: Sequence[Clip]) -> dict[str, list[Errors]]:
        return by_language(clips, self.timed[0].processed)


def verdict(words: str, *, met: bool) -> str:
    return f"- {words}: {'met' if met else 'MISSED'}"


def speed(case: str, model: str, clips: Sequence[Clip], rows: Mapping[str, Raced]) -> str:
    """Draw seconds, memory and WER of all contenders on the same work, and say what is met."""
    sound = sum(clip.seconds for clip in clips)
    counted = {name: row.errors(clips)[POOLED] for name, row in rows.items()}
    versus = differences(counted)
    base = rows[BASELINE].seconds if BASELINE in rows else None
    lines = [_head(f"{case}, {model}: {sound:.0f} s in {len(clips)}", *SPEED)]
    for name, row in rows.items():
        times = [run.cost.seconds for run in row.timed]
        cells = (
            f"{row.seconds:.2f}",
            f"{min(times):.2f} to {max(times):.2f}",
            f"{sound / row.seconds:.1f}",
            f"{base / row.seconds:.2f}" if base else "",
            f"{row.peak:.0f}",
            f"{statistics.median(rate(run) for run in _runs(row, clips)):.2f}",
            str(versus.get(name, "")),
        )
        lines.append(f"| {' | '.join((name, *cells))} |")
    return "\n".join((*lines, "", *_speed_verdicts(case, model, rows, versus)))


def plain(clips: Sequence[Clip], rows: Mapping[str, Raced]) -> list[dict[str, object]]:
    """Give seconds, memory and WER of all contenders as they are kept in a file."""
    return [
        {
            "name": name,
            "seconds": round(row.seconds, 2),
            "times": [round(run.cost.seconds, 2) for run in row.timed],
            "peak_mib": round(row.peak),
            "wer": round(statistics.median(rate(run) for run in _runs(row, clips)), 2),
        }
        for name, row in rows.items()
    ]


def words(model: str, counted: Mapping[str, Mapping[str, list[Errors]]]) -> str:
    """Draw the WER of each language and of all pooled, with the difference to the baseline."""
    first = next(iter(counted.values()))
    languages = [item for item in first if item != POOLED or len(first) > 2]
    heads = [f"{item}, {len(first[item])} clips" for item in languages]
    lines = [_head(f"WER, {model} (to {BASELINE}, 95 %)", *heads)]
    worse: dict[str, list[str]] = {name: [] for name in counted if name != BASELINE}
    versus = {item: differences({n: row[item] for n, row in counted.items()}) for item in languages}
    for name, row in counted.items():
        cells = []
        for item in languages:
            found = versus[item].get(name)
            cells.append(f"{rate(row[item]):.2f}" + (f" {found}" if found else ""))
            if found and found.is_worse:
                worse[name].append(item)
        lines.append(f"| {' | '.join((name, *cells))} |")
    named = [name for name in worse if name.startswith(OURS)] if BASELINE in counted else []
    verdicts = [_not_worse(f"{name}, {model}", worse[name]) for name in named]
    return "\n".join((*lines, "", *verdicts))


def memory(model: str, peaks: Mapping[str, Mapping[float, float]]) -> str:
    """Draw the peak memory in MiB by minutes of sound."""
    lengths = sorted({minutes for row in peaks.values() for minutes in row})
    heads = [f"{minutes:g} min" for minutes in lengths]
    lines = [_head(f"peak MiB, {model}", *heads)]
    for name, row in peaks.items():
        cells = [f"{row[minutes]:.0f}" if minutes in row else "" for minutes in lengths]
        lines.append(f"| {' | '.join((name, *cells))} |")
    return "\n".join((*lines, "", *_memory_verdicts(peaks)))


def differences(counted: Mapping[str, Sequence[Errors]]) -> dict[str, Difference]:
    """Compare everybody with the baseline; nothing, where that wasn't run."""
    base = counted.get(BASELINE)
    rest = {name: item for name, item in counted.items() if name != BASELINE}
    return {name: difference(item, base) for name, item in rest.items()} if base else {}


def _speed_verdicts(
    case: str, model: str, rows: Mapping[str, Raced], versus: Mapping[str, Difference]
) -> list[str]:
    if OURS not in rows:
        return []
    found = []
    for other, factor in FASTER.get((case, model), FASTER.get((case, ""), {})).items():
        if other in rows:
            times = rows[other].seconds / rows[OURS].seconds
            said = f"{times:.2f} times as fast as {other} (must: {factor:g})"
            found.append(verdict(said, met=times >= factor))
    if OURS in versus:
        found.append(_not_worse(OURS, ["pooled"] if versus[OURS].is_worse else []))
    return found


def _not_worse(name: str, worse: Sequence[str]) -> str:
    said = f"{name}: WER not worse than that of {BASELINE} (≤ {TOLERANCE} points, or inside 95 %)"
    return verdict(said + (f", but {', '.join(worse)}" if worse else ""), met=not worse)


def _memory_verdicts(peaks: Mapping[str, Mapping[float, float]]) -> list[str]:
    own, base = peaks.get(OURS, {}), peaks.get(BASELINE, {})
    found = []
    if len(own) > 1:
        ratio = own[max(own)] / own[min(own)]
        found.append(
            verdict(
                f"{max(own):g} min takes {ratio:.2f} times the memory of {min(own):g} min",
                met=ratio <= 1.2,
            )
        )
    if own and base:
        minimum = base[min(base)]
        said = f"{max(own):g} min takes less than {BASELINE} for {min(base):g} min"
        found.append(verdict(said, met=own[max(own)] < minimum))
    return found


def _runs(row: Raced, clips: Sequence[Clip]) -> list[list[Errors]]:
    return [by_language(clips, run.processed)[POOLED] for run in row.timed]


def _head(*cells: str) -> str:
    return f"| {' | '.join(cells)} |\n|{'---|' * len(cells)}"
