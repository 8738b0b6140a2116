from pathlib import Path

import pytest

from whisper_cli.paths import cache_dir, config_path, state_dir

VARIABLES = ("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "HF_HOME", "XDG_CACHE_HOME")


@pytest.mark.parametrize(
    "environment",
    [
        {},
        {"XDG_CACHE_HOME": "/xdg"},
        {"XDG_CACHE_HOME": "/xdg", "HF_HOME": "~/hf"},
        {"HF_HOME": "/hf", "HUGGINGFACE_HUB_CACHE": "/old"},
        {"HUGGINGFACE_HUB_CACHE": "/old", "HF_HUB_CACHE": "$HOME/new"},
    ],
)
def test_the_cache_is_where_huggingface_hub_has_it(
    environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
):
    import importlib

    from huggingface_hub import constants

    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    try:
        assert str(cache_dir()) == importlib.reload(constants).HF_HUB_CACHE
    finally:
        monkeypatch.undo()
        importlib.reload(constants)


def test_the_environment_moves_settings_and_state(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("WHISPER_CLI_CONFIG", "~/mine.toml")
    monkeypatch.setenv("WHISPER_CLI_STATE_DIR", "/state")
    assert config_path() == Path.home() / "mine.toml"
    assert state_dir() == Path("/state")
    monkeypatch.delenv("WHISPER_CLI_CONFIG")
    monkeypatch.delenv("WHISPER_CLI_STATE_DIR")
    assert config_path().parts[-2:] == ("whisper-cli", "config.toml")
    assert state_dir().name == "whisper-cli"
