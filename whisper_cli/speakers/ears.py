"""The models that tell voices apart: by names of the catalogue, or files of one's own."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from whisper_cli.audio.inputs import Source
from whisper_cli.engine.placement import cores
from whisper_cli.errors import AudioError, ModelError
from whisper_cli.models import store
from whisper_cli.models.catalog import Kind, Model, names, resolve
from whisper_cli.settings import Settings
from whisper_cli.speakers.hear import THRESHOLD, Heard, Voices, named
from whisper_cli.transcript import Info


@dataclass(frozen=True, slots=True)
class Ear:
    """One of the two models: `identity` names its bytes, `path` brings the file here."""

    identity: str
    path: Callable[[], Path]


@dataclass(frozen=True, slots=True)
class Ears:
    """Both models, and how they are used; `kept` is the folder of what was heard before."""

    segmentation: Ear
    embedding: Ear
    count: int | None
    kept: Path | None = None

    @property
    def identity(self) -> str:
        """Name what decides who is heard, beside the sound."""
        return f"{self.segmentation.identity} {self.embedding.identity} {THRESHOLD}"

    def bring(self) -> None:
        """Bring the models here. Raises ModelError."""
        self.segmentation.path()
        self.embedding.path()

    def hear(self, source: Source, info: Info) -> Voices:
        """Begin to hear an input. Raises AudioError for one that can be read only once."""
        if source.path is None:
            raise AudioError(
                f"{source.name} can be read once, and --speakers auto reads it twice",
                hint="save it in a file first",
            )
        options, sha256 = info.provenance.options, info.provenance.input_sha256
        reading = (options.track, options.channel, options.raw, options.clip)
        work = named(sha256, *reading, self.count, self.identity)
        asked = Heard(
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
        return Voices(asked, self.kept / work if self.kept and sha256 else None)


def ears_for(
    settings: Settings, count: int | None, bring: Callable[[Model], Path], kept: Path | None
) -> Ears:
    """Choose the models as the settings say; `bring` pulls one. Raises ModelError."""
    return Ears(
        _ear(settings.segmentation_model, Kind.segmentation, bring),
        _ear(settings.embedding_model, Kind.embedding, bring),
        count,
        kept,
    )


def _ear(text: str, kind: Kind, bring: Callable[[Model], Path]) -> Ear:
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
        return (store.find(model) or bring(model)) / file.name

    return Ear(str(file.sha256), path)


def _own(path: Path) -> Ear:
    try:
        with path.open("rb") as file:
            return Ear(hashlib.file_digest(file, "sha256").hexdigest(), lambda: path)
    except OSError as error:
        raise ModelError(f"can't read {path}: {error.strerror}") from error
