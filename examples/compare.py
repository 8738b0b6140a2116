"""Compare models on one recording: python examples/compare.py talk.mp3 tiny base small."""

import sys
import time

from whisper_cli import load_model

path, *names = sys.argv[1:]
for name in names:
    model = load_model(name)
    began = time.perf_counter()
    transcript = model.transcribe(path)
    text = transcript.text
    elapsed = time.perf_counter() - began
    print(f"{name}: {transcript.duration or 0:.1f} s of sound in {elapsed:.1f} s\n{text}\n")
