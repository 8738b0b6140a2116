"""A run without a model: a fake engine that says one word a second, and sources made of noise."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import soundfile

from whisper_cli.audio.sources import expand
from whisper_cli.batch.output_index import OutputIndex
from whisper_cli.batch.session import EngineHandle, Session
from whisper_cli.batch.targets import NameOptions, plan
from whisper_cli.diarization.options import DiarizationOptions
from whisper_cli.engine.chunking import Chunk
from whisper_cli.engine.sequential import SequentialEngine
from whisper_cli.engine.vad import VadOptions
from whisper_cli.formats.registry import Format, FormatOptions, JsonStyle
from whisper_cli.text.editor import TextOptions
from whisper_cli.transcript import DecodingOptions, Provenance, Segment


class FakeEngine:
    """Says "second N" for each second it is given; `fail` is raised at the second named."""

    multilingual = True

    def __init__(self, pause: float = 0.0, fail: dict[int, BaseException] | None = None) -> None:
        self.pause, self.fail = pause, fail or {}
        self.decoded = 0

    def find_speech(self, samples: np.ndarray, options: VadOptions) -> list[tuple[int, int]]:
        return [(0, len(samples))]

    def language_of(self, chunk: Chunk, among: tuple[str, ...]) -> tuple[str, float]:
        return "de", 0.9

    def decode(self, chunk: Chunk, language: str, options: DecodingOptions) -> Iterator[Segment]:
        self.decoded += 1
        for second in range(int(chunk.start), int(np.ceil(chunk.end))):
            if second in self.fail:
                raise self.fail[second]
            time.sleep(self.pause)
            yield Segment(float(second), min(second + 1.0, chunk.end), f" second {second}")


def noise(path: Path, seconds: float = 3.0, seed: int = 0) -> Path:
    samples = np.random.default_rng(seed).normal(0, 0.1, int(seconds * 16000))
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, samples, 16000)
    return path


def work(
    output_index: Path,
    engine: FakeEngine,
    write: Callable[[str], None] = print,
    *,
    overwrite: bool = False,
    style: JsonStyle = JsonStyle.native,
    history: Path | None = None,
    starts_over: bool = False,
    text_options: TextOptions | None = None,
    speakers: DiarizationOptions | None = None,
    **options: object,
) -> Session:
    chosen = DecodingOptions(**options)  # type: ignore[arg-type]
    provenance = Provenance("test", "fake", None, "r1", "cpu", "int8", chosen, "")
    handle = EngineHandle("r1", SequentialEngine(lambda: engine))
    return Session(
        provenance,
        FormatOptions(style),
        OutputIndex(output_index),
        lambda: handle,
        write,
        overwrite,
        history=history,
        starts_over=starts_over,
        text_options=text_options,
        speakers=speakers,
    )


def jobs(*inputs: Path, output: str | None = None, kinds: str = "txt", name: str = "{stem}.{ext}"):
    formats = tuple(Format(kind) for kind in kinds.split(","))
    name_options = NameOptions(name, "fake", None)
    return plan(
        expand([str(path) for path in inputs], None), output, formats, formats, name_options
    )
