"""Subtitles from files, anybody's, as a viewer sees them; the only user of pysubs2."""

import codecs
import re
import warnings
from collections.abc import Iterable, Iterator
from html import unescape
from itertools import pairwise
from pathlib import Path

from whisper_cli.checked import number
from whisper_cli.errors import ConfigError
from whisper_cli.transcript import Segment

_MARKS = {  # the first bytes of a file, and what they name
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
_CLOCK = r"(?:(\d+):)?(\d{1,2}):(\d{1,2})[.,](\d{1,3})"
_TIMING = re.compile(rf"\s*{_CLOCK}\s*-+>\s*{_CLOCK}")
_LINE_BREAK = re.compile(r"\r\n?|\n")
_TAG = re.compile(r"</?\s*[a-zA-Z][^>]*>|\{\\[^}]*\}")  # of SubRip; other brackets are shown
_VTT_TAG = re.compile(r"<[^>]*>?")


def read(path: Path, encoding: str | None = None) -> list[Segment]:
    """Read the cues of a subtitle file without their mark-up, by their start.

    A mark at its start names UTF-8 or UTF-16; without one it is in `encoding`, UTF-8 where that is
    None. An empty file has no cues: a silent recording. Raises ConfigError where the file isn't
    there or holds no subtitles.
    """
    try:
        text = _decoded(path.read_bytes(), path, encoding)
        return sorted(_cues(text), key=lambda cue: cue.start) if text.strip() else []
    except OSError as error:
        raise ConfigError(f"can't read {path}: {error.strerror}") from error
    except ConfigError:
        raise
    except Exception as error:  # pysubs2 raises anything, SyntaxError too, for damaged files
        raise ConfigError(f"{path} holds no subtitles", hint="SRT, VTT or ASS is read") from error


def check_encoding(name: str) -> str:
    """Give the name of an encoding of texts back. Raises ConfigError where there is none."""
    try:
        b"a".decode(name)
    except UnicodeError:  # it is one, of two bytes or more
        pass
    except (LookupError, ValueError):
        hint = "utf-8, cp1252 (Western Windows), cp1251, gbk, big5, shift_jis, ..."
        raise ConfigError(f'no such encoding: "{name}"', hint=hint) from None
    return name


def _decoded(data: bytes, path: Path, encoding: str | None) -> str:
    marked = next((name for mark, name in _MARKS.items() if data.startswith(mark)), None)
    name = marked or encoding or "utf-8"
    try:
        return data.decode(name)
    except UnicodeError as error:
        shown = name.removesuffix("-sig").upper() if marked or not encoding else name
        hint = (
            "--encoding cp1252 reads what Western Windows tools write (or gbk, shift_jis, ...); "
            "iconv -f cp1252 -t utf-8 converts it"
        )
        raise ConfigError(f"{path} is not {shown}", hint=None if marked else hint) from error


def _cues(text: str) -> Iterable[Segment]:
    import pysubs2
    from pysubs2.formats import autodetect_format

    kind = autodetect_format(text)
    if kind == "vtt":
        return _vtt_cues(_LINE_BREAK.split(text))
    if kind == "srt":
        return _srt_cues(_LINE_BREAK.split(text))
    with warnings.catch_warnings(action="ignore"):  # of numbers that it can't read
        file = pysubs2.SSAFile.from_string(text)
    return [
        Segment(number(item.start) / 1000, number(item.end) / 1000, item.plaintext)
        for item in file
        if not item.is_comment
    ]


def _srt_cues(lines: list[str]) -> Iterator[Segment]:
    """Read SubRip, also without empty lines between cues, as many tools do.

    The number of the next cue stands right before its times: one at the end is text.
    """
    found = [(at, match) for at, line in enumerate(lines) if (match := _TIMING.match(line))]
    if not found:
        raise ValueError
    last = (len(lines), found[-1][1])
    for (at, match), (following, _) in pairwise([*found, last]):
        said = lines[at + 1 : following]
        if following < len(lines) and said and said[-1].strip().isdigit():
            said.pop()
        yield _cue(match, _TAG.sub("", "\n".join(said)))


def _vtt_cues(lines: list[str]) -> Iterator[Segment]:
    """Read WebVTT as browsers do: a cue's text ends at an empty line or before other times.

    What has no times is no cue: the header, NOTE, STYLE and REGION. Identifiers, tags, voices and
    the times of words aren't shown, and escapes are what they stand for.
    """
    match, said = None, []
    for line in [*lines, ""]:
        timing = _TIMING.match(line)
        if match and (timing or not line):
            yield _cue(match, unescape(_VTT_TAG.sub("", "\n".join(said))))
            match, said = None, []
        if timing:
            match = timing
        elif match:
            said.append(line)


def _cue(times: re.Match[str], text: str) -> Segment:
    found = times.groups()
    shown = [line.strip() for line in text.splitlines() if line.strip()]
    return Segment(_seconds(found[:4]), _seconds(found[4:]), "\n".join(shown))


def _seconds(clock: tuple[str | None, ...]) -> float:
    hours, minutes, seconds, rest = (item or "0" for item in clock)
    milliseconds = int(rest.ljust(3, "0"))
    return int(hours) * 3600 + int(minutes) * 60 + int(seconds) + milliseconds / 1000
