"""What one input raises, wherever and whatever it is, is its own failure: the others go on."""

import errno
import json
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile

from tests.batch.fakes import FakeEngine, jobs, work
from whisper_cli.audio.decode import Audio
from whisper_cli.batch.events import InputDone, InputError, JobInputProgress, Outcome
from whisper_cli.batch.journal import SegmentJournal
from whisper_cli.batch.output_index import OutputIndex
from whisper_cli.batch.runner import run
from whisper_cli.batch.session import EngineHandle, Session
from whisper_cli.batch.sinks import FileSink
from whisper_cli.batch.summary import Summary
from whisper_cli.batch.targets import BatchJob
from whisper_cli.choices import Device
from whisper_cli.engine.decoder import Decoder
from whisper_cli.engine.quality import QualityChecks
from whisper_cli.engine.result import DecodingResult, LanguageTokens, TimedWord
from whisper_cli.engine.scheduler import Scheduler
from whisper_cli.engine.streaming import LiveScheduler
from whisper_cli.engine.vad import VadOptions
from whisper_cli.transcript import DecodingOptions, Word

KINDS: dict[str, Callable[[], Exception]] = {
    "RuntimeError": lambda: RuntimeError("something broke"),
    "KeyError": lambda: KeyError("missing"),
    "OSError": lambda: OSError(errno.EIO, os.strerror(errno.EIO)),
    "gone": lambda: FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), "x.wav"),
    "PermissionError": lambda: PermissionError(errno.EACCES, os.strerror(errno.EACCES), "x.wav"),
    "UnicodeError": lambda: UnicodeError("label too long"),
    "MemoryError": MemoryError,
    "TypeError": lambda: TypeError("not a string"),
}
CLASSES = {
    "OSError": {"AudioError", "OutputError"},
    "gone": {"AudioError", "OutputError"},
    "PermissionError": {"ConfigError", "OutputError"},
}
BAD = 2  # which of five inputs it is; it is loud, so that a model knows it in any form
EOT, FIRST = 100, 200


def is_loud(values: np.ndarray) -> bool:
    return bool(np.abs(values).max() > 0.4)


class Fault:
    """Raises at one seam, for one input."""

    def __init__(self, seam: str, make: Callable[[], Exception]) -> None:
        self.seam, self._make = seam, make
        self.raised = 0

    def at(self, seam: str, *, bad: bool) -> None:
        if bad and seam == self.seam:
            self.raised += 1
            raise self._make()


class FakeModel:
    """What `Decoder` needs of a model; how loud a sound is goes through all of it."""

    multilingual = True
    dimensions = 7
    device_plan = SimpleNamespace(device=Device.cpu)

    def __init__(self, fault: Fault) -> None:
        self._fault = fault

    def language_tokens(self, language: str, _task: object) -> LanguageTokens:
        tokenizer = SimpleNamespace(decode=lambda tokens: " word" * len(tokens))
        return LanguageTokens(language, tokenizer, (1,), FIRST, EOT)

    def features(self, samples: np.ndarray, frames: int) -> np.ndarray:
        self._fault.at("features", bad=is_loud(samples))
        return np.full((2, frames), np.abs(samples).max(), np.float32)

    def encode(self, features: np.ndarray) -> np.ndarray:
        self._fault.at("encode", bad=is_loud(features))
        return np.full((len(features), 4, 7), features.max(), np.float32)

    def language_in(self, encoded: np.ndarray, among: Sequence[str] = ()) -> tuple[str, float]:
        self._fault.at("language", bad=is_loud(encoded))
        return "de", 0.9

    def generate(
        self, encoded: np.ndarray, window_tokens: Sequence[LanguageTokens], *_: object
    ) -> list[DecodingResult]:
        self._fault.at("generate", bad=is_loud(encoded))
        return [
            DecodingResult((FIRST, 1, 2, FIRST + 100), " a b", -0.1, 0.0, 1.0)
            for _ in window_tokens
        ]

    def align(
        self,
        encoded: np.ndarray,
        _tongue: LanguageTokens,
        texts: Sequence[Sequence[int]],
        *_: object,
    ):
        self._fault.at("align", bad=is_loud(encoded))
        words = [
            TimedWord(Word(" a", 0.1, 0.5, 1.0), (1,)),
            TimedWord(Word(" b", 1.0, 2.0, 1.0), (2,)),
        ]
        return [words for _ in texts]


def recordings(folder: Path) -> list[Path]:
    """Make five recordings of 2 s, one of them loud."""
    folder.mkdir()
    paths = [folder / f"{number}.wav" for number in range(5)]
    for number, path in enumerate(paths):
        chance = np.random.default_rng(number)
        level = 0.8 if number == BAD else 0.2
        soundfile.write(path, chance.uniform(-level, level, 32_000), 16_000)
    return paths


def fast(fault: Fault, kind: type[Scheduler] = Scheduler) -> Scheduler:
    """Give the fast engine, with a fake model."""
    options = DecodingOptions(word_timestamps=True)

    def find_speech(samples: np.ndarray, options: VadOptions) -> list[tuple[int, int]]:
        fault.at("detect", bad=is_loud(samples))
        return [(0, len(samples))]

    decoder = Decoder(FakeModel(fault), options)  # type: ignore[arg-type]
    return kind(lambda: decoder, options, find_speech, QualityChecks().frames, workers=2)


class FaultyExact(FakeEngine):
    """The model of the exact engine, with a fault."""

    def __init__(self, fault: Fault) -> None:
        super().__init__()
        self._fault = fault

    def find_speech(self, samples, options):
        self._fault.at("detect", bad=is_loud(samples))
        return super().find_speech(samples, options)

    def language_of(self, chunk, among):
        self._fault.at("language", bad=is_loud(chunk.samples))
        return super().language_of(chunk, among)

    def decode(self, chunk, language, options):
        self._fault.at("generate", bad=is_loud(chunk.samples))
        return super().decode(chunk, language, options)


@pytest.fixture
def faulty(monkeypatch: pytest.MonkeyPatch) -> Callable[[Fault], None]:
    """Put a fault into what files are read and written with."""

    def put(fault: Fault) -> None:
        def wrap(owner: type, name: str, seam: str, tell: Callable[..., bool]) -> None:
            real = getattr(owner, name)

            def wrapped(self: object, *args: object) -> object:
                fault.at(seam, bad=tell(self, *args))
                return real(self, *args)

            monkeypatch.setattr(owner, name, wrapped)

        def is_bad(name: object) -> bool:
            return Path(str(name)).name.startswith(f"{BAD}.")

        wrap(FileSink, "add", "write", lambda _, info, *__: is_bad(info.source))
        wrap(SegmentJournal, "decoded", "journal", lambda self, *_: is_bad(self.path))
        wrap(SegmentJournal, "move", "history", lambda self, *_: is_bad(self.path))
        wrap(OutputIndex, "record", "ledger", lambda _, path, *__: is_bad(path))
        wrap(OutputIndex, "state", "look", lambda _, path, *__: is_bad(path))
        _faulty_audio(fault, is_bad, monkeypatch)

    return put


def _faulty_audio(
    fault: Fault, is_bad: Callable[[object], bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    from whisper_cli.batch import job_input

    real_open, real_blocks = job_input.open_audio, Audio.blocks

    def opened(source, **more):
        fault.at("open", bad=is_bad(source.name))
        return real_open(source, **more)

    def blocks(self: Audio) -> Iterator[object]:
        for number, block in enumerate(real_blocks(self)):
            yield block
            fault.at("read", bad=number == 0 and is_loud(block.samples))

    monkeypatch.setattr(job_input, "open_audio", opened)
    monkeypatch.setattr(Audio, "blocks", blocks)


def outcomes(remaining: Sequence[BatchJob], shared: Session) -> list[Outcome]:
    return [item for item in run(remaining, shared) if not isinstance(item, JobInputProgress)]


def handle(shared: Session, engine: Scheduler) -> Session:
    from dataclasses import replace

    return replace(shared, locate=lambda: EngineHandle("r1", engine))


def check(
    fault: Fault, remaining: Sequence[BatchJob], reported: Sequence[Outcome], kind: str, path: Path
) -> None:
    """Four are done, one failed, and the summary says so."""
    summary = Summary(remaining)
    for outcome in reported:
        summary.add(outcome)
    summary.write(path, summary.exit_code)
    written = json.loads(path.read_text("utf-8"))
    assert fault.raised
    assert (written["exit_code"], written["counts"]) == (
        1,
        {"done": 4, "skipped": 0, "failed": 1, "left": 0},
    )
    assert sum(isinstance(item, InputDone) for item in reported) == 4
    [failed] = [item for item in reported if isinstance(item, InputError)]
    entry = written["inputs"][BAD]
    assert (failed.number, entry["status"]) == (BAD, "failed")
    assert entry["error"]["class"] in CLASSES.get(kind, {"EngineError"})
    for number in set(range(5)) - {BAD}:
        assert (Path(remaining[number].targets[0].pattern or "")).exists()


SEAMS = ["open", "look", "read", "detect", "features", "encode", "language", "generate", "align"]
WRITING = ["write", "journal", "history", "ledger"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seam", [*SEAMS, *WRITING])
def test_what_one_input_raises_in_the_fast_engine_fails_it_alone(tmp_path, faulty, seam, kind):
    fault = Fault(seam, KINDS[kind])
    faulty(fault)
    remaining = jobs(*recordings(tmp_path / "in"), output=f"{tmp_path}/out/", kinds="srt,json")
    shared = work(tmp_path / "l.sqlite3", FakeEngine(), history=tmp_path / "history")
    reported = outcomes(remaining, handle(shared, fast(fault)))
    check(fault, remaining, reported, kind, tmp_path / "summary.json")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seam", ["open", "read", "detect", "language", "generate", "write"])
def test_what_one_input_raises_in_the_exact_engine_fails_it_alone(tmp_path, faulty, seam, kind):
    fault = Fault(seam, KINDS[kind])
    faulty(fault)
    remaining = jobs(*recordings(tmp_path / "in"), output=f"{tmp_path}/out/", kinds="srt")
    reported = outcomes(remaining, work(tmp_path / "l.sqlite3", FaultyExact(fault)))
    check(fault, remaining, reported, kind, tmp_path / "summary.json")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seam", ["read", "detect", "generate"])
def test_what_one_input_raises_in_the_live_engine_fails_it_alone(tmp_path, faulty, seam, kind):
    fault = Fault(seam, KINDS[kind])
    faulty(fault)
    remaining = jobs(*recordings(tmp_path / "in"), output=f"{tmp_path}/out/", kinds="srt")
    shared = work(tmp_path / "l.sqlite3", FakeEngine())
    reported = outcomes(remaining, handle(shared, fast(fault, LiveScheduler)))
    check(fault, remaining, reported, kind, tmp_path / "summary.json")


@pytest.mark.parametrize("kind", ["RuntimeError", "KeyError", "TypeError"])
def test_a_bug_is_logged_with_its_traceback(tmp_path, faulty, caplog, kind):
    fault = Fault("generate", KINDS[kind])
    remaining = jobs(*recordings(tmp_path / "in"), output=f"{tmp_path}/out/", kinds="srt")
    shared = work(tmp_path / "l.sqlite3", FakeEngine())
    outcomes(remaining, handle(shared, fast(fault)))
    [record] = [item for item in caplog.records if item.levelname == "ERROR"]
    assert record.exc_info is not None
    assert f"{BAD}.wav" in record.getMessage()


def test_a_window_that_fails_once_is_tried_again_alone(tmp_path):
    class Once(Fault):
        def at(self, seam: str, *, bad: bool) -> None:
            if not self.raised:
                super().at(seam, bad=bad)

    fault = Once("generate", KINDS["TypeError"])
    remaining = jobs(*recordings(tmp_path / "in"), output=f"{tmp_path}/out/", kinds="srt")
    shared = work(tmp_path / "l.sqlite3", FakeEngine())
    reported = outcomes(remaining, handle(shared, fast(fault)))
    assert fault.raised == 1
    assert [type(item) for item in reported] == [InputDone] * 5


class BrokenPipe:
    """Standard input that fails when it is read."""

    def __init__(self, make: Callable[[], Exception]) -> None:
        self.buffer = self
        self._make = make

    def read(self, _size: int = -1) -> bytes:
        raise self._make()

    read1 = read


@pytest.mark.parametrize("kind", KINDS)
def test_standard_input_that_fails_when_it_is_read_fails_alone(tmp_path, monkeypatch, kind):
    monkeypatch.setattr("sys.stdin", BrokenPipe(KINDS[kind]))
    paths = recordings(tmp_path / "in")
    remaining = jobs(paths[0], Path("-"), paths[1], output=f"{tmp_path}/out/")
    reported = outcomes(remaining, work(tmp_path / "l.sqlite3", FakeEngine()))
    assert [type(item) for item in reported] == [InputDone, InputError, InputDone]


@pytest.mark.parametrize("kind", KINDS)
def test_what_one_transcript_raises_fails_it_alone(tmp_path, monkeypatch, kind):
    from whisper_cli.batch import render

    real = render.read_transcript

    def read(data: bytes, name: str) -> object:
        if name.endswith("bad.json"):
            error = KINDS[kind]()
            raise error
        return real(data, name)

    monkeypatch.setattr(render, "read_transcript", read)
    paths = [tmp_path / name for name in ("a.json", "bad.json", "b.json")]
    for path in paths:
        path.write_text(
            json.dumps({"text": " a", "segments": [{"start": 0, "end": 1, "text": "a"}]})
        )
    remaining = jobs(*paths, output=f"{tmp_path}/out/", kinds="srt")
    reported = list(render.render(remaining, work(tmp_path / "l.sqlite3", FakeEngine())))
    assert [type(item) for item in reported] == [InputDone, InputError, InputDone]


@pytest.mark.parametrize("order", [(b"\xff.wav", b"\xfe.wav"), (b"\xfe.wav", b"\xff.wav")])
def test_inputs_whose_names_look_the_same_are_told_apart(tmp_path, order):
    paths = [tmp_path / os.fsdecode(name) for name in order]
    paths[0].write_bytes(b"no sound")
    with paths[1].open("wb") as file:
        soundfile.write(file, np.zeros(16_000), 16_000, format="WAV")
    remaining = jobs(*paths, output=f"{tmp_path}/out/")
    summary = Summary(remaining)
    for outcome in run(remaining, work(tmp_path / "l.sqlite3", FakeEngine())):
        summary.add(outcome)
    assert summary.exit_code == 1
    reported = tmp_path / "summary.json"
    summary.write(reported, 1)
    entries = json.loads(reported.read_text("utf-8"))["inputs"]
    assert [item["status"] for item in entries] == ["failed", "done"]


FAULTY = """
import errno, os
if os.environ.get("FAULT"):
    from whisper_cli.batch.sinks import FileSink
    from whisper_cli.audio.decode import Audio
    from whisper_cli.engine.model import WhisperEngineModel
    from whisper_cli.engine.sequential import SequentialDecoder
    owner, name = {
        "read": (Audio, "_decoded"), "write": (FileSink, "add"),
        "encode": (WhisperEngineModel, "features"), "exact": (SequentialDecoder, "decode"),
    }[os.environ["FAULT"]]
    real = getattr(owner, name)
    def is_bad(seen):
        if os.environ["FAULT"] == "read":
            return "bad" in seen[0]._content.name
        if os.environ["FAULT"] == "write":
            return "bad" in seen[1].source
        samples = seen[1].samples if os.environ["FAULT"] == "exact" else seen[1]
        return len(samples) > 16_000 * 4
    def faulty(*seen, **more):
        if is_bad(seen):
            raise {"key": KeyError("missing"), "io": OSError(errno.EIO, "input/output error")}[
                os.environ["KIND"]]
        return real(*seen, **more)
    setattr(owner, name, faulty)
"""


def broken_program(folder: Path, seam: str, kind: str) -> dict[str, str]:
    """Give the environment in which a seam of the program fails, in its processes too."""
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(FAULTY)
    return os.environ | {"PYTHONPATH": str(folder), "FAULT": seam, "KIND": kind}


@pytest.fixture
def spoken(tmp_path: Path, jfk: Path) -> Path:
    """Give a folder of five clips, the bad one longer than the others."""
    folder = tmp_path / "spoken"
    folder.mkdir()
    sound, rate = soundfile.read(jfk)
    for number, name in enumerate(("a", "b", "bad", "c", "d")):
        seconds = 8 if name == "bad" else 2 + number / 4
        soundfile.write(folder / f"{name}.wav", sound[: int(seconds * rate)], rate)
    return folder


@pytest.mark.slow
@pytest.mark.parametrize(
    ("seam", "kind", "mode"),
    [
        ("read", "key", "fast"),
        ("write", "io", "fast"),
        ("encode", "key", "fast"),
        ("exact", "key", "exact"),
    ],
)
def test_in_the_real_process_four_are_done_and_one_failed(
    start, tmp_path, spoken, tiny_en, seam, kind, mode
):
    out, reported = tmp_path / "out", tmp_path / "summary.json"
    child = start("transcribe", spoken, "-m", tiny_en, "--mode", mode, "-f", "srt", "-o", f"{out}/",
        "--summary", reported, env=broken_program(tmp_path / "faulty", seam, kind))  # fmt: skip
    _, complaints = child.communicate(timeout=300)
    written = json.loads(reported.read_text("utf-8"))
    assert child.returncode == 1, complaints
    assert written["counts"] == {"done": 4, "skipped": 0, "failed": 1, "left": 0}
    assert sorted(path.name for path in out.glob("*.srt")) == ["a.srt", "b.srt", "c.srt", "d.srt"]
    assert b"Traceback" in complaints
    assert b"bad.wav" in complaints
