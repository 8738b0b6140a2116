"""Print phrases while they are spoken, from a microphone for example.

arecord -f S16_LE -r 16000 | python examples/live.py base
"""

import sys

from whisper_cli import load_model

model = load_model(sys.argv[1])
transcript = model.transcribe(sys.stdin.buffer, raw="s16le:16000:1", live=True)
for segment in transcript:
    print(segment.text.strip(), flush=True)
