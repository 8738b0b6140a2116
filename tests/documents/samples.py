"""A transcript with words and speakers; `python -m tests.documents.samples` writes the files."""

import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from whisper_cli.cli.app import main

GOLDEN = Path(__file__).with_name("golden")

ANNA = "Well, <i>Mr. Brown</i>: do you take milk & sugar?"
BROWN = "Just milk, thank you. I have given up sugar."
TURNS = [
    ("Anna", ANNA, 1.0),
    ("Mr. <b> & Brown", BROWN, 4.6),
    (None, "{They} laugh, C:\\Now.", 8.5),
]
UNSURE = {"milk": 0.41, "sugar?": 0.0625, "laugh,": 0.3}


def turn(speaker: str | None, text: str, start: float) -> dict[str, Any]:
    """Say a text at an even pace, as whisperX has it: words bare, with scores."""
    at, words = start, []
    for word in text.split():
        duration = 0.06 * len(word)
        score = UNSURE.get(word, 0.95)
        words.append({"word": word, "start": round(at, 3), "end": round(at + duration, 3)})
        words[-1] |= {"score": score, **({"speaker": speaker} if speaker else {})}
        at += duration + 0.05
    named = {"speaker": speaker} if speaker else {}
    return {"start": start - 0.25, "end": round(at + 0.3, 3), "text": text, "words": words, **named}


TALK = {"segments": [turn(*item) for item in TURNS], "language": "en"}

LOOKS = {
    "talk.srt": (),
    "talk.vtt": ("--vtt-settings", "line:0 align:start"),
    "talk.ass": (),
    "talk.lrc": (),
    "talk.ttml": (),
    "talk.csv": (),
    "talk.md": (),
    "talk.html": (),
    "talk.review.csv": (),
    "social.srt": ("--preset", "social"),
    "social.ttml": ("--preset", "social"),
    "words.srt": ("--highlight", "words"),
    "words.vtt": ("--highlight", "words"),
    "words.ass": ("--highlight", "words"),
    "words.lrc": ("--highlight", "words"),
    "words.social.srt": ("--highlight", "words", "--preset", "social"),
    "words.social.ass": ("--highlight", "words", "--preset", "social"),
}


def rendered(folder: Path, render: Callable[..., object] = main) -> dict[str, str]:
    """Write the transcript in every look, through the program, and give the files' contents."""
    talk = folder / "talk.json"
    talk.write_text(json.dumps(TALK), encoding="utf-8")
    for name, options in LOOKS.items():
        render(["render", str(talk), "-o", str(folder / name), *options])
    return {name: (folder / name).read_bytes().decode() for name in LOOKS}


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as destination:
        for name, text in rendered(Path(destination)).items():
            (GOLDEN / name).write_text(text, encoding="utf-8", newline="")
