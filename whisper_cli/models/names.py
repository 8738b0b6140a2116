"""Names, hashes and sizes, checked before they become a path, whoever sent them.

A hub, a mirror, a client of the server, or another tool that writes into the cache.
"""

import hashlib
import re
from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import TypeGuard

_COMMIT = re.compile(r"[0-9a-f]{40}")  # what git names commits and files by
_SHA256 = re.compile(r"[0-9a-f]{64}")
_REPO = re.compile(r"[\w.-]+/[\w.-]+")
_REVISION = re.compile(r"[\w.-]+(/[\w.-]+)*")
_PLAIN = re.compile(r"[\w.@-]{1,100}", re.ASCII)
_FORBIDDEN = re.compile(r"[\0-\x1f\x7f-\x9f\\]|^[A-Za-z]:")  # control characters, paths of Windows
_LONGEST, _LONGEST_PATH = 255, 1024  # bytes of one name, and of all parts of a path
_LONGEST_REPO = 240  # bytes: its folder in the cache has one name, with a prefix
_LARGEST = (1 << 63) - 1  # bytes that a file can have


def is_commit(value: object) -> TypeGuard[str]:
    """Tell the hash of a commit, or of a file in git, from anything else."""
    return isinstance(value, str) and _COMMIT.fullmatch(value) is not None


def is_sha256(value: object) -> TypeGuard[str]:
    """Tell a sha256 in hexadecimal from anything else."""
    return isinstance(value, str) and _SHA256.fullmatch(value) is not None


def is_size(value: object) -> TypeGuard[int]:
    """Say whether a value can be the size of a file, in bytes."""
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _LARGEST


def is_revision(value: object) -> TypeGuard[str]:
    """Say whether a value can name a commit, a branch or a tag: one name, maybe with slashes."""
    if not isinstance(value, str) or not _REVISION.fullmatch(value):
        return False
    return is_file_name(value) and len(value.encode()) <= _LONGEST


def is_repo(value: object) -> TypeGuard[str]:
    """Say whether a value can name a repository: `owner/name`, without "--" as on the hub."""
    if not isinstance(value, str) or not _REPO.fullmatch(value) or "--" in value:
        return False
    return is_file_name(value) and len(value.encode()) <= _LONGEST_REPO


def is_file_name(value: object) -> TypeGuard[str]:
    """Say whether a value can name a file below a folder, with slashes, on every system."""
    if not isinstance(value, str) or _FORBIDDEN.search(value) or len(value) > _LONGEST_PATH:
        return False
    try:
        sizes = [len(part.encode()) for part in value.split("/")]
    except UnicodeEncodeError:  # half of a surrogate pair
        return False
    of_dots = any(not part.strip(".") for part in value.split("/"))
    return max(sizes) <= _LONGEST and sum(sizes) <= _LONGEST_PATH and not of_dots


def are_unique(names: Sequence[str]) -> bool:
    """Say whether files of these names can be beside each other: each once, none a folder too."""
    folders = {str(folder) for name in names for folder in PurePosixPath(name).parents}
    return len(set(names)) == len(names) and folders.isdisjoint(names)


def short_name(text: str) -> str:
    """Name a file of ours that stands for `text`: like it where that is plain, else by its hash."""
    return text if _PLAIN.fullmatch(text) else hashlib.sha256(text.encode()).hexdigest()[:32]
