"""whisper-cli: pull Whisper models, transcribe audio, serve both."""

__version__ = "0.1.0"
