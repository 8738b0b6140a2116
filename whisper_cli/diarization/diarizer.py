"""Voices told apart by models, in a process beside this one."""

import hashlib
import json
import logging
import subprocess
import sys
import time
import zlib
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO

from whisper_cli import files
from whisper_cli.audio.sources import Source
from whisper_cli.diarization.turns import SpeakerTurn, with_numbers
from whisper_cli.engine.device import cores
from whisper_cli.errors import AudioError, ConfigError, EngineError, ModelError
from whisper_cli.extras import install_hint
from whisper_cli.models import store
from whisper_cli.models.catalog import Model, ModelKind, names, resolve
from whisper_cli.transcript import Info

logger = logging.getLogger("whisper_cli")

INSTALL = install_hint("speakers")
THRESHOLD = (
    0.6  # distance up to which voices are one where nobody says how many: 0.4 splits, 0.7 merges
)
POLL_SECONDS = 0.1  # seconds between two looks at the process


@dataclass(frozen=True, slots=True)
class DiarizationResult:
    """What is to be heard, and by which models: paths, and how the sound is read."""

    path: str
    segmentation: str
    embedding: str
    count: int | None = None
    threshold: float = THRESHOLD
    threads: int = 1
    track: int = 1
    channel: str = "mix"
    raw: str | None = None
    clip: tuple[tuple[float, float | None], ...] = ()


class Diarizer:
    """Hears who speaks when, from its start on; `close` ends it. Turns are kept in `kept`."""

    def __init__(self, request: DiarizationResult, kept: Path | None = None) -> None:
        self._kept = kept
        self._turns = _read(kept) if kept else None
        self._child: subprocess.Popen[bytes] | None = None
        self._files = ExitStack()
        self._output: IO[bytes] = self._files.enter_context(TemporaryFile())  # noqa: SIM115
        self._errors: IO[bytes] = self._files.enter_context(TemporaryFile())  # noqa: SIM115
        if self._turns is None:
            self._child = subprocess.Popen(
                [sys.executable, "-P", "-m", "whisper_cli.diarization.child_main"],
                stdin=subprocess.PIPE,
                stdout=self._output,
                stderr=self._errors,
            )
            if self._child.stdin:
                with self._child.stdin as line:
                    line.write(json.dumps(asdict(request)).encode() + b"\n")

    @property
    def over(self) -> bool:
        """Say whether the turns are known, or can't be."""
        return self._child is None or self._child.poll() is not None

    def turns(self) -> tuple[SpeakerTurn, ...]:
        """Wait for the turns. Raises EngineError where voices can't be told apart."""
        if self._turns is None:
            while not self.over:  # signals come in between
                time.sleep(POLL_SECONDS)
            self._turns = self._result()
            _write(self._kept, self._turns)
        return self._turns

    def discard(self) -> None:
        """Keep nothing: the sound became another one while it was heard."""
        if self._kept is not None:
            self._kept.unlink(missing_ok=True)

    def close(self) -> None:
        """End what is still under way."""
        if self._child is not None and self._child.poll() is None:
            self._child.kill()
            self._child.wait()
        self._files.close()

    def _result(self) -> tuple[SpeakerTurn, ...]:
        self._output.seek(0)
        try:
            # After what a library prints.
            output = self._output.read().rstrip().rpartition(b"\n")[2]
            return with_numbers([SpeakerTurn(*item) for item in json.loads(output)])
        except (ValueError, TypeError) as error:
            self._errors.seek(0)
            lines = self._errors.read().decode(errors="replace").strip().splitlines()
            reason = lines[-1].strip() if lines else "the process that hears them ended"
            raise EngineError(f"voices could not be told apart: {reason}") from error


def require_extra() -> None:
    """Raise ConfigError where sherpa-onnx is not installed."""
    if find_spec("sherpa_onnx") is None:
        raise ConfigError("telling voices apart needs sherpa-onnx", hint=INSTALL)


def named(*parts: object) -> str:
    """Name the file that keeps the turns of a piece of work."""
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest() + ".turns"


def _read(kept: Path) -> tuple[SpeakerTurn, ...] | None:
    try:
        rows, checksum = json.loads(kept.read_bytes())
        if checksum != _checksum(rows):
            return None
        return tuple(SpeakerTurn(*item) for item in rows)
    except (OSError, ValueError, TypeError):
        return None


def _checksum(rows: object) -> int:
    return zlib.crc32(json.dumps(rows).encode())


def _write(kept: Path | None, turns: tuple[SpeakerTurn, ...]) -> None:
    if kept is None:
        return
    try:
        kept.parent.mkdir(parents=True, exist_ok=True)
        rows = [(turn.start, turn.end, turn.speaker) for turn in turns]
        files.write_text(kept, json.dumps([rows, _checksum(rows)]))
    except OSError as error:
        logger.warning("can't keep who speaks when in %s: %s", kept, error.strerror)


@dataclass(frozen=True, slots=True)
class DiarizationModelFile:
    """One of the two models: `identity` names its bytes, `path` brings the file here."""

    identity: str
    path: Callable[[], Path]


@dataclass(frozen=True, slots=True)
class DiarizationModels:
    """Both models, and how they are used; `kept` is the folder of what was heard before."""

    segmentation: DiarizationModelFile
    embedding: DiarizationModelFile
    count: int | None
    kept: Path | None = None

    @property
    def identity(self) -> str:
        """Name what decides who is heard, beside the sound."""
        return f"{self.segmentation.identity} {self.embedding.identity} {THRESHOLD}"

    def fetch_model(self) -> None:
        """Bring the models here. Raises ModelError."""
        self.segmentation.path()
        self.embedding.path()

    def start(self, source: Source, info: Info) -> Diarizer:
        """Begin to hear an input. Raises AudioError for one that can be read only once."""
        if source.path is None:
            raise AudioError(
                f"{source.name} can be read once, and --speakers auto reads it twice",
                hint="save it in a file first",
            )
        options, sha256 = info.provenance.options, info.provenance.input_sha256
        reading = (options.track, options.channel, options.raw, options.clip)
        name = named(sha256, *reading, self.count, self.identity)
        request = DiarizationResult(
            str(source.path),
            str(self.segmentation.path()),
            str(self.embedding.path()),
            self.count,
            threads=max(1, cores() // 2),
            track=options.track,
            channel=options.channel,
            raw=options.raw,
            clip=options.clip,
        )
        return Diarizer(request, self.kept / name if self.kept and sha256 else None)


def diarization_models_for(
    segmentation: str,
    embedding: str,
    count: int | None,
    fetch_model: Callable[[Model], Path],
    kept: Path | None,
) -> DiarizationModels:
    """Choose the models by name or file; `fetch_model` pulls one. Raises ModelError."""
    return DiarizationModels(
        _model_file(segmentation, ModelKind.segmentation, fetch_model),
        _model_file(embedding, ModelKind.embedding, fetch_model),
        count,
        kept,
    )


def _model_file(
    text: str, kind: ModelKind, fetch_model: Callable[[Model], Path]
) -> DiarizationModelFile:
    own = Path(text).expanduser()
    if own.suffix == ".onnx":
        return _own(own)
    model = resolve(text, folders=False)
    if model.kind is not kind:
        known = ", ".join(names(kind))
        raise ModelError(f'"{text}" is no {kind} model', hint=f"{known}, or a file: {kind}.onnx")
    [file] = model.files

    @cache
    def path() -> Path:
        return (store.find(model) or fetch_model(model)) / file.name

    return DiarizationModelFile(str(file.sha256), path)


def _own(path: Path) -> DiarizationModelFile:
    try:
        with path.open("rb") as file:
            return DiarizationModelFile(
                hashlib.file_digest(file, "sha256").hexdigest(), lambda: path
            )
    except OSError as error:
        raise ModelError(f"can't read {path}: {error.strerror}") from error
