"""What a person may say about the server."""

import re
from dataclasses import dataclass
from pathlib import Path

from whisper_cli.errors import ConfigError

NO_LIMIT = float("inf")
_UNITS = {"": 1.0, "ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_LONGEST = 10 * 365 * 86400.0  # seconds; a date beyond some thousand years can't be written
_SPAN = re.compile(r"(-?\d+(?:\.\d+)?)\s*(ms|s|m|h|)", re.ASCII)


@dataclass(frozen=True, slots=True)
class ServerSettings:
    """How to serve; seconds and bytes. `keep_alive` is how long an idle model stays loaded."""

    host: str = "127.0.0.1"
    port: int = 8000
    models: tuple[str, ...] = ("base",)
    api_key: str | None = None
    keep_alive: float = 300.0
    max_queue: int = 64
    max_upload: int = 100_000_000
    max_duration: float = 4 * 3600.0
    allow_origin: tuple[str, ...] = ()
    allow_host: tuple[str, ...] = ()
    insecure_bind: bool = False
    pull_on_demand: bool = False
    log_json: bool = False
    ssl_certfile: Path | None = None
    ssl_keyfile: Path | None = None


def seconds(text: str) -> float:
    """Read a span of time: "5m", "1h", "90", 0; anything negative is for ever.

    Raises ConfigError.
    """
    found = _SPAN.fullmatch(text.strip().lower())
    if not found:
        raise ConfigError(
            f'"{text[:80]}" is not a span of time', hint="5m, 90s, 1h, 0, or -1: for ever"
        )
    value = float(found[1]) * _UNITS[found[2]]
    if value > _LONGEST:
        raise ConfigError(f"{text[:80]} is more than ten years", hint="-1: for ever")
    return NO_LIMIT if value < 0 else value
