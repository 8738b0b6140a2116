"""The commands: a module each, which parses, calls and prints."""

from types import ModuleType

from whisper_cli.commands import (
    bench,
    check,
    completion,
    config,
    list,  # noqa: A004
    pull,
    rm,
    share,
    transcribe,
    verify,
)

COMMANDS: tuple[tuple[str, ModuleType], ...] = (
    ("Speech", transcribe),
    ("Speech", check),
    ("Speech", bench),
    ("Models", pull),
    ("Models", list),
    ("Models", rm),
    ("Models", verify),
    ("Models", share),
    ("Setup", config),
    ("Setup", completion),
)
