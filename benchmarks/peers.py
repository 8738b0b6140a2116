"""What a peer runs, in a Python of its own: `peers.py NAME JOB.json OUT.jsonl`.

The job names the model (a folder, or converted weights), the files and their language. Every peer
searches with five beams; those on CTranslate2 compute in int8.
"""

import json
import os
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor


def sequential(model: str, files: list[str], language: str | None) -> Iterator[str]:
    """Run faster-whisper by its defaults, one file after the other."""
    from faster_whisper import WhisperModel

    loaded = WhisperModel(model, device="cpu", compute_type="int8", cpu_threads=os.cpu_count())
    for file in files:
        segments, _ = loaded.transcribe(file, language=language)
        yield " ".join(segment.text for segment in segments)


def batched(model: str, files: list[str], language: str | None) -> Iterator[str]:
    """Run faster-whisper's batched pipeline."""
    from faster_whisper import BatchedInferencePipeline, WhisperModel

    loaded = WhisperModel(model, device="cpu", compute_type="int8", cpu_threads=os.cpu_count())
    pipeline = BatchedInferencePipeline(loaded)
    for file in files:
        segments, _ = pipeline.transcribe(file, language=language, batch_size=8)
        yield " ".join(segment.text for segment in segments)


def _one(job: tuple[str, list[str], str | None]) -> list[str]:
    from faster_whisper import WhisperModel

    model, files, language = job
    loaded = WhisperModel(model, device="cpu", compute_type="int8", cpu_threads=1)
    return [
        " ".join(segment.text for segment in loaded.transcribe(file, language=language)[0])
        for file in files
    ]


def processes(model: str, files: list[str], language: str | None) -> Iterator[str]:
    """Run faster-whisper in as many processes as cores, one thread each."""
    count = os.cpu_count() or 1
    jobs = [(model, files[n::count], language) for n in range(count)]
    with ProcessPoolExecutor(count) as pool:
        shares = [iter(share) for share in pool.map(_one, jobs)]
    for number in range(len(files)):
        yield next(shares[number % count])


def whisper(model: str, files: list[str], language: str | None) -> Iterator[str]:
    """Run openai-whisper with the options of its command line."""
    import whisper as openai

    loaded = openai.load_model(model, device="cpu")
    ladder = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)
    for file in files:
        options = {"language": language, "beam_size": 5, "best_of": 5, "fp16": False}
        yield loaded.transcribe(file, temperature=ladder, **options)["text"]


def whispercpp(model: str, files: list[str], language: str | None) -> Iterator[str]:
    """Run whisper.cpp through pywhispercpp; the files are 16 kHz WAV."""
    from pywhispercpp.model import Model

    options = {"n_threads": os.cpu_count(), "language": language or "auto"}
    loaded = Model(model, print_progress=False, print_realtime=False, **options)
    for file in files:
        yield " ".join(segment.text for segment in loaded.transcribe(file))


RUNNERS = {
    "faster-whisper": sequential,
    "faster-whisper, batched": batched,
    "faster-whisper, a process a core": processes,
    "openai-whisper": whisper,
    "whisper.cpp": whispercpp,
}


def main() -> None:
    """Run the job and write a line a file."""
    name, job, out = sys.argv[1:]
    with open(job, encoding="utf-8") as file:  # noqa: PTH123 - for any Python
        asked = json.load(file)
    texts = RUNNERS[name](asked["model"], asked["files"], asked["language"])
    with open(out, "w", encoding="utf-8") as file:  # noqa: PTH123
        for path, text in zip(asked["files"], texts, strict=True):
            file.write(json.dumps({"path": path, "text": text}) + "\n")


if __name__ == "__main__":
    main()
