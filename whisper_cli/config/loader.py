"""Where settings come from: flag over environment over file over default."""

import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import Field, dataclass, fields, replace
from enum import StrEnum
from pathlib import Path
from types import NoneType
from typing import Any, get_args, get_origin

from whisper_cli import files
from whisper_cli.config.settings import Settings
from whisper_cli.errors import ConfigError
from whisper_cli.texts import as_text

PREFIX = "WHISPER_CLI_"
_NOT_GIVEN: tuple[object, ...] = (None, [], ())
NAMES = tuple(item.name for item in fields(Settings))


@dataclass(frozen=True, slots=True)
class Value:
    """One setting as resolved: `origin` says where its value came from, for people."""

    name: str
    value: Any
    origin: str


def load(
    flags: Mapping[str, Any], environ: Mapping[str, str], file: Path | None = None
) -> tuple[Value, ...]:
    """Resolve every setting, in the order of `Settings`.

    `flags` may hold other keys and None for what was not given. Raises ConfigError naming the
    flag, the variable, or the file and line that can't be understood.
    """
    found: dict[str, Value] = {}
    for where, typed, raw in _given(flags, environ, file):
        name = typed.replace("-", "_")
        if name not in NAMES:
            close = "whisper-cli config shows every key"
            raise ConfigError(f'{where}: unknown key "{typed}"', hint=close)
        found[name] = Value(name, parse(name, raw, where), where)
    return tuple(found.get(f.name, Value(f.name, f.default, "default")) for f in fields(Settings))


def settings(values: tuple[Value, ...]) -> Settings:
    """Make the frozen settings from resolved values."""
    return Settings(**{value.name: value.value for value in values})


def settings_of(options: Mapping[str, Any], base: Settings | None = None) -> Settings:
    """Change settings by options that Python names; None or an empty list leaves one as it is.

    Neither the environment nor the file is read. Raises ConfigError naming the option.
    """
    given = {name: value for name, value in options.items() if value not in _NOT_GIVEN}
    values = {name: parse(name, value, name) for name, value in given.items()}
    return replace(base or Settings(), **values)


def parse(name: str, raw: Any, where: str) -> Any:
    """Turn a flag's, variable's or TOML value into the setting's type; `where` names it in errors.

    Raises ConfigError.
    """
    try:
        rows = _rows(raw) if isinstance(raw, dict) and name == "presets" else raw
        return _metadata(name)["parse"](_without_nul(_as_text(rows)))
    except ConfigError as error:
        raise ConfigError(f"{where}: {error.message}", hint=error.hint) from None
    except (ValueError, RecursionError) as error:  # a number of thousands of digits, endless lists
        raise ConfigError(f'{where}: "{name}" can\'t be that long or deep') from error


def about(name: str) -> str:
    """Say what a setting means."""
    return str(_metadata(name)["about"])


def kind(name: str) -> type:
    """Name the type of a setting's values: an enum, bool, int, float, str, or tuple for several."""
    return _kind(_field(name).type)


def _kind(annotation: Any) -> type:
    if get_origin(annotation) is tuple:
        return tuple
    named = [item for item in get_args(annotation) or (annotation,) if item is not NoneType]
    found: type = named[0]
    return found


def metavar(name: str) -> str:
    """Show what a setting's option takes: INTEGER, FLOAT, its choices, or a word of its own."""
    known = kind(name)
    choices = f"[{'|'.join(known)}]" if issubclass(known, StrEnum) else ""
    return _metadata(name)["metavar"] or choices or _KINDS.get(known, "TEXT")


_KINDS = {int: "INTEGER", float: "FLOAT"}


def default(name: str) -> Any:
    """Give a setting's default."""
    return _field(name).default


def set_value(file: Path, name: str, text: str) -> None:
    """Write one key into the TOML file, keeping its comments; the empty text removes the key.

    Raises ConfigError for an unknown key, a bad value, or a file that can't be written.
    """
    import tomlkit
    from tomlkit.exceptions import TOMLKitError

    if name not in NAMES:
        raise ConfigError(f'unknown key "{name}"', hint="whisper-cli config shows every key")
    file = Path(os.path.realpath(file))  # a link stays one; resolve() fails at a loop
    if os.path.exists(file) and not os.path.isfile(file):  # /dev/null would be replaced
        raise ConfigError(f"{file} is no file", hint="WHISPER_CLI_CONFIG names another")
    text_before = _read(file)
    _toml(text_before, file)
    parsed = parse(name, text, name) if text else None
    try:
        document = tomlkit.parse(text_before)
        document.pop(name, None)
        if text:
            document[name] = parsed if isinstance(parsed, bool | int) else as_text(parsed)
        file.parent.mkdir(parents=True, exist_ok=True)
        files.write_text(file, tomlkit.dumps(document))
    except OSError as error:
        raise ConfigError(f"can't write {file}: {error.strerror}") from error
    except (ValueError, TOMLKitError, RecursionError) as error:  # texts that UTF-8 can't hold too
        raise ConfigError(f"can't write {name} into {file}: {error}") from error


def _given(
    flags: Mapping[str, Any], environ: Mapping[str, str], file: Path | None
) -> list[tuple[str, str, Any]]:
    """List what was given as (where, name, raw value), the weakest first."""
    text = _read(file) if file else ""
    keys = _toml(text, file).items() if file else ()
    given = [(f"{file}:{_line(text, key)}", key, value) for key, value in keys]
    for name in NAMES:
        variable = PREFIX + name.upper()
        if environ.get(variable):
            given.append((variable, name, environ[variable]))
    flagged = (name for name in NAMES if flags.get(name) not in _NOT_GIVEN)
    return given + [("--" + name.replace("_", "-"), name, flags[name]) for name in flagged]


def _metadata(name: str) -> Mapping[str, Any]:
    metadata: Mapping[str, Any] = _field(name).metadata
    return metadata


def _field(name: str) -> "Field[Any]":
    return next(item for item in fields(Settings) if item.name == name)


def _as_text(raw: Any) -> str:
    if isinstance(raw, dict):
        raise ConfigError("a value is wanted, not a table")
    return ",".join(map(_as_text, raw)) if isinstance(raw, list | tuple) else as_text(raw)


def _without_nul(text: str) -> str:
    if "\0" in text:
        raise ConfigError("no text may hold a NUL")
    return text


def _rows(presets: Mapping[str, Any]) -> list[str]:
    """Write the tables [presets.NAME] as the rows that a flag would take."""
    return [
        f"{preset}.{rule}={_as_text(value)}"
        for preset, rules in presets.items()
        for rule, value in (rules if isinstance(rules, dict) else {"": rules}).items()
    ]


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8-sig")
    except (FileNotFoundError, NotADirectoryError):  # HOME may be /dev/null
        return ""
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"can't read {file}: {error}") from error


def _toml(text: str, file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # whole numbers of thousands of digits are one
        raise ConfigError(f"{file}: {error}") from error


def _line(text: str, key: str) -> int:
    pattern = re.compile(rf"""^[ \t]*\[?["']?{re.escape(key)}\b""", re.MULTILINE)
    found = pattern.search(text)
    return text.count("\n", 0, found.start()) + 1 if found else 1
