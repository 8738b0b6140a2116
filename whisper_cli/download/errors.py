"""What the disk and the hash have against a file, as errors a person can act on."""

import errno
from pathlib import Path

from whisper_cli.download.types import FileTransfer
from whisper_cli.errors import DownloadError


def disk_error(part: Path, error: OSError) -> DownloadError:
    """Translate what the file system says about the part file."""
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        hint = "free some space and run it again: it goes on where it stopped"
        return DownloadError(f"the disk is full: {part.parent}", hint=hint)
    reason = (error.strerror or str(error)).lower()
    return DownloadError(f"can't write {part}: {reason}", hint="choose another HF_HUB_CACHE")


def checksum_error(job: FileTransfer, expected: str, got: str) -> DownloadError:
    """Return the error for a file whose hash stays wrong."""
    sources = ", ".join(dict.fromkeys(remote_file.source for remote_file in job.remote_files))
    return DownloadError(
        f"{job.name} from {sources} is damaged: expected {expected}, got {got}",
        hint="try another source, or tell whoever runs this one",
    )
