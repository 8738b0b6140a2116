"""A transcript as one page that asks nothing of any network: sound, words, search."""

import base64
import hashlib
from functools import cache, partial
from html import escape
from pathlib import Path

from whisper_cli.formats.base import CueFile
from whisper_cli.formats.karaoke import HighlightedWord, pieces
from whisper_cli.formats.options import FormatOptions
from whisper_cli.formats.text import speaker, title
from whisper_cli.timestamps import second, span
from whisper_cli.transcript import Info, Segment

# Only the page's own style and script run, and sound comes from files alone, or where it stands.
_HEAD = """<!doctype html>
<html lang="{language}">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="referrer" content="no-referrer">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>{style}</style>
<script type="module">{script}</script>
</head>
<body>
<header>
<h1>{title}</h1>
<audio controls preload="metadata"{source}></audio>
<p id="choose"{hidden}>
<label>Sound: <input id="file" type="file" accept="audio/*,video/*"></label>
</p>
<p role="search">
<label>Search <input id="search" type="search"></label> <output id="found"></output>
</p>
</header>
<main dir="auto">
"""
_FOOT = "</main>\n</body>\n</html>\n"
_POLICY = (
    "default-src 'none'; script-src 'sha256-{}'; style-src 'sha256-{}'; "
    "media-src 'self' file: blob:; base-uri 'none'; form-action 'none'"
)


def html(options: FormatOptions) -> CueFile:
    """Make the writer; `look.audio` is the sound's address as seen from the page."""
    return CueFile(partial(_cue, options), partial(_header, options), _FOOT)


def _header(options: FormatOptions, info: Info) -> str:
    script, style = _part("page.js"), _part("page.css")
    return _HEAD.format(
        language=info.spoken or "und",
        policy=_POLICY.format(_digest(script), _digest(style)),
        title=escape(title(info)),
        style=style,
        script=script,
        source=f' src="{escape(options.audio)}"' if options.audio else "",
        hidden=" hidden" if options.audio else "",
    )


def _cue(options: FormatOptions, _number: int, segment: Segment, lines: list[str]) -> str:
    start, end = span(segment)
    text = " ".join(lines)
    parts = pieces(text, segment) or [HighlightedWord("", text, start, end)]
    shown = "".join(_word(item, options.review_below) for item in parts if item.text)
    name = speaker(segment)
    named = f"<b>{escape(name)}:</b> " if name else ""
    button = f'<button type="button" data-at="{start / 1000:.3f}">{second(start)}</button>'
    return f'<p dir="auto">{button} {named}<span class="text">{shown}</span></p>\n'


def _word(piece: HighlightedWord, below: float) -> str:
    """Write one word; one that nothing is known of has the probability 0."""
    low = 0 < piece.probability < below
    mark = f' class="low" title="{piece.probability:.0%}"' if low else ""
    return (
        f'{piece.space}<span data-at="{piece.start / 1000:.3f}"{mark}>{escape(piece.text)}</span>'
    )


@cache
def _part(name: str) -> str:
    return (Path(__file__).parent / "page" / name).read_text("utf-8")


def _digest(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
