"""A run in figures for programs: what became of each input, and the exit code."""

import json
import os
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from whisper_cli import __version__, files
from whisper_cli.batch.events import InputDone, InputError, JobInputProgress, Outcome
from whisper_cli.batch.targets import LANGUAGE, BatchJob, special
from whisper_cli.errors import OutputError
from whisper_cli.texts import path_text

_HEAD = b'{\n  "schema": "whisper-cli/summary/'

Members = dict[str, object]


@dataclass(slots=True)
class Summary:
    """Gathers the outcomes of jobs."""

    jobs: Sequence[BatchJob]
    strict: bool = False
    done: dict[int, InputDone | InputError] = field(default_factory=dict)
    _started_at: float = field(default_factory=time.monotonic)

    def add(self, outcome: Outcome) -> None:
        """Take what a run tells."""
        if not isinstance(outcome, JobInputProgress):
            self.done[outcome.number] = outcome

    def sizes(self) -> list[int]:
        """Look up the bytes of each input; 0 where it has none, or isn't there."""
        return [_size(job.source.path) for job in self.jobs]

    @property
    def failures(self) -> list[InputError]:
        """What failed, in the order of the failures."""
        return [item for item in self.done.values() if isinstance(item, InputError)]

    @property
    def exit_code(self) -> int:
        """0, or 1 where one of several inputs failed; a single input's own failure has its own."""
        if self.failures:
            return self.failures[0].error.exit_code if len(self.jobs) == 1 else 1
        warned = any(isinstance(item, InputDone) and item.warnings for item in self.done.values())
        return int(self.strict and warned)

    def write(self, path: Path, exit_code: int | None) -> None:
        """Write it as JSON, whole or not at all; raises OutputError.

        writers/schema/summary-1.json describes it. The exit code is None while the run goes on.
        A file that is no summary is kept: where FILE was forgotten, it may be a recording.
        """
        if special(path) and exit_code is None:
            return  # a pipe gets it once
        if not special(path) and not _replaceable(path):
            raise OutputError(f"{path} is no summary: kept", hint="--summary FILE.json")
        entries = [_entry(job, self.done.get(number)) for number, job in enumerate(self.jobs)]
        counts = Counter(str(entry["status"]) for entry in entries)
        content = {
            "schema": "whisper-cli/summary/1",
            "tool": f"whisper-cli {__version__}",
            "exit_code": exit_code,
            "elapsed": round(time.monotonic() - self._started_at, 3),
            "counts": {status: counts[status] for status in ("done", "skipped", "failed", "left")},
            "inputs": entries,
        }
        text = json.dumps(content, ensure_ascii=False, indent=2) + "\n"
        try:
            _put(path, text)
        except OSError as error:
            raise OutputError(f"can't write {path}: {error.strerror}") from error


def _put(path: Path, text: str) -> None:
    if special(path):
        with path.open("a", encoding="utf-8") as device:
            device.write(text)
    else:
        files.write_text(Path(os.path.realpath(path)), text)  # a link stays one


def _replaceable(path: Path) -> bool:
    if not os.path.isfile(path):
        return True
    with path.open("rb") as file:
        return file.read(len(_HEAD)) in (b"", _HEAD)


def listing(jobs: Sequence[BatchJob]) -> Iterator[str]:
    """Describe jobs before they are done, as JSON lines; stdout is "-" among the outputs."""
    for job in jobs:
        yield json.dumps(_plan(job), ensure_ascii=False) + "\n"


def _plan(job: BatchJob) -> Members:
    outputs = [
        "-" if target.pattern is None else path_text(target.pattern.replace(LANGUAGE, "{language}"))
        for target in job.targets
    ]
    formats = [target.format.value for target in job.targets]
    return {"input": job.source.name, "outputs": outputs, "formats": formats}


def _entry(job: BatchJob, outcome: InputDone | InputError | None) -> Members:
    match outcome:
        case None:
            return {"input": job.source.name, "status": "left"}
        case InputError(_, source, error):
            report: Members = {"class": type(error).__name__, "exit_code": error.exit_code}
            report |= {"message": _plain(error.message), "hint": error.hint and _plain(error.hint)}
            return {"input": source, "status": "failed", "error": report}
        case InputDone(skipped=True):
            return {"input": outcome.source, "status": "skipped", "duration": outcome.seconds}
        case _:
            speed = outcome.seconds / max(outcome.elapsed, 1e-3)
            return {
                "input": outcome.source,
                "status": "done",
                "duration": round(outcome.seconds, 3),
                "elapsed": round(outcome.elapsed, 3),
                "rtfx": round(speed, 2),
                "language": outcome.language,
                "outputs": [path_text(str(path)) for path in outcome.outputs],
                "warnings": list(outcome.warnings),
            }


def _size(path: Path | None) -> int:
    try:
        return path.stat().st_size if path else 0
    except OSError:
        return 0


def _plain(text: str) -> str:
    """Replace what UTF-8 can't hold: a message may name a file of undecodable bytes."""
    return text.encode(errors="replace").decode()
