"""List words with their times and probabilities: python examples/words.py base talk.mp3."""

import sys

from whisper_cli import load_model

name, path = sys.argv[1:]
transcript = load_model(name).transcribe(path, word_timestamps=True)
for segment in transcript:
    for word in segment.words:
        print(f"{word.start:8.2f} {word.end:8.2f} {word.probability:4.0%} {word.word.strip()}")
