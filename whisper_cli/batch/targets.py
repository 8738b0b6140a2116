"""Where each input's outputs go, settled before anything runs."""

import errno
import os
import re
import shlex
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from whisper_cli.audio.sources import Inputs, Source
from whisper_cli.batch.output_index import PART
from whisper_cli.errors import ConfigError, OutputError
from whisper_cli.files import beside
from whisper_cli.formats.registry import Format
from whisper_cli.models.catalog import Model
from whisper_cli.transcript import Info

if TYPE_CHECKING:
    from whisper_cli.batch.sinks import Sink

_DESCRIPTOR = re.compile(r"/dev/(stdout|stderr|fd/\d+)|/proc/(self|\d+)/fd/\d+")
# Stands in a name until the language is known: private-use characters, which no file name has.
LANGUAGE = "\uf8ffl\uf8ff"


@dataclass(frozen=True, slots=True)
class Target:
    """One output of one input: a file, or stdout where `pattern` is None.

    With a `sink` nothing is written: it is called as the segments begin, and gets them instead.
    """

    format: Format
    pattern: str | None = None
    sink: "Callable[[Info], Sink] | None" = None

    @property
    def needs_language(self) -> bool:
        """Say whether the name is open until the language is known."""
        return self.pattern is not None and LANGUAGE in self.pattern

    @property
    def tells_partials(self) -> bool:
        """Say whether it shows what a phrase says so far."""
        return self.pattern is None and self.format.spec.partials

    def path(self, language: str | None) -> Path:
        """Name the file, now that the language is known; `und` where there is none."""
        if self.pattern is None:
            raise ValueError("stdout has no path")
        return Path(self.pattern.replace(LANGUAGE, part_of_name(language or "und")))


@dataclass(frozen=True, slots=True)
class BatchJob:
    """One input and all that is to be written of it."""

    source: Source
    targets: tuple[Target, ...]


@dataclass(frozen=True, slots=True)
class NameOptions:
    """What output names are made of: a checked template, the model's name, a language if fixed."""

    template: str
    model: str
    language: str | None

    @classmethod
    def of(cls, template: str, model: Model, language: str | None) -> "NameOptions":
        """Name outputs by a template; a model is called by the last part of its name."""
        named = (model.folder or Path(model.name)).absolute().name
        return cls(template, named, language)

    def name(self, source: Source, kind: Format) -> str:
        """Fill the template; the language may stay open until it is detected."""
        fields = {
            "stem": part_of_name(source.stem),
            "ext": kind.suffix,
            "model": part_of_name(self.model),
            "language": part_of_name(self.language or LANGUAGE),
        }
        name = self.template
        for field in ("ext", "model", "language", "stem"):  # the stem last: it may hold braces
            name = name.replace("{" + field + "}", fields[field])
        return name


def part_of_name(value: str) -> str:
    """Make a value fit to stand in a file's name: none leads to another folder."""
    part = re.sub(r"[/\0]", "_", value.replace(os.sep, "_"))
    return "_" if part in (".", "..") else part


def plan(
    inputs: Inputs,
    output: str | None,
    requested: tuple[Format, ...] | None,
    default: tuple[Format, ...],
    name_options: NameOptions,
) -> tuple[BatchJob, ...]:
    """Decide what is written where. `requested` are the formats of -f, None where it is absent.

    Raises ConfigError where two outputs would be one file, an output would be an input, or stdout
    can't hold what was asked for; nothing is touched before.
    """
    if output == "":
        raise ConfigError("-o names nothing", hint="a file, FOLDER/, or - for stdout")
    kinds = requested or default
    if output == "-" or (output is None and not inputs.multiple):
        _check_stdout(kinds, multiple=inputs.multiple)
        return tuple(BatchJob(source, (Target(kinds[0]),)) for source in inputs.sources)
    if output is None or _is_folder(output, inputs, kinds=requested or ()):
        _check_folder(output)
        jobs = tuple(
            BatchJob(
                source, tuple(_in_folder(source, output, kind, name_options) for kind in kinds)
            )
            for source in inputs.sources
        )
    else:
        target = Target(_chosen(output, requested, default), output)
        jobs = (BatchJob(inputs.sources[0], (target,)),)
    _check_collisions(jobs)
    return jobs


def formats_of(jobs: Iterable[BatchJob]) -> frozenset[Format]:
    """List the formats to be written."""
    return frozenset(target.format for job in jobs for target in job.targets)


def check_highlight(formats: frozenset[Format], highlight: str | None) -> None:
    """Raise ConfigError where a `highlight` flag is given, and none of the formats can do it."""
    supported = [kind for kind in Format if kind.spec.highlight]
    if highlight not in (None, "none") and formats and not formats.intersection(supported):
        raise ConfigError(
            f"--highlight: words can't be marked in {', '.join(sorted(formats))}",
            hint=f"-f takes one of: {', '.join(sorted(supported))}",
        )


def is_text_output(jobs: Iterable[BatchJob]) -> bool:
    """Tell whether plain text goes to stdout."""
    targets = (target for job in jobs for target in job.targets)
    return any(item.pattern is None and item.format.spec.is_text_output for item in targets)


def _check_stdout(kinds: tuple[Format, ...], *, multiple: bool) -> None:
    if len(kinds) > 1:
        raise ConfigError("several formats can't share stdout", hint="-o FOLDER/ holds them all")
    if multiple and not kinds[0].spec.multiple_on_stdout:
        supported = [kind for kind in Format if kind.spec.multiple_on_stdout]
        raise ConfigError(
            f"several inputs can't share stdout as {kinds[0]}",
            hint=f"{' and '.join(supported)} can; -o FOLDER/ holds any format",
        )


def _is_folder(output: str, inputs: Inputs, kinds: tuple[Format, ...]) -> bool:
    ends = output.endswith(("/", os.sep))
    return ends or inputs.multiple or len(kinds) > 1 or os.path.isdir(output)


def _check_folder(output: str | None) -> None:
    if output is not None and os.path.exists(output) and not os.path.isdir(output):
        raise OutputError(f"{output} is a file, and a folder is needed", hint="-o FOLDER/")


def _chosen(
    output: str, requested: tuple[Format, ...] | None, default: tuple[Format, ...]
) -> Format:
    """Choose the format of a single file: as asked for, else by its suffix, else the default."""
    if not os.path.isdir(Path(output).parent):
        folder = Path(output).parent
        raise OutputError(f"no such folder: {folder}", hint=f"mkdir -p {shlex.quote(str(folder))}")
    suffix = Path(output).suffix[1:].lower()
    if requested or not suffix or special(Path(output)):
        return (requested or default)[0]
    return format_named(output)


def format_named(output: str) -> Format:
    """Tell the format by the suffix of a file's name. Raises ConfigError where there is none."""
    named = [kind for kind in Format if output.lower().endswith(f".{kind.suffix}")]
    if not named:
        hint = f"-f chooses one of: {', '.join(Format)}"
        raise ConfigError(f'no format is called "{Path(output).suffix[1:]}" ({output})', hint=hint)
    return max(named, key=lambda kind: len(kind.suffix))


def _in_folder(
    source: Source, output: str | None, kind: Format, name_options: NameOptions
) -> Target:
    parent = source.path.parent if source.path else Path()
    folder = parent
    if output is not None:
        folder = Path(output)
        if source.root not in (None, source.path):
            folder = folder / parent.relative_to(source.root or "")
    return Target(kind, str(folder / name_options.name(source, kind)))


def _check_collisions(jobs: Iterable[BatchJob]) -> None:
    hint = "--name takes {stem}, {ext}, {language} and {model}; -o takes another folder"
    inputs = {os.path.realpath(job.source.path) for job in jobs if job.source.path is not None}
    writers: dict[str, str] = {}
    for name, pattern in ((job.source.name, item.pattern) for job in jobs for item in job.targets):
        if pattern is None:
            continue
        real_path, shown = os.path.realpath(pattern), pattern.replace(LANGUAGE, "{language}")
        part = str(beside(Path(real_path), PART))
        if inputs & {real_path, part}:
            raise ConfigError(f'{name} would write over the input "{shown}"', hint=hint)
        other = writers.get(real_path) or writers.get(part)
        if other:
            raise ConfigError(f'{other} and {name} would both write "{shown}"', hint=hint)
        writers[real_path] = writers[part] = name


def prepare(path: Path) -> None:
    """Make sure that a file can be made at `path`; raises OutputError.

    The folders of a folder output are made here; a file named alone must stand in one that is.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"can't make {path.parent}: {error.strerror}") from error
    if not os.access(path.parent, os.W_OK):
        raise OutputError(f"can't write in {path.parent}: permission denied", hint="-o FOLDER/")
    try:
        os.lstat(path)
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG:  # known now, and not when all is decoded
            hint = "-o FILE or --name gives a shorter name"
            raise OutputError(f"can't write {path}: {error.strerror}", hint=hint) from error


def special(path: Path) -> bool:
    """Say whether a path is a pipe or device, written straight through and never replaced."""
    if _DESCRIPTOR.fullmatch(os.path.abspath(path)):
        return True
    return os.path.exists(path) and not os.path.isfile(path) and not os.path.isdir(path)
