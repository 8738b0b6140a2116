"""Who takes part in the benchmark of speech: command lines, and what they wrote."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks.contenders import FOREIGN
from benchmarks.measure import Cost, measure
from benchmarks.speech import Clip

ROOT = Path(__file__).parent.parent
RUNNER = ROOT / "benchmarks" / "peers.py"
OURS, BASELINE = "whisper-cli", "faster-whisper"
BATCHED, PROCESSES, COMMAND = f"{BASELINE}-batched", f"{BASELINE}-processes", "whisper-ctranslate2"
MODES = {
    "fast": (OURS, ("--mode", "fast")),
    "exact": (f"{OURS} exact", ("--mode", "exact")),
    "exact-no-vad": (f"{OURS} exact, no VAD", ("--mode", "exact", "--no-vad")),
}
PEERS = {  # the module that has to be there, and the form of the weights, "" for CTranslate2's
    BASELINE: ("faster_whisper", ""),
    BATCHED: ("faster_whisper", ""),
    PROCESSES: ("faster_whisper", ""),
    COMMAND: ("whisper_ctranslate2", ""),
    "openai-whisper": ("whisper", ".pt"),
    "whisper.cpp": ("pywhispercpp", ".bin"),
}


@dataclass(frozen=True, slots=True)
class Model:
    """A model's folder, and the one where NAME.pt and NAME.bin have the same weights."""

    name: str
    folder: Path
    converted: Path

    def form(self, suffix: str) -> Path:
        return self.converted / f"{self.name}{suffix}" if suffix else self.folder


@dataclass(frozen=True, slots=True)
class Work:
    """What everybody has to transcribe; without a language, it has to be detected."""

    model: Model
    clips: Sequence[Clip]
    language: str | None

    @property
    def files(self) -> list[str]:
        return [str(clip.path) for clip in self.clips]


@dataclass(frozen=True, slots=True)
class Contender:
    """A program: what transcribes into the folder `out` there, and what prints cues as they come.

    One that `detects` is never told the language.
    """

    name: str
    command: Callable[[Work, Path], list[str]]
    cues: Callable[[Work, Path], list[str]] | None = None
    detects: bool = False

    def detecting(self) -> "Contender":
        return replace(self, name=f"{self.name}, language detected", detects=True)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one run took, and what it heard, by the name of the clip."""

    cost: Cost
    processed: Mapping[str, str]


def once(contender: Contender, work: Work, *, format_options: bool) -> Outcome:
    """Run a contender in a process that knows no settings and nothing of former runs."""
    if contender.detects:
        work = replace(work, language=None)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (out := folder / "out").mkdir()
        cost = measure(
            contender.command(work, folder),
            environment(folder),
            folder,
            format_options=format_options,
        )
        processed = {clip.name: _text(out / f"{clip.path.stem}.json") for clip in work.clips}
        return Outcome(cost, processed)


def environment(folder: Path) -> dict[str, str]:
    """Keep the user's settings and what was remembered out, and everybody off the network."""
    kept = {name: value for name, value in os.environ.items() if not FOREIGN.match(name)}
    own = {
        "HF_HUB_OFFLINE": "1",
        "WHISPER_CLI_CONFIG": str(folder / "config.toml"),
        "WHISPER_CLI_STATE_DIR": str(folder / "state"),
        "WHISPER_CLI_CACHE_DIR": str(folder / "cache"),
    }
    return kept | own


def owned(name: str, arguments: Sequence[str]) -> Contender:
    """Run whisper-cli with these arguments."""
    program = [str(Path(sys.executable).with_name("whisper-cli")), "transcribe", *arguments]

    def reported(work: Work) -> list[str]:
        return [*program, "-m", str(work.model.folder), *_language(work)]

    def command(work: Work, folder: Path) -> list[str]:
        listed = folder / "files.txt"
        listed.write_text("".join(f"{file}\n" for file in work.files), encoding="utf-8")
        return [*reported(work), f"@{listed}", "-f", "json", "-o", f"{folder}/out/", "-q"]

    return Contender(name, command, lambda work, _: [*reported(work), *work.files, "-f", "srt"])


def peer(name: str, python: Path) -> Contender:
    """Run a peer in its own Python: whisper-ctranslate2's command, others by `peers.py`."""
    if name == COMMAND:
        return _whisper_ctranslate2(python)

    def command(work: Work, folder: Path, out: str = "out") -> list[str]:
        job = folder / "job.json"
        model = str(work.model.form(PEERS[name][1]))
        asked = {"model": model, "files": work.files, "language": work.language}
        job.write_text(json.dumps(asked), encoding="utf-8")
        return [str(python), str(RUNNER), name, str(job), str(folder / out)]

    def cues(work: Work, folder: Path) -> list[str]:
        return [*command(work, folder)[:-1], "-"]

    return Contender(name, command, cues if name in (BASELINE, BATCHED) else None)


def _whisper_ctranslate2(python: Path) -> Contender:
    def reported(work: Work) -> list[str]:
        program = [str(python.with_name(COMMAND)), *work.files, *_language(work)]
        model = ["--model_directory", str(work.model.folder), "--compute_type", "int8"]
        return [*program, *model, "--device", "cpu", "--threads", str(cores())]

    def command(work: Work, folder: Path) -> list[str]:
        quiet = ["--output_format", "json", "--verbose", "False"]
        return [*reported(work), *quiet, "--output_dir", str(folder / "out")]

    return Contender(COMMAND, command, lambda work, _: reported(work))


def cores() -> int:
    """Count the cores that this process may use."""
    return len(os.sched_getaffinity(0))


def lacks(name: str, python: Path, models: Sequence[Model]) -> str | None:
    """Say what a peer lacks, None where it can take part."""
    module, suffix = PEERS[name]
    code = f"import sys, importlib.util as u; sys.exit(u.find_spec({module!r}) is None)"
    if subprocess.run([python, "-c", code], check=False).returncode:
        return f"{python} has no module {module}"
    gone = [str(model.form(suffix)) for model in models if not model.form(suffix).exists()]
    return f"no {', '.join(gone)}" if gone else None


def _language(work: Work) -> list[str]:
    return ["--language", work.language] if work.language else []


def _text(file: Path) -> str:
    """Read what a contender wrote; nothing, where it failed on this clip."""
    return json.loads(file.read_text(encoding="utf-8"))["text"] if file.exists() else ""
