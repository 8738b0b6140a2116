"""What is the same for every job of a run: the model, the options, how outputs are made."""

import hashlib
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from whisper_cli import __version__
from whisper_cli.batch.ledger import Ledger
from whisper_cli.batch.order import Wanted
from whisper_cli.choices import Device, Format, Mode, Task
from whisper_cli.cues.style import Style, style_of
from whisper_cli.engine import engine_for
from whisper_cli.engine.checks import check_language
from whisper_cli.engine.events import Engine
from whisper_cli.engine.placement import Placement, Wishes, cores, place
from whisper_cli.engine.tuning import tuning
from whisper_cli.errors import ConfigError
from whisper_cli.models import usage
from whisper_cli.models.catalog import Model, require_whisper
from whisper_cli.settings import Settings
from whisper_cli.speakers.asked import By, Speakers, speakers_of
from whisper_cli.transcript import Options, Provenance
from whisper_cli.writers.look import Look, look_of

if TYPE_CHECKING:
    from whisper_cli.care.style import Care
    from whisper_cli.serve.remote import Place
    from whisper_cli.speakers.ears import Ears

logger = logging.getLogger("whisper_cli")


@dataclass(frozen=True, slots=True)
class Located:
    """A model that is here: its revision, and an engine that loads it when it is needed.

    `placed` is where that was, once it is; none where a server does the work.
    """

    revision: str | None
    engine: Engine
    placed: Sequence[Placement] = ()


@dataclass(frozen=True, slots=True)
class Work:
    """What every job of a run shares.

    `history` is the folder of finished segments; None keeps none. `starts_over` ignores what
    earlier runs told; `goes_on` says whether the engine can go on inside an input.

    `locate` brings the model here if need be. It is called when a job needs it, not before, so
    that a missing input is reported before anything is downloaded.
    """

    provenance: Provenance
    look: Look
    ledger: Ledger
    locate: Callable[[], Located]
    write: Callable[[str], None]
    overwrite: bool = False
    cues: Style | None = None
    care: "Care | None" = None
    speakers: Speakers | None = None
    ears: "Ears | None" = None
    history: Path | None = None
    starts_over: bool = False
    goes_on: bool = True


def work_for(
    model: Model,
    settings: Settings,
    wanted: Wanted,
    *,
    bring: Callable[[Model], Path],
    write: Callable[[str], None],
    server: "Place | None" = None,
) -> Work:
    """Settle a run's work. `bring` gives a model's folder, `write` puts text on stdout.

    With a `server` it decodes, and no Whisper model is needed here.

    Raises ConfigError where the model can't do what the settings ask, as far as is known yet.
    """
    from whisper_cli.models import store
    from whisper_cli.paths import history_dir, state_dir

    require_whisper(model)
    look, speakers = look_of(settings, colors=wanted.colors), speakers_of(settings)
    options = replace(options_of(settings, look, wanted.formats), raw=wanted.raw)
    _check(model, options, wanted, speakers=speakers is not None, here=server is None)
    placement = place(wishes_for(model, settings))
    here = model.folder or store.find(model)

    kept = history_dir() if settings.history and not wanted.live else None
    ears = _ears(settings, speakers, bring, kept)
    if ears is not None and speakers is not None:
        speakers = replace(speakers, models=ears.identity)
    fair = speakers is not None and speakers.by is By.channels

    @cache
    def locate() -> Located:
        if ears is not None:
            ears.bring()
        if server is not None:
            from whisper_cli.serve.remote import engine as remote

            name = model.folder.absolute().name if model.folder else model.name
            return Located(provenance.revision, remote(server, name, options))
        folder = here or bring(model)
        usage.remember_used(folder)
        placed: list[Placement] = []
        engine = engine_for(
            folder,
            placement,
            options,
            live=wanted.live,
            partials=wanted.partials,
            fair=fair,
            placed=placed.append,
        )
        return Located(_revision(model, folder), engine, placed)

    provenance = Provenance(
        tool=f"whisper-cli {__version__}",
        model=model.name,
        repo=model.repo,
        revision=_revision(model, here) if here else model.revision,
        device=placement.device,
        compute_type=placement.compute_type,
        options=options,
        input="",
    )
    ledger = Ledger(state_dir() / "outputs.sqlite3")
    return Work(
        provenance,
        look,
        ledger,
        locate,
        write,
        wanted.overwrite,
        cues=style_of(settings),
        care=_care(settings),
        speakers=speakers,
        ears=ears,
        history=kept,
        starts_over=not wanted.resume,
        goes_on=server is None and not wanted.live,
    )


def rendering_work(settings: Settings, *, write: Callable[[str], None], overwrite: bool) -> Work:
    """Settle what outputs are made from where no model is needed."""
    from whisper_cli.paths import state_dir

    def locate() -> Located:
        raise RuntimeError("rendering needs no model")

    look = look_of(settings)
    provenance = Provenance("", "", None, None, "", "", options_of(settings, look), "")
    ledger = Ledger(state_dir() / "outputs.sqlite3")
    return Work(
        provenance,
        look,
        ledger,
        locate,
        write,
        overwrite,
        cues=style_of(settings),
        care=_care(settings),
        speakers=speakers_of(settings, told=True),
    )


def _check(model: Model, options: Options, wanted: Wanted, *, speakers: bool, here: bool) -> None:
    """Raise ConfigError for what can't be done; `here` says that no server decodes."""
    if model.english_only:
        check_language(options, multilingual=False)
    if wanted.partials and not wanted.live:
        raise ConfigError("--partials is for sound that is still spoken", hint="--live --partials")
    if wanted.live and speakers:
        raise ConfigError("speakers are told apart in recordings, not in live sound")
    if wanted.live and (options.mode is Mode.exact or not here):
        raise ConfigError("--live is done by the fast engine, here", hint="--mode fast")
    if options.task is Task.TRANSLATE and "turbo" in model.name:
        logger.warning("%s was not trained to translate: expect the language spoken", model.name)


def _ears(
    settings: Settings,
    speakers: Speakers | None,
    bring: Callable[[Model], Path],
    kept: Path | None,
) -> "Ears | None":
    """Choose what tells voices apart, where that is asked for. Raises ConfigError, ModelError."""
    if speakers is None or speakers.by is not By.voices:
        return None
    from whisper_cli.speakers.ears import ears_for
    from whisper_cli.speakers.hear import require_extra

    require_extra()
    return ears_for(settings, speakers.count, bring, kept)


def _care(settings: Settings) -> "Care | None":
    """Tell what is asked of the text; what does it is loaded only then. Raises ConfigError."""
    names = ("replace", "strip_fillers", "mask_profanity", "mask_words")
    if not any(getattr(settings, name) for name in names):
        return None
    from whisper_cli.care.style import care_of

    return care_of(settings)


def wishes_for(model: Model, settings: Settings) -> Wishes:
    """Ask for what the settings say, else for what `bench --tune` found to do best."""
    threads = settings.threads or cores()
    tuned = tuning().workers(model.name, settings.compute_type, threads)
    return Wishes(
        settings.device,
        settings.compute_type,
        settings.workers or (0 if settings.device is Device.cuda else tuned),
        settings.threads,
        settings.batch_size,
    )


def options_of(settings: Settings, look: Look, formats: frozenset[Format] = frozenset()) -> Options:
    """Pick the settings that change the words; cues and some formats need words with times."""
    names = {each.name for each in fields(Options)} & {each.name for each in fields(Settings)}
    options = Options(**{name: getattr(settings, name) for name in names})
    wanted = bool(settings.speakers) or any(map(look.wants_words, formats))
    timed = options.word_timestamps or style_of(settings) is not None or wanted
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
        usage.remember_hash(weights, known)
    return known
