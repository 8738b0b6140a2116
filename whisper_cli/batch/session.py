"""What is the same for every job of a run: the model, the options, how outputs are made."""

import hashlib
import logging
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from whisper_cli import __version__
from whisper_cli.batch.output_index import OutputIndex
from whisper_cli.batch.request import RunFlags
from whisper_cli.choices import Device, Mode, Task
from whisper_cli.config.derived import (
    cue_options_of,
    diarization_options_of,
    format_options_of,
    text_options_of,
)
from whisper_cli.config.settings import Settings
from whisper_cli.diarization.options import DiarizationMethod, DiarizationOptions
from whisper_cli.engine import engine_for
from whisper_cli.engine.device import (
    DeviceRequest,
    ResolvedDevice,
    cores,
    resolve_device,
    thread_settings,
)
from whisper_cli.engine.events import Engine
from whisper_cli.errors import ConfigError
from whisper_cli.formats.options import FormatOptions
from whisper_cli.formats.registry import Format
from whisper_cli.models import usage
from whisper_cli.models.catalog import Model, require_whisper
from whisper_cli.subtitles.presets import CueOptions
from whisper_cli.transcript import DecodingOptions, Provenance, check_language

if TYPE_CHECKING:
    from whisper_cli.diarization.diarizer import DiarizationModels
    from whisper_cli.engine.remote import ServerAddress
    from whisper_cli.text.editor import TextOptions

logger = logging.getLogger("whisper_cli")


@dataclass(frozen=True, slots=True)
class EngineHandle:
    """A model that is here: its revision, an engine that loads it when it is needed, and where.

    What a server decodes has no place here.
    """

    revision: str | None
    engine: Engine
    device_plan: ResolvedDevice | None = None

    def known(self, provenance: Provenance) -> Provenance:
        """Add what is known only now."""
        if self.device_plan is None:
            return replace(provenance, revision=self.revision)
        device, kind = self.device_plan.device, self.device_plan.compute_type
        return replace(provenance, revision=self.revision, device=device, compute_type=kind)


@dataclass(frozen=True, slots=True)
class Session:
    """What every job of a run shares.

    `history` is the folder of finished segments; None keeps none. `starts_over` ignores what
    earlier runs told; `can_resume` says whether the engine can go on inside an input.

    `locate` brings the model here if need be. It is called when a job needs it, not before, so
    that a missing input is reported before anything is downloaded.
    """

    provenance: Provenance
    format_options: FormatOptions
    output_index: OutputIndex
    locate: Callable[[], EngineHandle]
    write: Callable[[str], None]
    overwrite: bool = False
    cues: CueOptions | None = None
    text_options: "TextOptions | None" = None
    speakers: DiarizationOptions | None = None
    diarization_models: "DiarizationModels | None" = None
    history: Path | None = None
    starts_over: bool = False
    can_resume: bool = True


def session_for(
    model: Model,
    settings: Settings,
    flags: RunFlags,
    *,
    fetch_model: Callable[[Model], Path],
    write: Callable[[str], None],
    server: "ServerAddress | None" = None,
    engines: Callable[..., tuple[Engine, ResolvedDevice]] | None = None,
) -> Session:
    """Settle a run's work. `fetch_model` gives a model's folder, `write` puts text on stdout.

    With a `server` it decodes, and no Whisper model is needed here. `engines` chooses the engine.

    Raises ConfigError where the model can't do what the settings ask, as far as is known yet.
    """
    from whisper_cli.models import store

    require_whisper(model)
    format_options = format_options_of(settings, colors=flags.colors)
    speakers = diarization_options_of(settings)
    options = replace(options_of(settings, format_options, flags.formats), raw=flags.raw)
    _check(model, options, flags, speakers=speakers is not None, present=server is None)
    device_plan = resolve_device(device_request(model, settings))
    present = model.folder or store.find(model)
    kept = _history(settings, flags)
    diarization_models = _diarization(settings, speakers, fetch_model, kept)
    if diarization_models is not None and speakers is not None:
        speakers = replace(speakers, models=diarization_models.identity)

    @cache
    def locate() -> EngineHandle:
        if diarization_models is not None:
            diarization_models.fetch_model()
        if server is not None:
            return _remote_handle(model, options, server, provenance.revision)
        fair = speakers is not None and speakers.by is DiarizationMethod.channels
        folder = present or fetch_model(model)
        usage.note_used(folder)
        engine, plan = (engines or engine_for)(
            folder, device_plan, options, live=flags.live, partials=flags.partials, fair=fair
        )
        return EngineHandle(_revision(model, folder), engine, plan)

    provenance = _provenance(model, present, device_plan, options)
    return replace(
        _rendering(settings, provenance, format_options, locate, write),
        overwrite=flags.overwrite,
        speakers=speakers,
        diarization_models=diarization_models,
        history=kept,
        starts_over=not flags.resume,
        can_resume=server is None and not flags.live,
    )


def rendering_session(
    settings: Settings, *, write: Callable[[str], None], overwrite: bool
) -> Session:
    """Settle what outputs are made from where no model is needed."""

    def locate() -> EngineHandle:
        raise RuntimeError("rendering needs no model")

    format_options = format_options_of(settings)
    provenance = Provenance("", "", None, None, "", "", options_of(settings, format_options), "")
    session = _rendering(settings, provenance, format_options, locate, write)
    return replace(
        session,
        overwrite=overwrite,
        speakers=diarization_options_of(settings, from_transcript=True),
    )


def _rendering(
    settings: Settings,
    provenance: Provenance,
    format_options: FormatOptions,
    locate: Callable[[], EngineHandle],
    write: Callable[[str], None],
) -> Session:
    """Settle what the settings say of outputs, wherever their segments come from."""
    from whisper_cli.paths import state_dir

    output_index = OutputIndex(state_dir() / "outputs.sqlite3")
    cues, text_options = cue_options_of(settings), text_options_of(settings)
    return Session(
        provenance,
        format_options,
        output_index,
        locate,
        write,
        cues=cues,
        text_options=text_options,
    )


def _history(settings: Settings, flags: RunFlags) -> Path | None:
    from whisper_cli.paths import history_dir

    return history_dir() if settings.history and not flags.live else None


def _provenance(
    model: Model, present: Path | None, device_plan: ResolvedDevice, options: DecodingOptions
) -> Provenance:
    return Provenance(
        tool=f"whisper-cli {__version__}",
        model=model.name,
        repo=model.repo,
        revision=_revision(model, present) if present else model.revision,
        device=device_plan.device,
        compute_type=device_plan.compute_type,
        options=options,
        input="",
    )


def _remote_handle(
    model: Model, options: DecodingOptions, server: "ServerAddress", revision: str | None
) -> EngineHandle:
    """Have a server decode, which knows a model in a folder by the folder's name."""
    from whisper_cli.engine.remote import engine

    name = model.folder.absolute().name if model.folder else model.name
    return EngineHandle(revision, engine(server, name, options))


def _check(
    model: Model, options: DecodingOptions, flags: RunFlags, *, speakers: bool, present: bool
) -> None:
    """Raise ConfigError for what can't be done; `present` says that no server decodes."""
    if model.english_only:
        check_language(options, multilingual=False)
    if flags.partials and not flags.live:
        raise ConfigError("--partials is for sound that is still spoken", hint="--live --partials")
    if flags.live and speakers:
        raise ConfigError("speakers are told apart in recordings, not in live sound")
    if flags.live and (options.mode is Mode.exact or not present):
        raise ConfigError("--live is done by the fast engine, here", hint="--mode fast")
    if options.task is Task.TRANSLATE and "turbo" in model.name:
        logger.warning("%s was not trained to translate: expect the language spoken", model.name)


def _diarization(
    settings: Settings,
    speakers: DiarizationOptions | None,
    fetch_model: Callable[[Model], Path],
    kept: Path | None,
) -> "DiarizationModels | None":
    """Choose what tells voices apart, where that is asked for. Raises ConfigError, ModelError."""
    if speakers is None or speakers.by is not DiarizationMethod.voices:
        return None
    from whisper_cli.diarization.diarizer import diarization_models_for, require_extra

    require_extra()
    return diarization_models_for(
        settings.segmentation_model, settings.embedding_model, speakers.count, fetch_model, kept
    )


def device_request(model: Model, settings: Settings) -> DeviceRequest:
    """Ask for what the settings say, else for what `bench --tune` found to do best."""
    threads = settings.threads or cores()
    tuned = thread_settings().workers(model.name, settings.compute_type, threads)
    return DeviceRequest(
        settings.device,
        settings.compute_type,
        settings.workers or (0 if settings.device is Device.cuda else tuned),
        settings.threads,
        settings.batch_size,
    )


def options_of(
    settings: Settings, format_options: FormatOptions, formats: frozenset[Format] = frozenset()
) -> DecodingOptions:
    """Pick the settings that change the words; cues and some formats need words with times."""
    names = {item.name for item in fields(DecodingOptions)} & {
        item.name for item in fields(Settings)
    }
    values = {name: getattr(settings, name) for name in names}
    options = DecodingOptions(**values | {"track": settings.track or 0})
    flags = bool(settings.speakers) or any(kind.uses_words(format_options) for kind in formats)
    timed = options.word_timestamps or cue_options_of(settings) is not None or flags
    return replace(options, word_timestamps=timed)


def _revision(model: Model, folder: Path) -> str:
    """Name a model's exact weights: its commit, or the hash of the weights of a plain folder."""
    if model.folder is None:
        return folder.name  # a snapshot is named after its commit
    weights = folder / "model.bin"
    known = usage.load().hash_of(weights)
    if known is None:
        with weights.open("rb") as file:
            known = hashlib.file_digest(file, "sha256").hexdigest()
        usage.note_hash(weights, known)
    return known
