"""The commands: a module each, which parses, calls and prints."""

from types import ModuleType

from whisper_cli.cli.commands import (
    bench,
    check,
    completion,
    config,
    list,  # noqa: A004
    pull,
    render,
    rm,
    serve_lite,
    share,
    transcribe,
    verify,
    watch,
)

COMMANDS: tuple[tuple[str, ModuleType], ...] = (
    ("Speech", transcribe),
    ("Speech", watch),
    ("Speech", render),
    ("Speech", check),
    ("Speech", bench),
    ("Speech", serve_lite),
    ("Models", pull),
    ("Models", list),
    ("Models", rm),
    ("Models", verify),
    ("Models", share),
    ("Setup", config),
    ("Setup", completion),
)
