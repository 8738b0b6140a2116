"""A model from its folder to a device."""

from pathlib import Path
from typing import TYPE_CHECKING

from whisper_cli.choices import Device
from whisper_cli.engine.placement import Placement
from whisper_cli.errors import ConfigError, ModelError

if TYPE_CHECKING:
    from faster_whisper import WhisperModel


def load(folder: Path, placement: Placement) -> "WhisperModel":
    """Load a CTranslate2 model; raises ValueError and RuntimeError, see `refused`."""
    from faster_whisper import WhisperModel

    from whisper_cli.engine.mel import MelFilters

    gpus = list(range(placement.workers)) if placement.device is Device.cuda else 0
    model = WhisperModel(
        str(folder),
        device=placement.device.value,
        device_index=gpus,
        compute_type=placement.compute_type.value,
        cpu_threads=placement.threads,
        num_workers=1 if placement.device is Device.cuda else placement.workers,
        local_files_only=True,
    )
    model.feature_extractor.mel_filters = MelFilters(model.feature_extractor.mel_filters)
    return model


def refused(folder: Path, error: Exception) -> ConfigError | ModelError:
    """Say what is wrong where a model couldn't be loaded."""
    if isinstance(error, ValueError):
        return ConfigError(f"{error}".rstrip(".").lower(), hint="--compute-type auto")
    hint = "whisper-cli verify finds damaged files, whisper-cli pull --force MODEL mends them"
    return ModelError(f"can't load the model in {folder}: {error}", hint=hint)
