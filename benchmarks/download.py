"""How soon a model is here, and for how much memory, beside other downloaders.

    python -m benchmarks.download [--case NAME ...] [--runs 5] [--looks 3] [--json FILE]

Everybody pulls the same random bytes, into a fresh cache each time, from the hub of the tests on
loopback, which is as slow as the case says. Contenders take turns: in the first ones their memory
is looked at, which also warms up, then they are timed. That the right bytes came is checked after
each pull. aria2c and curl, which know nothing of models, fetch the weights alone. TMPDIR says which
disk is written to.
"""

import argparse
import hashlib
import json
import random
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.cases import CASES, Case
from benchmarks.contenders import CONTENDERS, Served, environment
from benchmarks.figures import Figures, Row, Run, Table, markdown, note
from benchmarks.measure import FailedError, measure
from tests.fake_hub import Authority, Hub, make_authority
from tests.fake_hub.__main__ import add_generated, size


@dataclass(frozen=True, slots=True)
class Stage:
    """The hub, the model that it serves of each size, and the folder in which pulls take place."""

    hub: Hub
    models: Mapping[int, Served]
    folder: Path

    @property
    def sent(self) -> int:
        """Count the bytes of weights that left the hub; not all arrive where a pull is killed."""
        return sum(item.sent for item in self.hub.requests if item.where == "cdn/model.bin")


@contextmanager
def staged(case: Case) -> Iterator[Stage]:
    """Serve the models of a case over its link."""
    with TemporaryDirectory(prefix="download-benchmark-") as contains:
        folder = Path(contains)
        authority = make_authority(folder) if case.tls else None
        with Hub(link=case.link, authority=authority) as hub:
            models = {length: serve(hub, folder, length, authority) for length in case.sizes}
            yield Stage(hub, models, folder)


def serve(hub: Hub, folder: Path, length: int, authority: Authority | None) -> Served:
    repo = add_generated(hub, f"benchmark/{length}", folder, length)
    with next(folder.glob(f"*{length}.bin")).open("rb") as weights:
        sha256 = hashlib.file_digest(weights, "sha256").hexdigest()
    return Served(hub.endpoint, repo, length, sha256, authority.ca if authority else None)


def play(case: Case, turns: int, looks: int) -> Table:
    """Let the contenders take turns; one that is missing or fails is left out with a note."""
    rows = [Row(name, length) for length in case.sizes for name in case.contenders]
    runs: dict[Row, list[Run]] = {row: [] for row in rows if is_here(row.contender)}
    with staged(case) as stage:
        for turn in range(looks + turns):
            for row in list(runs):
                killed_at = random.Random(turn).random() * row.size if case.killed else None
                try:
                    runs[row].append(pull(stage, row, killed_at, format_options=turn < looks))
                    note(f"turn {turn}, {row.contender}: {runs[row][-1].seconds:.2f} s")
                except FailedError as error:
                    note(f"{row.contender} is left out: {error}")
                    del runs[row]
    return {row: Figures(item[:looks], item[looks:]) for row, item in runs.items()}


def is_here(contender: str) -> bool:
    if CONTENDERS[contender].missing:
        note(f"{contender} is left out: no such program")
        return False
    return True


def pull(stage: Stage, row: Row, killed_at: float | None, *, format_options: bool) -> Run:
    """Measure one pull into a fresh cache, or the second one where a first is killed on its way."""
    model = stage.models[row.size]
    command = CONTENDERS[row.contender].command(model)
    stage.hub.requests.clear()
    with TemporaryDirectory(dir=stage.folder) as contains:
        folder = Path(contains)
        around = environment(model, folder)
        if killed_at is not None:
            kill(stage, command, around, killed_at)
        cost = measure(command, around, folder, format_options=format_options)
        require_whole(folder, model)
    return Run(cost.seconds, cost.peak, stage.sent - model.size)


def kill(stage: Stage, command: list[str], around: Mapping[str, str], sent: float) -> None:
    """Start a pull, and kill -9 it when so many bytes of the weights were sent."""
    quiet = subprocess.DEVNULL
    with subprocess.Popen(command, env=around, stdout=quiet, stderr=quiet) as child:
        while child.poll() is None and stage.sent < sent:
            time.sleep(0.005)
        child.kill()


def require_whole(folder: Path, model: Served) -> None:
    greatest = max(folder.rglob("*"), key=lambda path: path.stat().st_size)
    with greatest.open("rb") as file:
        if hashlib.file_digest(file, "sha256").hexdigest() != model.sha256:
            raise FailedError(f"{greatest.name} is not the model")


def main() -> None:
    """Read the arguments, and print each table as soon as it is there."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--case", nargs="+", choices=CASES, default=list(CASES))
    parser.add_argument("--runs", type=int, help="timed turns, instead of each case's number")
    parser.add_argument("--looks", type=int, default=3, help="turns before, that tell the memory")
    parser.add_argument("--size", type=size, help="of the weights, for a quick look: 20MB")
    parser.add_argument("--json", type=Path, help="write every run here")
    arguments = parser.parse_args()
    results = {}
    for name in arguments.case:
        case = CASES[name]
        if arguments.size:
            case = replace(case, sizes=(arguments.size,), musts={})
        table = play(case, arguments.runs or case.turns, arguments.looks)
        print(markdown(case.title, table, case.musts), end="\n\n", flush=True)
        results[name] = [asdict(row) | asdict(figures) for row, figures in table.items()]
        if arguments.json:
            arguments.json.write_text(json.dumps(results, indent=2))


if __name__ == "__main__":
    main()
