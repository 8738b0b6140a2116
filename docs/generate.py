"""Writes the pages of docs/reference/ that the program itself knows: `python docs/generate.py`.

A test compares the pages with what this script would write.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from typer.main import get_command

from whisper_cli.cli.app import app
from whisper_cli.config.loader import NAMES, PREFIX, about, as_text, default
from whisper_cli.serve.routes.openapi import document

ROOT = Path(__file__).parent.parent
FOLDER = ROOT / "docs/reference"
SCHEMAS = ROOT / "whisper_cli/formats/schema"
COLUMNS = "100"  # of the terminal whose help is shown


def pages() -> dict[str, str]:
    """Return what belongs into the folder, by name."""
    schemas = {f"schema/{path.name}": path.read_text("utf-8") for path in SCHEMAS.glob("*.json")}
    return {
        "commands.md": _commands(),
        "all-settings.md": _settings(),
        "http-api.md": _http_api(document()["paths"]),
        "openapi.json": json.dumps(document(), indent=1, ensure_ascii=False) + "\n",
        **schemas,
    }


def _commands() -> str:
    parts = ["# Commands and options\nWhat `--help` says, command by command.\n"]
    for name in _names():
        title = f"whisper-cli {name}".strip()
        parts.append(f"## {title}\n```text\n{_help(*name.split())}\n```\n")
    return "\n".join(parts)


def _settings() -> str:
    intro = """# All settings
Each is a flag of `transcribe` or of another command, a key of the configuration file, and an
environment variable. [Settings and environment](settings.md) says which of them wins.

| key | environment | default | meaning |
|---|---|---|---|
"""
    return intro + "".join(map(_row, NAMES))


def _row(name: str) -> str:
    value = as_text(default(name))
    shown = f"`{value}`" if value else ""
    meaning = about(name).replace("|", "\\|")
    return f"| `{name}` | `{PREFIX}{name.upper()}` | {shown} | {meaning} |\n"


def _http_api(paths: dict[str, Any]) -> str:
    intro = """# The HTTP API
The requests that `serve-lite` answers. [openapi.json](openapi.json) has every field and every
answer; [the server](../guides/serve.md) says what they are for. The realtime WebSocket, the page
and what `transcribe --server` asks for are described there only.

| request | what it does | may answer |
|---|---|---|
"""
    rows = (
        f"| `{method.upper()} {path}` | {operation['summary']} | {_statuses(operation)} |\n"
        for path, operations in paths.items()
        for method, operation in operations.items()
        if method != "parameters"
    )
    return intro + "".join(rows)


def _statuses(operation: dict[str, Any]) -> str:
    return ", ".join(sorted(operation["responses"]))


def _names() -> Iterator[str]:
    """Yield the commands: the program itself, then each, a group before its members."""
    yield ""
    root: Any = get_command(app)
    for name, command in sorted(root.commands.items()):
        yield name
        yield from (f"{name} {member}" for member in sorted(getattr(command, "commands", {})))


def _help(*command: str) -> str:
    """Return the help as somebody sees it who has set nothing."""
    plain = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
    plain |= {"COLUMNS": COLUMNS, "NO_COLOR": "1", f"{PREFIX}CONFIG": os.devnull}
    done = subprocess.run(
        [sys.executable, "-m", "whisper_cli", *command, "--help"],
        env=plain,
        cwd=ROOT,
        capture_output=True,
        encoding="utf-8",
        check=True,
    )
    return "\n".join(line.rstrip() for line in done.stdout.rstrip().splitlines())


if __name__ == "__main__":
    for name, text in pages().items():
        path = FOLDER / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
