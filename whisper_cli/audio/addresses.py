"""Inputs on the web by name: what an address is, and how much of it may be read."""

import re
from dataclasses import dataclass
from pathlib import PurePosixPath
from urllib.parse import unquote, urlsplit


@dataclass(frozen=True, slots=True)
class Limits:
    """What an address may be and give: `most_bytes` and `most_seconds` of reading."""

    allow_private: bool = False
    most_bytes: int = 4_000_000_000
    most_seconds: float = 6 * 3600.0


@dataclass(frozen=True, slots=True)
class Address:
    """An input on the web."""

    url: str
    limits: Limits = Limits()

    @property
    def stem(self) -> str:
        """What an output is named after: the last part of the path, else the host."""
        try:
            parts = urlsplit(self.url)
        except ValueError:  # opening it says so
            return "web"
        stem = PurePosixPath(unquote(parts.path)).stem.replace("/", "_").replace("\0", "_")
        return stem if stem.strip(". ") else parts.hostname or "web"


def is_url(text: str) -> bool:
    """Say whether an input names something on the web."""
    return re.match(r"https?://", text, re.IGNORECASE) is not None
