"""Find where something is said in many recordings: python examples/search.py base country *.mp3."""

import sys

from whisper_cli import load_model

name, wanted, *paths = sys.argv[1:]
for transcript in load_model(name).transcribe_many(paths):
    if transcript.error is not None:
        print(f"{transcript.source}: {transcript.error}", file=sys.stderr)
        continue
    for segment in transcript:
        if wanted.lower() in segment.text.lower():
            print(f"{transcript.source} at {segment.start:.1f} s:{segment.text}")
