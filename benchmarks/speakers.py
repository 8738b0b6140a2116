"""How often `--speakers auto` gives a moment to the wrong speaker, on clips of two real voices.

    python -m benchmarks.speakers SPEECH [--segmentation-model FILE] [--embedding-model FILE]

SPEECH is a folder of clips with a manifest.jsonl, whose parent folders and names tell voices apart.
Utterances of two voices take turns with pauses between them, each as loud as the others; who
speaks when is known from Silero's speech in each utterance. Diarization error rate by simpleder,
without a collar.
"""

import argparse
import random
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import simpleder
import soundfile

from whisper_cli.audio.blocks import SAMPLE_RATE
from whisper_cli.audio.decode import open_audio
from whisper_cli.audio.sources import Source
from whisper_cli.config.settings import Settings
from whisper_cli.diarization.diarizer import diarization_models_for
from whisper_cli.engine.vad import find_speech
from whisper_cli.models.store import find
from whisper_cli.transcript import DecodingOptions, Info, Provenance

FOLDERS = ("en_ljspeech", "de_kerstin", "en_librivox_misc", "en_librispeech_misc")
CLIPS, TURNS, LONGEST, LOUD = 12, 8, 7.0, 0.08
Reference = list[tuple[str, float, float]]


def voices(speech: Path) -> dict[str, list[np.ndarray]]:
    """Group clips by who speaks: LibriSpeech names its speakers, the other folders have one."""
    found: dict[str, list[np.ndarray]] = defaultdict(list)
    for folder in FOLDERS:
        for path in sorted((speech / folder).glob("*.*")):
            if path.suffix in (".wav", ".flac", ".mp3"):
                named = path.name[:4] if folder == "en_librivox_misc" else ""
                number = path.name.split("-")[0] if "librispeech" in folder else named
                found[folder + number].append(processed(path))
    return {name: clips for name, clips in found.items() if sum(map(len, clips)) > 4 * SAMPLE_RATE}


def processed(path: Path) -> np.ndarray:
    with open_audio(Source(path)) as audio:
        return np.concatenate([block.samples for block in audio.blocks()])


def talk(pair: list[str], known: dict[str, list[np.ndarray]], chance: random.Random):
    """Let two voices take turns; give the sound and who speaks when."""
    parts, reference, at = [], [], 0
    for number in range(TURNS):
        name = pair[number % 2]
        sound = chance.choice(known[name])
        if len(sound) > (LONGEST + 1) * SAMPLE_RATE:
            first = chance.randrange(0, len(sound) - int(LONGEST * SAMPLE_RATE))
            sound = sound[first : first + int(LONGEST * SAMPLE_RATE)]
        sound = (sound * (LOUD / np.sqrt(np.square(sound).mean()))).astype(np.float32)
        for start, end in find_speech(sound):
            reference.append((name, (at + start) / SAMPLE_RATE, (at + end) / SAMPLE_RATE))
        pause = np.zeros(int(chance.uniform(0.2, 0.8) * SAMPLE_RATE), np.float32)
        parts += [sound, pause]
        at += len(sound) + len(pause)
    return np.concatenate(parts), reference


def measured(settings: Settings, count: int | None, talks, folder: Path) -> Iterator[tuple]:
    diarization_models = diarization_models_for(
        settings.segmentation_model,
        settings.embedding_model,
        count,
        lambda model: find(model) or Path(),
        None,
    )
    for number, (sound, reference) in enumerate(talks):
        path = folder / f"{number}.wav"
        soundfile.write(path, sound, SAMPLE_RATE)
        info = Info("", Provenance("", "", None, None, "", "", DecodingOptions(), ""))
        started_at = time.monotonic()
        voices = diarization_models.start(Source(path), info)
        turns = voices.turns()
        voices.close()
        reported = [(str(turn.speaker), turn.start, turn.end) for turn in turns]
        rate = simpleder.DER(reference, reported)
        yield rate, len({turn.speaker for turn in turns}), time.monotonic() - started_at


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("speech", type=Path)
    for name in ("segmentation_model", "embedding_model"):
        default = getattr(Settings(), name)
        parser.add_argument("--" + name.replace("_", "-"), default=default)
    given = parser.parse_args()
    settings = Settings(
        segmentation_model=given.segmentation_model, embedding_model=given.embedding_model
    )
    known, chance = voices(given.speech), random.Random(1)
    talks = [talk(chance.sample(sorted(known), 2), known, chance) for _ in range(CLIPS)]
    seconds = sum(len(sound) for sound, _ in talks) / SAMPLE_RATE
    print(f"{len(known)} voices, {CLIPS} talks of two, {seconds:.0f} s")
    print("| | error rate, mean | worst | talks with two speakers found | times real time |")
    print("|---|---|---|---|---|")
    for label, count in (("`auto:2`", 2), ("`auto`", None)):
        with tempfile.TemporaryDirectory() as folder:
            rates, counts, took = zip(*measured(settings, count, talks, Path(folder)), strict=True)
        right = sum(item == 2 for item in counts)
        mean = sum(rates) / len(rates)
        speed = seconds / sum(took)
        print(f"| {label} | {mean:.3f} | {max(rates):.3f} | {right} of {CLIPS} | {speed:.1f} |")


if __name__ == "__main__":
    main()
