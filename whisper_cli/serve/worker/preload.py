"""What the template of decoding processes has loaded before it is forked."""

import av  # noqa: F401
import numpy as np  # noqa: F401
import soundfile  # noqa: F401

import whisper_cli.audio.decode  # noqa: F401
