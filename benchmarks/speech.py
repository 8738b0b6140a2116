"""The recordings that are transcribed: referenced clips of a set, long files joined from them."""

import json
import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

RATE = 16_000
FOLDER_SIZE, LONGEST_CLIP = 100, 30.0  # clips of the folder case, seconds of the longest


@dataclass(frozen=True, slots=True)
class Clip:
    """A recording with its reference; `seconds` of sound."""

    path: Path
    language: str
    text: str
    seconds: float


def read(folder: Path) -> list[Clip]:
    """Read the set in a folder: its manifest.jsonl has path, language, text and duration_s."""
    manifest = folder / "manifest.jsonl"
    if not manifest.is_file():
        raise SystemExit(f"no manifest.jsonl in {folder}: --set names a folder that has one")
    entries = map(json.loads, manifest.read_text(encoding="utf-8").splitlines())
    clips = (
        Clip(folder / each["path"], each["language"], each["text"], float(each["duration_s"]))
        for each in entries
        if each.get("text")
    )
    return sorted(clips, key=lambda clip: str(clip.path))


def short(clips: Iterable[Clip], language: str = "en") -> list[Clip]:
    """Choose the folder's clips: the first hundred under half a minute, in the order of names."""
    fitting = (c for c in clips if c.language == language and c.seconds < LONGEST_CLIP)
    return list(fitting)[:FOLDER_SIZE]


def joined(clips: Sequence[Clip], seconds: float, path: Path, seed: int = 7) -> Clip:
    """Join clips in random order into one file of at least `seconds`, with pauses of 0.3 to 2 s.

    Every clip comes once before one comes twice.
    """
    import numpy as np
    import soundfile

    chance = random.Random(seed)
    text: list[str] = []
    done = 0
    with soundfile.SoundFile(path, "w", RATE, 1, subtype="PCM_16") as file:
        while done < seconds * RATE:
            for clip in chance.sample(list(clips), len(clips)):
                file.write(sound := samples(clip.path))
                file.write(pause := np.zeros(int(chance.uniform(0.3, 2.0) * RATE)))
                done += len(sound) + len(pause)
                text.append(clip.text)
                if done >= seconds * RATE:
                    break
    return Clip(path, clips[0].language, " ".join(text), done / RATE)


def samples(path: Path):
    """Decode a file as whisper-cli does: mono, 16 kHz."""
    import numpy as np

    from whisper_cli.audio.decode import open_audio
    from whisper_cli.audio.inputs import Source

    with open_audio(Source(path)) as audio:
        return np.concatenate([block.samples for block in audio.blocks()])
