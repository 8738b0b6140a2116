"""The recordings that are transcribed: referenced clips of a set, long files joined from them."""

import json
import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

RATE = 16_000
FOLDER_SIZE, LONGEST_CLIP = 100, 30.0  # clips of the folder case, seconds of the longest


@dataclass(frozen=True, slots=True)
class Clip:
    """A recording with what is said in it, one string for each clip that it was joined from.

    `name` is what the set calls it, `seconds` are of sound.
    """

    path: Path
    name: str
    language: str
    said: tuple[str, ...]
    seconds: float


def read(folder: Path) -> list[Clip]:
    """Read the set in a folder: its manifest.jsonl has path, language, text and duration_s."""
    manifest = folder / "manifest.jsonl"
    if not manifest.is_file():
        raise SystemExit(f"no manifest.jsonl in {folder}: --set names a folder that has one")
    entries = map(json.loads, manifest.read_text(encoding="utf-8").splitlines())
    clips = (
        Clip(
            folder.absolute() / item["path"],
            item["path"],
            item["language"],
            (item["text"],),
            float(item["duration_s"]),
        )
        for item in entries
        if item.get("text") and item.get("duration_s")
    )
    return sorted(clips, key=lambda clip: clip.name)


def english(clips: Iterable[Clip]) -> list[Clip]:
    """Choose what a model for English only can be asked."""
    chosen = [clip for clip in clips if clip.language == "en"]
    if not chosen:
        raise SystemExit("the set has no English clip with a text")
    return chosen


def by_tongue(clips: Iterable[Clip]) -> list[list[Clip]]:
    """Group clips by their language."""
    groups: dict[str, list[Clip]] = {}
    for clip in clips:
        groups.setdefault(clip.language, []).append(clip)
    return [groups[language] for language in sorted(groups)]


def short(clips: Iterable[Clip]) -> list[Clip]:
    """Choose the folder's clips: the first hundred under half a minute, in the order of names."""
    return [clip for clip in clips if clip.seconds < LONGEST_CLIP][:FOLDER_SIZE]


def join_text(clips: Sequence[Clip], seconds: float, path: Path, seed: int = 7) -> Clip:
    """Join clips in random order into one file of at least `seconds`, with pauses of 0.3 to 2 s.

    Every clip comes once before one comes twice.
    """
    import numpy as np
    import soundfile

    chance = random.Random(seed)
    said: list[str] = []
    done = 0
    with soundfile.SoundFile(path, "w", RATE, 1, subtype="PCM_16") as file:
        while done < seconds * RATE:
            for clip in chance.sample(list(clips), len(clips)):
                file.write(sound := samples(clip.path))
                file.write(pause := np.zeros(int(chance.uniform(0.3, 2.0) * RATE)))
                done += len(sound) + len(pause)
                said += clip.said
                if done >= seconds * RATE:
                    break
    return Clip(path, path.name, clips[0].language, tuple(said), done / RATE)


def wavs(clips: Sequence[Clip], folder: Path) -> list[Clip]:
    """Write clips as 16 kHz WAV, which every contender reads without another program."""
    import soundfile

    folder.mkdir()
    written = []
    for number, clip in enumerate(clips):
        path = folder / f"{number:04}-{clip.path.stem}.wav"
        soundfile.write(path, samples(clip.path), RATE)
        written.append(replace(clip, path=path))
    return written


def samples(path: Path):
    """Decode a file as whisper-cli does: mono, 16 kHz."""
    import numpy as np

    from whisper_cli.audio.decode import open_audio
    from whisper_cli.audio.sources import Source

    with open_audio(Source(path)) as audio:
        return np.concatenate([block.samples for block in audio.blocks()])
