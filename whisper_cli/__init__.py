"""whisper-cli: pull Whisper models, transcribe audio, serve both."""

import os

__version__ = "0.1.0"

# From 1.29 on onnxruntime tells Microsoft about each run unless this is set before it is loaded.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
