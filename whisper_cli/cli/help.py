"""Help in groups, as plain text: drawing it with rich would take as long as all the rest."""

from collections.abc import Iterable, Iterator
from typing import Any

from typer.core import TyperCommand, TyperGroup

Entry = tuple[str, str, str]  # panel, name, what it is
WHOLE = 1000  # letters of a command's description: it is wrapped, never cut
# What an option takes, by the name of its type in Typer.
METAVARS = {
    "str": "TEXT",
    "int": "INTEGER",
    "int range": "INTEGER",
    "float": "FLOAT",
    "float range": "FLOAT",
    "path": "PATH",
}


class GroupedCommand(TyperCommand):
    """A command whose options are listed by the panels they were declared in."""

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write arguments and options, a section a panel."""
        _write(formatter, _parameters(self, ctx))


class GroupedCommands(TyperGroup):
    """Commands that are listed by the panels they were declared in."""

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write commands and options, a section a panel."""
        commands = (
            (_panel(command, "Commands"), name, command.get_short_help_str(WHOLE))
            for name, command in self.commands.items()
        )
        _write(formatter, [*commands, *_parameters(self, ctx)])


def _parameters(command: Any, ctx: Any) -> Iterator[Entry]:
    for parameter in command.get_params(ctx):
        argument = parameter.param_type_name == "argument"
        if not argument and parameter.metavar is None:
            parameter.metavar = METAVARS.get(parameter.type.name)
        if record := parameter.get_help_record(ctx):
            yield _panel(parameter, "Arguments" if argument else "Options"), *record


def _panel(declared: Any, default: str) -> str:
    panel = getattr(declared, "rich_help_panel", None)
    return panel if isinstance(panel, str) else default


def _write(formatter: Any, entries: Iterable[Entry]) -> None:
    groups: dict[str, list[tuple[str, str]]] = {}
    for panel, name, about in entries:
        groups.setdefault(panel, []).append((name, about))
    for panel, rows in groups.items():
        with formatter.section(panel):
            formatter.write_dl(rows)
