"""A real pseudo-terminal for a child process, and what a person sees on it."""

import os
import pty
import re
import subprocess
import sys
import termios
from collections.abc import Iterator

_CONTROL = re.compile(r"\x1b\[[?]?([0-9;]*)([A-Za-z])|(\r)|(\n)|([^\x1b\r\n]+)")


def on_terminal(script: str, columns: int, stdout: int | None = None) -> tuple[int, str]:
    """Run Python code with stderr (and stdout, unless given) on a terminal; give what came."""
    master, slave = pty.openpty()
    termios.tcsetwinsize(slave, (24, columns))
    environment = {k: v for k, v in os.environ.items() if k not in ("COLUMNS", "LINES")}
    child = subprocess.Popen(
        [sys.executable, "-c", script],
        stdin=slave,
        stdout=slave if stdout is None else stdout,
        stderr=slave,
        env=environment | {"TERM": "xterm-256color"},
    )
    os.close(slave)
    shown = b"".join(_read(master))
    os.close(master)
    return child.wait(30), shown.decode()


def screens(shown: str) -> list[list[str]]:
    """Replay what came, and give the screen as it was each time before lines were erased."""
    lines, seen, y, x = [""], [], 0, 0
    for number, command, carriage, newline, text in _CONTROL.findall(shown):
        if carriage:
            x = 0
        elif newline:
            y += 1
            lines += [""] * (y + 1 - len(lines))
        elif command == "A":
            y = max(y - int(number or 1), 0)
        elif command == "K":
            seen.append([line.rstrip() for line in lines])
            lines[y] = ""
        elif text:
            lines[y] = lines[y][:x].ljust(x) + text + lines[y][x + len(text) :]
            x += len(text)
    return [*seen, [line.rstrip() for line in lines if line.strip()]]


def _read(master: int) -> Iterator[bytes]:
    while True:
        try:
            data = os.read(master, 65536)
        except OSError:  # the last writer has gone
            return
        if not data:
            return
        yield data
