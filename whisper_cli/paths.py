"""Where things live on this machine: our settings and state, and the cache that models share."""

import os
from pathlib import Path

from whisper_cli.errors import ConfigError

_HOME = "set HOME, or WHISPER_CLI_CONFIG, _STATE_DIR, _CACHE_DIR and HF_HOME to whole paths"


def config_path() -> Path:
    """Name the configuration file; WHISPER_CLI_CONFIG overrides the platform's place."""
    if override := os.environ.get("WHISPER_CLI_CONFIG"):
        return _expanded(override)
    return _of_user("config") / "config.toml"


def state_dir() -> Path:
    """Name the folder of what we remember between runs; WHISPER_CLI_STATE_DIR overrides it."""
    if override := os.environ.get("WHISPER_CLI_STATE_DIR"):
        return _expanded(override)
    return _of_user("state")


def history_dir() -> Path:
    """Name the folder of finished segments; WHISPER_CLI_CACHE_DIR overrides the cache it is in."""
    if override := os.environ.get("WHISPER_CLI_CACHE_DIR"):
        return _expanded(override) / "segments"
    return _of_user("cache") / "segments"


def hub_token_path() -> Path:
    """Name the file in which huggingface_hub keeps a person's token (HF_TOKEN_PATH, HF_HOME)."""
    if named := os.environ.get("HF_TOKEN_PATH"):
        return _expanded(named)
    return _hub_home() / "token"


def cache_dir() -> Path:
    """Name the Hugging Face hub cache, by the variables that huggingface_hub obeys, in its order.

    Read at every call, and without the third of a second that importing huggingface_hub takes.
    """
    for variable in ("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"):
        if named := os.environ.get(variable):
            return _expanded(named)
    return _hub_home() / "hub"


def _hub_home() -> Path:
    if home := os.environ.get("HF_HOME"):
        return _expanded(home)
    return _expanded(os.environ.get("XDG_CACHE_HOME") or "~/.cache") / "huggingface"


def _of_user(kind: str) -> Path:
    import platformdirs

    try:
        found: Path = getattr(platformdirs, f"user_{kind}_path")("whisper-cli", appauthor=False)
    except RuntimeError as error:
        raise ConfigError("there is no home folder", hint=_HOME) from error
    return found


def _expanded(text: str) -> Path:
    try:
        return Path(os.path.expandvars(text)).expanduser()
    except RuntimeError as error:
        raise ConfigError(f"there is no home folder for {text}", hint=_HOME) from error
