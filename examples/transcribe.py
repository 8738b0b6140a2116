"""Print what is said, as it is decoded: python examples/transcribe.py base talk.mp3."""

import sys

from whisper_cli import load_model

name, path = sys.argv[1:]
for segment in load_model(name).transcribe(path):
    print(f"[{segment.start:.2f} to {segment.end:.2f}]{segment.text}")
