"""whisper-cli: pull Whisper models, transcribe audio, serve both.

From Python: `load_model`, then `transcribe`; see docs/python-api.md.
"""

import os

TYPE_CHECKING = False  # true for type checkers; to import it would load all of typing
if TYPE_CHECKING:
    from whisper_cli.api import (
        AudioError,
        AudioInput,
        ConfigError,
        DownloadError,
        Dropped,
        EngineError,
        Info,
        LoadedModel,
        ModelError,
        OutputError,
        Progress,
        Segment,
        Transcript,
        TranscriptError,
        WhisperError,
        Word,
        load_model,
        pull,
    )

__version__ = "0.1.0"
__all__ = [
    "AudioError",
    "AudioInput",
    "ConfigError",
    "DownloadError",
    "Dropped",
    "EngineError",
    "Info",
    "LoadedModel",
    "ModelError",
    "OutputError",
    "Progress",
    "Segment",
    "Transcript",
    "TranscriptError",
    "WhisperError",
    "Word",
    "__version__",
    "load_model",
    "pull",
]

# From 1.29 on onnxruntime tells Microsoft about each run unless this is set before it is loaded.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")


def __getattr__(name: str) -> object:
    """Give a name of the library, which is loaded only then: the program starts without it."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from whisper_cli import api

    return getattr(api, name)
