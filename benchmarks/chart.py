"""The folder row as bars: `python -m benchmarks.chart -o docs/images/speed.svg`.

Reads `benchmarks/results/folder.json`, which `python -m benchmarks.transcribe folder` writes.
"""

import argparse
import html
import json
from pathlib import Path

RESULTS = Path(__file__).parent / "results"
WIDTH, BAR, GAP, NAMES = 760, 26, 14, 250  # pixels
OURS = "whisper-cli"


def drawn(rows: list[dict[str, object]], title: str) -> str:
    """Draw a bar for each contender's median seconds, shortest first."""
    ordered = sorted(rows, key=lambda row: float(str(row["seconds"])))
    longest = float(str(ordered[-1]["seconds"]))
    height = 44 + len(ordered) * (BAR + GAP)
    bars = []
    for number, row in enumerate(ordered):
        seconds, name = float(str(row["seconds"])), str(row["name"])
        top, length = 40 + number * (BAR + GAP), (WIDTH - NAMES - 90) * seconds / longest
        colour = "#2f81f7" if name.startswith(OURS) else "#8b949e"
        bars.append(
            f'<text x="{NAMES - 10}" y="{top + 18}" text-anchor="end">{html.escape(name)}</text>'
            f'<rect x="{NAMES}" y="{top}" width="{length:.1f}" height="{BAR}" rx="4" '
            f'fill="{colour}"/>'
            f'<text x="{NAMES + length + 8:.1f}" y="{top + 18}">{seconds:.1f} s</text>'
        )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img" '
        f'width="{WIDTH}" height="{height}"><style>'
        f"text{{font:15px system-ui,sans-serif;fill:#6e7681}}.t{{font-weight:600}}</style>"
        f'<text class="t" x="{NAMES}" y="22">{html.escape(title)}</text>{"".join(bars)}</svg>\n'
    )


def main() -> None:
    """Draw the newest folder row."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--model", default="tiny.en")
    asked = parser.parse_args()
    found = json.loads((RESULTS / "folder.json").read_text("utf-8"))[asked.model]
    title = f"{found['clips']} clips, {found['audio_seconds']:.0f} s of speech, {asked.model}"
    asked.output.parent.mkdir(parents=True, exist_ok=True)
    asked.output.write_text(drawn(found["rows"], title), "utf-8")


if __name__ == "__main__":
    main()
