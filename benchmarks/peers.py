"""What a peer runs, in a Python of its own: `peers.py NAME JOB.json FOLDER`.

The job names the model (a folder, or converted weights), the files (16 kHz WAV) and their
language, null to detect it. FOLDER gets a STEM.json with the text of each; `-` prints cues as they
come. Every peer searches with five beams; those on CTranslate2 compute in int8.
"""

import json
import os
import sys
import wave
from collections.abc import Iterator
from functools import partial
from multiprocessing import Pool
from pathlib import Path

CORES = len(os.sched_getaffinity(0))
_loaded = None  # the model of a worker process


def load(model: str, threads: int = CORES):
    """Load a model as faster-whisper does, on the CPU."""
    from faster_whisper import WhisperModel

    return WhisperModel(model, device="cpu", compute_type="int8", cpu_threads=threads)


def segments(name: str, model: str, file: str, language: str | None) -> Iterator:
    """Decode one file with faster-whisper's own algorithm, or its batched pipeline."""
    if name == "faster-whisper":
        return load(model).transcribe(file, language=language)[0]
    return batch(load(model), file, language)


def batch(loaded, file: str, language: str | None) -> Iterator:
    from faster_whisper import BatchedInferencePipeline

    return BatchedInferencePipeline(loaded).transcribe(file, language=language, batch_size=8)[0]


def sequential(model: str, files: list[str], language: str | None) -> Iterator[str]:
    """Run faster-whisper by its defaults, one file after the other."""
    loaded = load(model)
    for file in files:
        yield text(loaded.transcribe(file, language=language)[0])


def batched(model: str, files: list[str], language: str | None) -> Iterator[str]:
    """Run faster-whisper's batched pipeline."""
    loaded = load(model)
    for file in files:
        yield text(batch(loaded, file, language))


def processes(model: str, files: list[str], language: str | None) -> Iterator[str]:
    """Run faster-whisper in as many processes as cores, one thread each; the next file is for
    whoever is free, as with `xargs -P`.
    """
    with Pool(CORES, _enter, (model,)) as pool:
        yield from pool.imap(partial(_one, language), files)


def _enter(model: str) -> None:
    global _loaded  # noqa: PLW0603 - that is how a pool's worker keeps anything
    _loaded = load(model, threads=1)


def _one(language: str | None, file: str) -> str:
    return text(_loaded.transcribe(file, language=language)[0])


def whisper(model: str, files: list[str], language: str | None) -> Iterator[str]:
    """Run openai-whisper with the options of its command line, which would need ffmpeg."""
    import whisper as openai

    loaded = openai.load_model(model, device="cpu")
    ladder = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)
    for file in files:
        options = {"language": language, "beam_size": 5, "best_of": 5, "fp16": False}
        yield loaded.transcribe(samples(file), temperature=ladder, **options)["text"]


def whispercpp(model: str, files: list[str], language: str | None) -> Iterator[str]:
    """Run whisper.cpp through pywhispercpp."""
    from pywhispercpp.model import Model

    beams = {"params_sampling_strategy": 1, "beam_search": {"beam_size": 5, "patience": -1.0}}
    quiet = {"print_progress": False, "print_realtime": False, "redirect_whispercpp_logs_to": None}
    loaded = Model(model, n_threads=CORES, language=language or "auto", **beams, **quiet)
    for file in files:
        yield text(loaded.transcribe(file))


RUNNERS = {
    "faster-whisper": sequential,
    "faster-whisper-batched": batched,
    "faster-whisper-processes": processes,
    "openai-whisper": whisper,
    "whisper.cpp": whispercpp,
}


def samples(file: str):
    import numpy as np

    with wave.open(file) as sound:
        integers = np.frombuffer(sound.readframes(sound.getnframes()), np.int16)
    return integers.astype(np.float32) / 32768


def text(found) -> str:
    return " ".join(segment.text.strip() for segment in found)


def main() -> None:
    """Run the job; each text is on disk before the next file is begun."""
    name, job, folder = sys.argv[1:]
    asked = json.loads(Path(job).read_text(encoding="utf-8"))
    if folder == "-":
        for segment in segments(name, asked["model"], asked["files"][0], asked["language"]):
            print(f"{segment.start:.2f} --> {segment.end:.2f} {segment.text}", flush=True)
        return
    texts = RUNNERS[name](**asked)
    for file, processed in zip(asked["files"], texts, strict=True):
        written = Path(folder) / f"{Path(file).stem}.json"
        written.write_text(json.dumps({"text": processed}), encoding="utf-8")


if __name__ == "__main__":
    main()
