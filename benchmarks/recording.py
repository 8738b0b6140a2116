"""A recorded terminal session as an animated SVG.

`python -m benchmarks.recording -o docs/images/folder.svg`

Runs the program on the samples in a pseudo-terminal, reads its screen with pyte ten times a second,
and draws each screen that differs from the one before.
"""

import argparse
import fcntl
import html
import os
import pty
import select
import shlex
import shutil
import struct
import sys
import tempfile
import termios
import time
from collections.abc import Iterator
from pathlib import Path

import pyte

COLUMNS, ROWS = 92, 16
STEP = 0.1  # seconds between two looks at the screen
REST = 4.0  # seconds for which the last screen stays
WIDTH, HEIGHT, EDGE = 8.4, 19, 14  # of a character, of a line, around all; in pixels
SAMPLES = Path(__file__).parent.parent / "samples"
COLOURS = {
    "default": "#d8dee9",
    "red": "#e06c75",
    "green": "#98c379",
    "brown": "#e5c07b",
    "yellow": "#e5c07b",
    "blue": "#61afef",
    "magenta": "#c678dd",
    "cyan": "#56b6c2",
}


def screens(command: list[str], folder: Path) -> Iterator[tuple[float, list[str]]]:
    """Yield (seconds since the start, lines as SVG) whenever the screen has changed."""
    screen = pyte.Screen(COLUMNS, ROWS)
    stream = pyte.ByteStream(screen)
    stream.feed(f"$ {shlex.join(['whisper-cli', *command])}\r\n".encode())
    child, terminal = pty.fork()
    if child == 0:
        os.chdir(folder)
        os.environ |= {"TERM": "xterm-256color", "COLUMNS": str(COLUMNS), "LINES": str(ROWS)}
        os.execv(sys.executable, [sys.executable, "-m", "whisper_cli", *command])
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
    started_at, shown, running = time.monotonic(), None, True
    while running:
        running = _fed(stream, terminal, time.monotonic() + STEP)
        drawn = _lines(screen)
        if drawn != shown:
            yield time.monotonic() - started_at, drawn
            shown = drawn
    _, status = os.waitpid(child, 0)
    if status:
        sys.exit(f"{shlex.join(command)} ended with status {status}")


def _fed(stream: pyte.ByteStream, terminal: int, until: float) -> bool:
    """Pass on what the program writes until then; False where it has ended."""
    while (left := until - time.monotonic()) > 0:
        if select.select([terminal], [], [], left)[0]:
            try:
                stream.feed(os.read(terminal, 1 << 16))
            except OSError:  # how Linux says that the other end was closed
                return False
    return True


def _lines(screen: pyte.Screen) -> list[str]:
    return [_line(screen.buffer[row]) for row in range(ROWS)]


def _line(cells: "dict[int, pyte.screens.Char]") -> str:
    """Draw a line of the screen: a tspan for each run of one colour."""
    runs: list[tuple[str, str]] = []
    for column in range(COLUMNS):
        cell = cells[column]
        colour = COLOURS.get(cell.fg, f"#{cell.fg}" if len(cell.fg) == 6 else COLOURS["default"])
        if runs and runs[-1][0] == colour:
            runs[-1] = (colour, runs[-1][1] + cell.data)
        else:
            runs.append((colour, cell.data))
    while runs and not runs[-1][1].strip():
        runs.pop()
    return "".join(f'<tspan fill="{colour}">{html.escape(text)}</tspan>' for colour, text in runs)


def drawn(frames: list[tuple[float, list[str]]]) -> str:
    """Draw all screens one below the other, and move them through the picture in steps."""
    width, height = COLUMNS * WIDTH + 2 * EDGE, ROWS * HEIGHT + 2 * EDGE
    whole = frames[-1][0] + REST
    steps = "".join(
        f"{seconds / whole:.2%}{{transform:translateY({-number * height}px)}}"
        for number, (seconds, _) in enumerate([(0.0, []), *frames[1:]])
    )
    texts = "".join(
        f'<text x="{EDGE}" y="{number * height + EDGE + (row + 0.8) * HEIGHT:.1f}">{line}</text>'
        for number, (_, lines) in enumerate(frames)
        for row, line in enumerate(lines)
        if line
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height}" '
        f'width="{width:.0f}" height="{height}" role="img">'
        f"<style>text{{font:14px ui-monospace,Menlo,Consolas,monospace;white-space:pre}}"
        f"g{{animation:play {whole:.1f}s steps(1,end) infinite}}@keyframes play{{{steps}}}</style>"
        f'<rect width="100%" height="100%" rx="8" fill="#1e222a"/><g>{texts}</g></svg>\n'
    )


def main() -> None:
    """Record a folder run of the samples."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--model", default="tiny.en")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as contains:
        talks = Path(contains) / "interviews"
        talks.mkdir()
        names = (
            "anna.flac",
            "board meeting.flac",
            "chapter 1.wav",
            "dialogue.flac",
            "epilogue.wav",
        )
        sources = ("jfk.flac", "austen.wav")
        for number, name in enumerate(names):
            source = SAMPLES / sources[name.endswith(".wav")]
            shutil.copy(source, talks / f"{number + 1} {name}")
        command = ["transcribe", "interviews/", "-f", "srt", "-m", asked.model, "--no-history"]
        frames = list(screens(command, Path(contains)))
    asked.output.parent.mkdir(parents=True, exist_ok=True)
    asked.output.write_text(drawn(frames), "utf-8")


if __name__ == "__main__":
    main()
