"""Text as the model wrote it, made fit for files."""

import re
import unicodedata
from collections.abc import Iterable

from whisper_cli.texts import encodable
from whisper_cli.transcript import Info, Segment

# All but the tab, what str.splitlines() takes for a line break, and the unit separator: a blank.
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f]")


def lines(text: str) -> list[str]:
    """Split into stripped lines, none of them blank; control characters become U+FFFD.

    Only a text that is nothing but white space has no lines.
    """
    return [line.strip() for line in _cleaned(text).splitlines() if line.strip()]


def _cleaned(text: str) -> str:
    return _CONTROL.sub("\ufffd", encodable(text)).replace("\x1f", " ")


def with_label(segment: Segment, lines: list[str]) -> str:
    """Write a segment's lines as one, after the name of who speaks where that is known."""
    name, text = speaker(segment), " ".join(lines)
    return f"{label(name, text)} {text}" if name else text


def label(name: str, text: str) -> str:
    """Write a name with its colon, as it stands before a text.

    The first strong letter of a line decides from which side players lay it out. Before a text from
    right to left a mark for that direction stands before a Latin name.
    """
    turned = _is_right_to_left(text) and not _is_right_to_left(name)
    return f"\u200f{name}:" if turned else f"{name}:"


def _is_right_to_left(text: str) -> bool:
    """Say whether the first letter that has a direction is of a script from right to left."""
    if text.isascii():
        return False
    directions = map(unicodedata.bidirectional, text)
    return next((item for item in directions if item in ("L", "R", "AL")), "L") != "L"


def join_text(segments: Iterable[Segment]) -> str:
    """Join the texts, which bring their own spaces where the language has them."""
    return "".join(segment.text for segment in segments)


def speaker(segment: Segment) -> str:
    """Name who speaks, on one line; empty where nobody knows."""
    return " ".join(lines(segment.speaker or ""))


def title(info: Info) -> str:
    """Name a transcript by the last part of what was transcribed."""
    whole = info.provenance.input or info.source
    named = " ".join(lines(whole.rstrip("/\\").replace("\\", "/").rpartition("/")[2]))
    return named if named not in ("", "-") else "Transcript"
