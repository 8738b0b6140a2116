"""Values as they are typed on a command line; texts that UTF-8 can hold and a terminal shows."""

import os
from pathlib import Path
from typing import Any


def as_text(value: Any) -> str:
    """Write a value as it would be typed on the command line."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        if value and isinstance(value[0], tuple) and len(value[0]) == 3:
            return ",".join(f"{preset}.{rule}={item:.15g}" for preset, rule, item in value)
        if value and isinstance(value[0], tuple):
            return ",".join(f"{a:.15g}-{'' if b is None else format(b, '.15g')}" for a, b in value)
        return ",".join(as_text(item) for item in value)
    return f"{value:.15g}" if isinstance(value, float) else str(value)


def encodable(text: str) -> str:
    """Join surrogate pairs and replace unpaired ones by U+FFFD, so that UTF-8 can hold the text."""
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def printable(text: str, keep: str = "") -> str:
    """Replace what a terminal would obey by question marks, but characters of `keep`."""
    return "".join(item if item.isprintable() or item in keep else "?" for item in text)


def path_text(path: Path | str) -> str:
    """Write a path, bytes of it that are no UTF-8 replaced."""
    return os.fsencode(path).decode(errors="replace")
