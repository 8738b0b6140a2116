"""Subtitles from files, anybody's: the only user of pysubs2."""

from pathlib import Path

from whisper_cli.errors import ConfigError
from whisper_cli.transcript import Segment


def read(path: Path) -> list[Segment]:
    """Read the cues of a subtitle file without their mark-up, by their start.

    Raises ConfigError where it isn't there or holds no subtitles.
    """
    import pysubs2

    try:
        text = path.read_bytes().decode("utf-8-sig")
        file = pysubs2.SSAFile.from_string(text)
    except OSError as error:
        raise ConfigError(f"can't read {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path} is not UTF-8", hint="iconv -t utf-8 converts it") from error
    except (pysubs2.exceptions.Pysubs2Error, ValueError) as error:
        raise ConfigError(f"{path} holds no subtitles", hint="SRT, VTT or ASS is read") from error
    events = sorted((event for event in file if not event.is_comment), key=lambda e: e.start)
    return [Segment(each.start / 1000, each.end / 1000, each.plaintext) for each in events]
