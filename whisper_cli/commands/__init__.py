"""The commands: a module each, which parses, calls and prints."""

from types import ModuleType

from whisper_cli.commands import completion, config, list, pull, rm, transcribe, verify  # noqa: A004

COMMANDS: tuple[tuple[str, ModuleType], ...] = (
    ("Speech", transcribe),
    ("Models", pull),
    ("Models", list),
    ("Models", rm),
    ("Models", verify),
    ("Setup", config),
    ("Setup", completion),
)
