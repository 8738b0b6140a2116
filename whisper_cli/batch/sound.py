"""Where a page with a transcript finds the sound that it was made of."""

import os
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

from whisper_cli.audio.inputs import SUFFIXES
from whisper_cli.transcript import Info


def address_of_sound(info: Info, page: str | None) -> str | None:
    """Give the sound's address as seen from the page (None: stdout, taken to be saved here).

    None where there is no file, as with what came from a pipe or the web.
    """
    found = next((path for path in _candidates(info) if os.path.isfile(path)), None)
    if found is None:
        return None
    folder = Path(page).parent if page else Path()
    try:
        relative = os.path.relpath(found.resolve(), folder.resolve())
    except ValueError:  # another drive of Windows
        return found.resolve().as_uri()
    return quote(Path(relative).as_posix())


def _candidates(info: Info) -> Iterator[Path]:
    """List where it may be: the input as it was named, and beside a transcript in JSON."""
    heard, told = Path(info.provenance.input), Path(info.source)
    if heard.suffix.lower() in SUFFIXES:
        yield heard
        yield told.parent / heard.name
    if told.suffix.lower() == ".json":
        yield from (told.with_suffix(suffix) for suffix in sorted(SUFFIXES))
