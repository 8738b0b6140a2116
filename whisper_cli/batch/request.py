"""What a person orders, the same for every job of a run; a process can be given it."""

from dataclasses import dataclass

from whisper_cli.config.settings import Settings
from whisper_cli.formats.registry import Format
from whisper_cli.models.catalog import Model


@dataclass(frozen=True, slots=True)
class RunFlags:
    """What a person wants of one run, beside the settings.

    `formats` are those of any output; `colors` are wanted, and can be shown, on stdout.
    """

    raw: str | None = None
    overwrite: bool = False
    resume: bool = True
    live: bool = False
    partials: bool = False
    formats: frozenset[Format] = frozenset()
    colors: bool = False


@dataclass(frozen=True, slots=True)
class RunRequest:
    """The model, the settings, and what is wanted beside them."""

    model: Model
    settings: Settings
    flags: RunFlags = RunFlags()
