"""A transcript in Markdown: a paragraph for each segment, after the time at which it begins."""

import re

from whisper_cli.formats.base import CueFile
from whisper_cli.formats.text import speaker, title
from whisper_cli.timestamps import second, span
from whisper_cli.transcript import Info, Segment

_ACTIVE = re.compile(r"[\\`*_\[\]<>&|~$]")  # nothing of a text is at the start of a line


def _plain(text: str) -> str:
    return _ACTIVE.sub(r"\\\g<0>", text)


def _header(info: Info) -> str:
    return f"# {_plain(title(info))}\n"


def _cue(_number: int, segment: Segment, lines: list[str]) -> str:
    start, name = second(span(segment)[0]), speaker(segment)
    prefix = f"{start} {_plain(name)}:" if name else start
    return f"\n**{prefix}** {_plain(' '.join(lines))}\n"


MD = CueFile(_cue, _header)
