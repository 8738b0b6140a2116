"""What the user named as inputs: files, folders, standard input and URLs."""

import codecs
import glob
import hashlib
import os
import re
import stat
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path, PurePosixPath
from typing import BinaryIO
from urllib.parse import unquote, urlsplit

from whisper_cli.audio.folders import look_into
from whisper_cli.errors import ConfigError
from whisper_cli.texts import path_text


@dataclass(frozen=True, slots=True)
class UrlLimits:
    """What an address may be and give: `max_bytes` and `max_seconds` of reading."""

    allow_private: bool = False
    max_bytes: int = 4_000_000_000
    max_seconds: float = 6 * 3600.0


@dataclass(frozen=True, slots=True)
class Url:
    """An input on the web."""

    url: str
    limits: UrlLimits = UrlLimits()

    @property
    def stem(self) -> str:
        """What an output is named after: the last part of the path, else the host."""
        try:
            parts = urlsplit(self.url)
        except ValueError:  # opening it says so
            return "web"
        stem = PurePosixPath(unquote(parts.path)).stem.replace("/", "_").replace("\0", "_")
        return stem if stem.strip(". ") else parts.hostname or "web"


def is_url(text: str) -> bool:
    """Say whether an input names something on the web."""
    return re.match(r"https?://", text, re.IGNORECASE) is not None


@dataclass(frozen=True, slots=True)
class Source:
    """One input: a path, an address on the web, an open `file` or, without any, standard input.

    `root` is the folder input it was found in (outputs are mirrored below it). The path need not
    exist: opening it says why not, so that with several inputs the others go on.
    """

    path: Path | None
    root: Path | None = None
    address: Url | None = None
    file: BinaryIO | None = None

    @property
    def name(self) -> str:
        """The path as given, undecodable bytes replaced; `-` for standard input."""
        if self.address is not None:
            return path_text(self.address.url)
        if self.file is not None:
            named = getattr(self.file, "name", None)  # of a temporary file a number
            return named if isinstance(named, str) and named else "audio"
        return path_text(self.path or "-")

    def within(self, limits: UrlLimits) -> "Source":
        """Give an address its limits."""
        if self.address is None:
            return self
        return replace(self, address=replace(self.address, limits=limits))

    @property
    def stem(self) -> str:
        """What an output is named after; `stdin` for standard input."""
        if self.address is not None:
            return self.address.stem
        if self.file is not None:
            return Path(self.name).stem
        return self.path.stem if self.path else "stdin"


@dataclass(frozen=True, slots=True)
class Inputs:
    """The sources in the order they were named, each file once.

    `has_folder`: one was a folder, or they come from a list; even a single one is of several then.
    """

    sources: tuple[Source, ...]
    has_folder: bool

    @property
    def multiple(self) -> bool:
        """Whether outputs need a place of their own each."""
        return len(self.sources) > 1 or self.has_folder


@dataclass(frozen=True, slots=True)
class Shard:
    """The part `number` (from 1) of `count` parts of a list of inputs."""

    number: int
    count: int

    def of(self, inputs: Inputs) -> Inputs:
        """Keep this part: each input's is told by its name alone, whatever else is in the list.

        What is found in a folder is named from there on, wherever the folder is.
        """
        kept = tuple(source for source in inputs.sources if self._holds(source))
        return replace(inputs, sources=kept, has_folder=inputs.multiple)

    def _holds(self, source: Source) -> bool:
        path = source.path or Path(source.name)
        name = path.relative_to(source.root) if source.root else path
        digest = hashlib.sha256(os.fsencode(name)).digest()
        return int.from_bytes(digest[:8]) % self.count == self.number - 1


def parse_shard(text: str) -> Shard:
    """Read `2/8`; raises ConfigError."""
    found = re.fullmatch(r"(\d{1,6})/(\d{1,6})", text.strip(), re.ASCII)
    if not found or not 1 <= int(found[1]) <= int(found[2]):
        raise ConfigError(
            f'"{text}" is not a shard', hint="NUMBER/COUNT from 1/COUNT to COUNT/COUNT, as in 2/8"
        )
    return Shard(int(found[1]), int(found[2]))


def expand(
    arguments: Sequence[str],
    stdin: BinaryIO | None,
    listed: Sequence[str] | None = None,
    limits: UrlLimits | None = None,
) -> Inputs:
    """Turn files, folders, globs, `@lists`, `-` and addresses (within `limits`) into sources.

    `listed` are further names, from a list that stdin held. `stdin` is read here for `@-` only.
    Raises ConfigError for a list that can't be read.
    """
    found: dict[str, Source] = {}
    named = (source for argument in arguments for source in _named(argument, stdin))
    for source in chain(named, *map(_sources, listed or ())):
        known = os.path.realpath(source.path) if source.path else source.name
        found.setdefault(known, source.within(limits or UrlLimits()))
    sources = tuple(found.values())
    folder = listed is not None or any(source.root for source in sources)
    return Inputs(sources, has_folder=folder)


def read_list(stdin: BinaryIO | None, *, nul: bool) -> list[str]:
    """Read names from standard input: one a line, or NUL-separated (told by itself, or by `nul`).

    Raises ConfigError where there is none.
    """
    data = stdin.read() if stdin else b""
    return _split(data, "standard input", nul=nul)


def _named(argument: str, stdin: BinaryIO | None) -> Iterator[Source]:
    if argument.startswith("@") and _mode(Path(argument)) is None:
        for entry in _entries(argument[1:], stdin):
            yield from _sources(entry)
    else:
        yield from _sources(argument)


def _entries(name: str, stdin: BinaryIO | None) -> list[str]:
    """Read a list of paths: one a line or, as from `find -print0`, separated by NUL."""
    try:
        data = Path(name).read_bytes() if name != "-" else stdin.read() if stdin else b""
    except OSError as error:
        raise ConfigError(
            f"can't read the list {name}: {error.strerror}",
            hint="@FILE names a text file with one path a line, @- reads it from standard input",
        ) from error
    return _split(data.removeprefix(codecs.BOM_UTF8), name)


def _split(data: bytes, name: str, *, nul: bool = False) -> list[str]:
    lines = data.split(b"\0") if nul or b"\0" in data else data.splitlines()
    entries = [os.fsdecode(line) for line in lines if line.strip()]
    if not entries:
        raise ConfigError(f"the list {name} names no file")
    return entries


def _sources(argument: str) -> Iterator[Source]:
    if not argument:
        raise ConfigError("an input has an empty name", hint="check the variable it came from")
    path = Path(argument)
    mode = _mode(path)
    if is_url(argument):
        yield Source(None, address=Url(argument))
    elif argument == "-":
        yield Source(None)
    elif mode is not None and stat.S_ISDIR(mode):
        yield from _folder(path)
    elif mode is None and (matches := sorted(_glob(argument))):
        for match in matches:
            yield from _sources(match)
    else:
        yield Source(path)


def _mode(path: Path) -> int | None:
    # ValueError: a NUL inside the name
    try:
        return path.stat().st_mode
    except (OSError, ValueError):
        return None


def _glob(pattern: str) -> Iterable[str]:
    if not glob.has_magic(pattern):
        return ()
    return glob.iglob(pattern, recursive=True)  # noqa: PTH207  pathlib's takes no absolute pattern


def _folder(folder: Path) -> Iterator[Source]:
    """Yield what is below a folder, and what won't open, to say why: folders closed or empty."""
    content = look_into(folder)
    content.warn()
    found = sorted([*content.recordings, *content.closed]) or [folder]
    return (Source(path, folder) for path in found)
