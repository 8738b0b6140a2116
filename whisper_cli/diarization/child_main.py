"""Hears who speaks when, in a process of its own: the only user of sherpa-onnx.

That library ends its process where a model can't be used, and takes the whole sound at once: 230
MB an hour. Standard input holds one line of JSON, standard output gets another.
"""

import json
import sys
from typing import Any

import numpy as np

from whisper_cli.audio.blocks import SAMPLE_RATE
from whisper_cli.audio.decode import Audio, open_audio
from whisper_cli.audio.pcm import parse_raw
from whisper_cli.audio.sources import Source
from whisper_cli.diarization.diarizer import DiarizationResult

MIN_TURN, MIN_PAUSE = 0.3, 0.5  # seconds: shorter turns and pauses are none


def main() -> int:
    """Do what standard input asks."""
    request = DiarizationResult(**json.loads(sys.stdin.readline()))
    with _opened(request) as audio:
        samples = _whole(audio)
    turns = _turns(samples, request) if len(samples) else []
    sys.stdout.write(json.dumps(turns) + "\n")
    return 0


def _opened(request: DiarizationResult) -> Audio:
    from pathlib import Path

    return open_audio(
        Source(Path(request.path)),
        track=request.track,
        channel=request.channel,
        raw=parse_raw(request.raw) if request.raw else None,
        clip=[(start, end) for start, end in request.clip],
    )


def _whole(audio: Audio) -> np.ndarray:
    """Put all blocks where they belong in time; what is in none of them is silent."""
    parts: list[np.ndarray] = []
    length = 0
    for block in audio.blocks():
        at = round(block.start * SAMPLE_RATE)
        parts += [np.zeros(max(0, at - length), np.float32), block.samples]
        length = max(at, length) + len(block.samples)
    return np.concatenate(parts) if parts else np.zeros(0, np.float32)


def _turns(samples: np.ndarray, request: DiarizationResult) -> list[tuple[float, float, int]]:
    import sherpa_onnx

    pyannote = sherpa_onnx.OfflineSpeakerSegmentationPyannoteModelConfig(request.segmentation)
    config = sherpa_onnx.OfflineSpeakerDiarizationConfig(
        segmentation=sherpa_onnx.OfflineSpeakerSegmentationModelConfig(
            pyannote, num_threads=request.threads
        ),
        embedding=sherpa_onnx.SpeakerEmbeddingExtractorConfig(
            request.embedding, num_threads=request.threads
        ),
        clustering=sherpa_onnx.FastClusteringConfig(
            num_clusters=request.count or -1, threshold=request.threshold
        ),
        min_duration_on=MIN_TURN,
        min_duration_off=MIN_PAUSE,
    )
    if not config.validate():
        raise SystemExit("sherpa-onnx refuses these models")
    found: Any = sherpa_onnx.OfflineSpeakerDiarization(config).process(samples)
    return [(item.start, item.end, item.speaker) for item in found.sort_by_start_time()]


if __name__ == "__main__":
    sys.exit(main())
