"""The features and the text: the same whatever the threads of numpy, and whoever calls."""

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.conftest import ROOT
from tests.engine.test_engine import ONE
from whisper_cli.audio.decode import open_audio
from whisper_cli.audio.sources import Source
from whisper_cli.engine.model import MelFilters, WhisperEngineModel
from whisper_cli.models.catalog import resolve
from whisper_cli.models.store import find

PROGRAM = ("-m", "whisper_cli")
LIBRARY = ("-c", "import sys, numpy; from whisper_cli.cli.app import main; sys.exit(main())")


def python(*argv: object, threads: int) -> str:
    """Run Python where numpy and the engine are told of so many threads; give what it says."""
    names = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")
    reported = dict.fromkeys(names, str(threads))
    # OpenBLAS's kernels for old processors run on all, and what they add up depends on threads.
    kernels = {"OPENBLAS_CORETYPE": "Prescott"}
    command = [sys.executable, *map(str, argv)]
    return subprocess.check_output(
        command, cwd=ROOT, env=os.environ | reported | kernels, text=True
    )


def bits(folder: Path) -> str:
    """Hash the features of a clip, in pieces of several lengths."""
    with open_audio(Source(ROOT / "samples" / "jfk.flac")) as audio:
        sound = np.concatenate([block.samples for block in audio.blocks()])
    model = WhisperEngineModel(folder, ONE)
    pieces = [model.features(sound[:count], 1100) for count in (3_000, 57_777, len(sound))]
    return hashlib.sha256(np.stack(pieces).tobytes()).hexdigest()


@pytest.mark.slow
def test_features_have_the_same_bits_whatever_the_threads(tiny_en):
    ask = (
        "from pathlib import Path; from tests.engine.test_mel import bits; print(bits(Path({!r})))"
    )
    code = ask.format(str(find(resolve(tiny_en))))
    one, *rest = [python("-c", code, threads=count) for count in (1, 2, 5)]
    assert rest == [one, one]


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["fast", "exact"])
def test_the_text_is_the_same_whatever_the_threads_and_whoever_calls(tiny_en, jfk, mode):
    asked = ("transcribe", jfk, "-m", tiny_en, "--mode", mode, "-f", "json", "--no-history")
    calls = ((PROGRAM, 1), (PROGRAM, 2), (LIBRARY, 2))
    reported = [json.loads(python(*caller, *asked, threads=count)) for caller, count in calls]
    one, *rest = [transcript["segments"] for transcript in reported]
    assert rest == [one, one]


def test_numpy_has_its_threads_back_after_a_product():
    from threadpoolctl import threadpool_info, threadpool_limits

    with threadpool_limits(2, user_api="blas"):
        before = threadpool_info()
        MelFilters(np.ones((80, 201), np.float32)) @ np.ones((201, 800), np.float32)
        assert threadpool_info() == before
