"""Put subtitles beside each film of a folder: python examples/subtitles.py base films/ .mkv."""

import sys
from pathlib import Path

from whisper_cli import load_model

name, folder, suffix = sys.argv[1:]
films = sorted(Path(folder).rglob(f"*{suffix}"))
transcripts = load_model(name).transcribe_many(films, word_timestamps=True)
for film, transcript in zip(films, transcripts, strict=True):
    if transcript.error is not None:
        print(f"{film}: {transcript.error}", file=sys.stderr)
    else:
        print(transcript.write(film.with_suffix(".srt"), preset="netflix"))
