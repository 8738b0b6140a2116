"""What we wrote and from what: tells our current, our stale and other people's files apart."""

import hashlib
import json
import logging
import os
import sqlite3
import threading
import time
from dataclasses import asdict, replace
from enum import Enum, auto
from functools import lru_cache
from io import FileIO
from pathlib import Path
from typing import TYPE_CHECKING

from whisper_cli.diarization.options import DiarizationOptions
from whisper_cli.files import beside
from whisper_cli.formats.options import FormatOptions
from whisper_cli.formats.registry import Format
from whisper_cli.subtitles.presets import CueOptions
from whisper_cli.transcript import ADDED_OPTIONS, Info, Provenance

if TYPE_CHECKING:
    from whisper_cli.text.editor import TextOptions

logger = logging.getLogger("whisper_cli")

PATIENCE = 30.0  # seconds to wait for another process
PART = ".part"  # what is added to the name of a file in work
FORMAT_VERSION = 1  # raise it when a writer's output changes, so that older files are stale


class State(Enum):
    """What stands at an output's place."""

    missing = auto()
    current = auto()
    stale = auto()
    foreign = auto()


class OutputIndex:
    """A small SQLite file: output path -> hash of what we wrote, and the work it came from.

    A ledger that can't be read or written costs a warning and what it would have saved: files
    that were ours then look foreign and are kept.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._warned = False
        self._turn = threading.Lock()  # files are opened in one thread and written in another
        self._base: sqlite3.Connection | None = None

    @property
    def folder(self) -> Path:
        """Where it is kept."""
        return self._file.parent

    def state(self, path: Path, key: str) -> State:
        """Say what stands at `path`, if it should come from `key` (see `output_key`)."""
        if not os.path.exists(path):
            return State.missing
        names = _key_of_path(path), _key_of_part(path)
        rows = self._run("SELECT sha256, work FROM outputs WHERE path IN (?, ?)", *names)
        sha256 = _sha256(path)
        keys = [known for digest, known in rows if digest == sha256]
        if not keys:
            return State.foreign
        return State.current if key in keys else State.stale

    def language(self, key: str) -> str | None:
        """Tell which language an earlier run of the same work found, for `{language}`."""
        rows = self._run("SELECT language FROM outputs WHERE work = ?", key)
        return rows[0][0] if rows else None

    def record(self, path: Path, key: str, language: str | None) -> None:
        """Note a file that was just published, or that will take the name of its `PART`."""
        row = (_key_of_path(path), _sha256(path), key, language or "und")
        self._run("INSERT OR REPLACE INTO outputs VALUES (?, ?, ?, ?)", *row)
        self._run("DELETE FROM outputs WHERE path = ?", _key_of_part(path))

    def add_file(self, path: Path, file: FileIO) -> None:
        """Note a file that was just made, and will be worked on."""
        self._run(
            "INSERT OR REPLACE INTO outputs VALUES (?, ?, '', 'und')", _key_of_path(path), _id(file)
        )

    def contains(self, path: Path, file: FileIO) -> bool:
        """Say whether the open file at `path` is one that we made, or wrote to its end."""
        rows = self._run("SELECT sha256 FROM outputs WHERE path = ?", _key_of_path(path))
        return any(known == _id(file) or known == _digest(file) for (known,) in rows)

    def discard(self, path: Path) -> None:
        """Note that a file in work is gone."""
        self._run("DELETE FROM outputs WHERE path = ?", _key_of_path(path))

    def close(self) -> None:
        """Let go of the file."""
        with self._turn:
            if self._base is not None:
                self._base.close()
            self._base = None

    def _run(self, statement: str, *values: str) -> list[tuple[str, ...]]:
        try:
            with self._turn:
                if self._base is None:
                    self._base = _opened(self._file)
                with self._base:
                    return self._base.execute(statement, values).fetchall()
        except (OSError, sqlite3.Error) as error:
            if not self._warned:
                logger.warning("can't use the ledger of outputs %s: %s", self._file, error)
            self._warned = True
            return []


def _opened(file: Path) -> sqlite3.Connection:
    """Open or make the file. With a write-ahead log, noting an output waits for no disk."""
    file.parent.mkdir(parents=True, exist_ok=True)
    base = sqlite3.connect(file, timeout=PATIENCE, check_same_thread=False)
    try:
        _set_journal_mode(base)
        base.execute("PRAGMA synchronous = NORMAL")
        with base:
            base.execute(
                "CREATE TABLE IF NOT EXISTS outputs"
                " (path TEXT PRIMARY KEY, sha256 TEXT, work TEXT, language TEXT)"
            )
    except BaseException:
        base.close()
        raise
    return base


def _set_journal_mode(base: sqlite3.Connection) -> None:
    """Keep a write-ahead log. SQLite waits for no lock here, where another makes the file now."""
    end = time.monotonic() + PATIENCE
    while True:
        try:
            base.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError:
            if time.monotonic() > end:
                raise
            time.sleep(0.02)
        else:
            return


def output_key(
    info: Info,
    kind: Format,
    format_options: FormatOptions,
    cues: CueOptions | None = None,
    text_options: "TextOptions | None" = None,
    speakers: DiarizationOptions | None = None,
) -> str:
    """Name a piece of work by all that decides its bytes: input, model, options and format.

    Names are left out, and the tool's version: a new release makes nobody's transcripts stale.
    """
    shaped = cues.as_key() if cues and kind.is_cue else None
    style_of_json = format_options.json_style if kind.takes("json_style") else ""
    looks = tuple(item for item in kind.changes(format_options).items() if item[0] != "json_style")
    added = {"care": text_options, "speakers": speakers}
    options_key: dict[str, object] = {
        name: asdict(item) for name, item in added.items() if item is not None
    }
    if kind.spec.version > 1:
        options_key["version"] = kind.spec.version
    return _key(
        _without_names(info.provenance),
        kind,
        style_of_json,
        json.dumps(shaped),
        looks,
        json.dumps(options_key),
    )


def words_key(info: Info) -> str:
    """Name the work that finds the words, whatever they are written as."""
    return _key(_without_names(info.provenance), "segments", "")


def _without_names(known: Provenance) -> Provenance:
    model = "" if known.revision else known.model
    return replace(known, tool="", device="", input="", model=model, complete=False)


@lru_cache
def _key(
    provenance: Provenance,
    kind: str,
    style: str,
    shaped: str = "null",
    looks: tuple[tuple[str, object], ...] = (),
    options_key: str = "{}",
) -> str:
    known = asdict(provenance)
    for name in ADDED_OPTIONS:
        if known["options"][name] is None:
            del known["options"][name]
    content: list[object] = [FORMAT_VERSION, kind, style, known]
    content += [shaped] if shaped != "null" else []
    content += [looks] if looks else []
    content += [options_key] if options_key != "{}" else []
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _key_of_path(path: Path) -> str:
    return _as_key(os.path.realpath(path))


def _key_of_part(path: Path) -> str:
    return _as_key(beside(Path(os.path.realpath(path)), PART))


def _as_key(real: str | Path) -> str:
    return os.fsencode(real).decode("utf-8", "backslashreplace")


def _id(file: FileIO) -> str:
    """Name a file in work: its content still changes, and its name may come to be another's."""
    known = os.fstat(file.fileno())
    return f"made {known.st_ino} {known.st_uid}"


def _digest(file: FileIO) -> str:
    file.seek(0)
    return hashlib.file_digest(file, "sha256").hexdigest()


def _sha256(path: Path) -> str:
    """Hash a file; a folder or what can't be read is nothing that we wrote."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return ""
