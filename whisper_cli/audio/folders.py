"""What a folder holds: its recordings, and what is passed over."""

import logging
import os
from collections import Counter, deque
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from whisper_cli.texts import path_text

logger = logging.getLogger("whisper_cli")

_SUFFIXES = """
    3g2 3ga 3gp 3gp2 3gpp aa aac aax ac3 ac4 adts aif aifc aiff alaw amr amv ape asf at3 at9 au
    avi awb bwf caf caff dff divx ds2 dsf dss dts dtshd dv dvr-ms eac3 ec3 f4a f4b f4p f4v flac
    flv g722 gsm gxf iamf ismv loas m2p m2t m2ts m4a m4b m4p m4r m4v mk3d mka mkv mlp mod mov
    mp1 mp2 mp3 mp4 mpc mpe mpeg mpg mpga mts mxf nsv nut oga ogg ogm ogv ogx oma opus qcp qt
    qta ra rf64 rm rmvb shn sln snd spx tak thd tod truehd ts tta ulaw vob voc vox vro w64 wav
    weba webm wma wmv wtv wv
"""
SUFFIXES = frozenset(f".{suffix}" for suffix in _SUFFIXES.split())
# What stands beside recordings and is none: texts and marks of ours and of others, images.
_BESIDE = """
    ass csv failed html idx journal json jsonl lrc md part partial sbv srt ssa sub tsv ttml txt vtt
    arw avif bmp cr2 dng gif heic heif ico jfif jpeg jpg nef png psd svg tif tiff webp
"""
BESIDE = frozenset(f".{suffix}" for suffix in _BESIDE.split())
_ENDINGS_TOLD = 8  # endings that are counted by name, the rest together


@dataclass(slots=True)
class FolderContent:
    """The recordings below a folder; `closed` are folders that can't be listed.

    `endings` counts the files that are named as neither sound nor text; `links` tells of those
    that lead nowhere or back.
    """

    folder: Path
    recordings: list[Path] = field(default_factory=list)
    closed: list[Path] = field(default_factory=list)
    endings: Counter[str] = field(default_factory=Counter)
    links: list[str] = field(default_factory=list)

    def passed_over(self) -> str | None:
        """Tell how many files were left out by their endings; None where none was."""
        if not self.endings:
            return None
        kinds = sorted(self.endings.items(), key=lambda item: (-item[1], item[0]))
        told, rest = kinds[:_ENDINGS_TOLD], sum(count for _, count in kinds[_ENDINGS_TOLD:])
        counts = [f"{path_text(Path(ending or 'no ending'))} {count}" for ending, count in told]
        counts += [f"others {rest}"] if rest else []
        total = self.endings.total()
        files = "1 file with another ending was"
        if total > 1:
            files = f"{total} files with other endings were"
        return f"{path_text(self.folder)}: {files} passed over ({', '.join(counts)})"

    def warn(self) -> None:
        """Log what was not taken."""
        for line in (*self.links, self.passed_over()):
            if line:
                logger.warning("%s", line)


def look_into(folder: Path) -> FolderContent:
    """Find what is named as audio or video below a folder, nothing hidden; links are followed."""
    content = FolderContent(folder)
    for parent, names in _walk(content):
        for path in (Path(parent, name) for name in names if not name.startswith(".")):
            _note(path, content)
    content.links.sort()
    return content


def _walk(content: FolderContent) -> Iterator[tuple[str, list[str]]]:
    """Walk real folders, then linked ones, each once: what has two names keeps the real one."""
    above = set(map(_identity, Path(os.path.realpath(content.folder)).parents)) - {None}
    entered: set[tuple[int, int]] = set()
    waiting = deque([content.folder])
    while waiting:
        top = waiting.popleft()
        if _identity(top) in above:
            content.links.append(f"{path_text(top)} links to a folder that it is in: not entered")
            continue
        for parent, folders, names in os.walk(
            top, onerror=lambda error: content.closed.append(Path(error.filename))
        ):
            identity = _identity(Path(parent))
            if identity in entered:
                folders.clear()
                continue
            entered |= {identity} if identity else set()
            inside = sorted(name for name in folders if not name.startswith("."))
            linked = [name for name in inside if Path(parent, name).is_symlink()]
            waiting += [Path(parent, name) for name in linked]
            folders[:] = [name for name in inside if name not in linked]
            yield parent, names


def _identity(folder: Path) -> tuple[int, int] | None:
    """Tell folders apart whatever they are called; None where it can't be told."""
    with suppress(OSError):
        known = folder.stat()
        return known.st_dev, known.st_ino
    return None


def _note(path: Path, content: FolderContent) -> None:
    ending = path.suffix.lower()
    if ending in BESIDE:
        return
    if _leads_nowhere(path):
        to = path_text(path.readlink())
        content.links.append(f"{path_text(path)} links to {to}, which isn't there")
    elif not _is_usable(path):
        return
    elif ending in SUFFIXES:
        content.recordings.append(path)
    else:
        content.endings[ending[1:]] += 1


def _leads_nowhere(path: Path) -> bool:
    try:
        return path.is_symlink() and not path.exists()
    except OSError:
        return False


def _is_usable(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:
        return True  # opening it says so
