"""Subtitles from files, anybody's: the only user of pysubs2."""

import warnings
from pathlib import Path

from whisper_cli.checked import number
from whisper_cli.errors import ConfigError
from whisper_cli.transcript import Segment


def read(path: Path) -> list[Segment]:
    """Read the cues of a subtitle file without their mark-up, by their start.

    Raises ConfigError where it isn't there or holds no subtitles.
    """
    try:
        return _cues(path.read_bytes().decode("utf-8-sig"))
    except OSError as error:
        raise ConfigError(f"can't read {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path} is not UTF-8", hint="iconv -t utf-8 converts it") from error
    except Exception as error:  # pysubs2 raises anything, SyntaxError too, for damaged files
        raise ConfigError(f"{path} holds no subtitles", hint="SRT, VTT or ASS is read") from error


def _cues(text: str) -> list[Segment]:
    import pysubs2

    with warnings.catch_warnings(action="ignore"):  # of numbers that it can't read
        file = pysubs2.SSAFile.from_string(text)
    events = sorted((event for event in file if not event.is_comment), key=lambda e: e.start)
    return [
        Segment(number(item.start) / 1000, number(item.end) / 1000, item.plaintext)
        for item in events
    ]
