"""What is to be replaced by what: rules, and the files that hold them."""

import csv
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Any

from whisper_cli.errors import ConfigError
from whisper_cli.subtitles.measure import WITHOUT_SPACES
from whisper_cli.text.edits import Edit

HINT = "[words], [exact] and [patterns] in TOML, or lines of CSV: from,to,word|exact|pattern"


class ReplacementKind(StrEnum):
    """How a rule finds its text."""

    word = "word"  # whole words in any case
    exact = "exact"  # whole words in this case
    pattern = "pattern"  # a regular expression of Python's


_TABLES = {
    "words": ReplacementKind.word,
    "exact": ReplacementKind.exact,
    "patterns": ReplacementKind.pattern,
}


@dataclass(frozen=True, slots=True)
class Replacement:
    """Texts that `before` names become `after`."""

    kind: ReplacementKind
    before: str
    after: str

    def __call__(self, text: str) -> Iterator[Edit]:
        """Find what is to be replaced in a text."""
        for match in compiled(self).finditer(text):
            new = self.after
            if self.kind is ReplacementKind.pattern:
                new = match.expand(new)
            elif self.kind is ReplacementKind.word:
                new = like(match[0], new)
            if match.end() > match.start() and new != match[0]:
                yield Edit(match.start(), match.end(), new, "replace")


def whole(pattern: str) -> str:
    """Let a pattern match whole words only; scripts without spaces have no bounds of words.

    What an apostrophe joins is one word, but for the 's of a genitive.
    """
    char = rf"[^\W{WITHOUT_SPACES}]"
    linked = r"(?<=\w)(?=['’](?!s\b)\w)|(?<=\w['’])(?=\w)"  # don't, l'eau; but Tom's is Tom's
    inside = rf"(?<={char})(?={char})|{linked}"
    return f"(?!{inside})(?:{pattern})(?!{inside})"


def like(seen: str, new: str) -> str:
    """Write `new` in capitals where what it replaces is, or with a capital at its start."""
    if seen.isupper() and sum(map(str.isalpha, seen)) > 1:
        return new.upper()
    return new[:1].upper() + new[1:] if seen[:1].isupper() else new


@cache
def compiled(rule: Replacement) -> re.Pattern[str]:
    """Compile what a rule looks for; raises re.error."""
    if rule.kind is ReplacementKind.pattern:
        return re.compile(rule.before)
    pattern = r"\s+".join(map(re.escape, rule.before.split()))
    return re.compile(whole(pattern), re.IGNORECASE if rule.kind is ReplacementKind.word else 0)


def read_rules(file: Path) -> tuple[Replacement, ...]:
    """Read the rules of a TOML or CSV file (told by its suffix), in their order.

    Raises ConfigError naming the line that can't be understood.
    """
    try:
        text = file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8"
        raise ConfigError(f"can't read {file}: {reason}") from error
    found = _from_csv(text, file) if file.suffix.lower() == ".csv" else _from_toml(text, file)
    return tuple(_checked(rule, f"{file}:{line}") for line, rule in found)


def _from_toml(text: str, file: Path) -> Iterator[tuple[int, Replacement]]:
    try:
        tables = tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # also numbers of thousands of digits
        raise ConfigError(f"{file}: {error}", hint=HINT) from error
    for name, table in tables.items():
        if name not in _TABLES or not isinstance(table, dict):
            raise ConfigError(f'{file}:{_line(text, name)}: unknown table "{name}"', hint=HINT)
        for before, after in table.items():
            line = _line(text, before)
            yield line, _rule(_TABLES[name], before, after, f"{file}:{line}")


def _from_csv(text: str, file: Path) -> Iterator[tuple[int, Replacement]]:
    rows = csv.reader(text.splitlines(), strict=True)
    try:
        for number, row in enumerate(rows):
            header = number == 0 and [cell.strip().lower() for cell in row[:2]] == ["from", "to"]
            if header or not any(row) or row[0].startswith("#"):
                continue
            where = f"{file}:{rows.line_num}"
            before, after, kind = (*row, "word")[:3] if len(row) in (2, 3) else (None, None, "")
            if kind.strip() not in [*ReplacementKind]:
                raise ConfigError(f"{where}: not from,to[,word|exact|pattern]", hint=HINT)
            yield rows.line_num, _rule(ReplacementKind(kind.strip()), before, after, where)
    except csv.Error as error:
        raise ConfigError(f"{file}:{rows.line_num}: {error}", hint=HINT) from error


def _rule(kind: ReplacementKind, before: Any, after: Any, where: str) -> Replacement:
    if not isinstance(before, str) or not isinstance(after, str):
        raise ConfigError(f'{where}: "{before}" is to be replaced by no text', hint=HINT)
    return Replacement(kind, before, after)


def _checked(rule: Replacement, where: str) -> Replacement:
    """Make sure that a rule can be used. Raises ConfigError."""
    if not rule.before.strip():
        raise ConfigError(f"{where}: an empty text is replaced by nothing", hint=HINT)
    try:
        pattern = compiled(rule)
        if rule.kind is ReplacementKind.pattern:
            pattern.sub(rule.after, "")  # reads the groups that it names
    except (re.error, IndexError, OverflowError, RecursionError) as error:
        raise ConfigError(f'{where}: "{rule.before}" -> "{rule.after}": {error}') from error
    return rule


def _line(text: str, key: str) -> int:
    """Find the line that a key of TOML stands on."""
    for number, line in enumerate(text.splitlines(), 1):
        head = line.strip().lstrip("[\"'")
        if head.startswith((key, key.replace("\\", "\\\\"))):
            return number
    return 1
