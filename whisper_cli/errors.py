"""The tree of failures: each class carries its exit code, each error its hint."""

import errno
import logging
import traceback

logger = logging.getLogger("whisper_cli")

# What a system says of a name that a person gave or set, wherever it is met first.
_ACCESS_ERRORS = {errno.EACCES, errno.EPERM, errno.EROFS, errno.ELOOP, errno.ENAMETOOLONG}


class WhisperError(Exception):
    """Something a person can act on: a message that names the thing, a hint that says what to type.

    The message is lower case and without a full stop; the hint is shown on a line of its own.
    """

    exit_code = 1

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class ConfigError(WhisperError):
    """The command line, the environment or the configuration file asks for something impossible."""

    exit_code = 2


class OutputError(WhisperError):
    """The place named for the output can't be written, or holds somebody else's file."""

    exit_code = 2


class EngineError(WhisperError):
    """The engine failed on an input that could be read."""


class AudioError(WhisperError):
    """The audio can't be read, or there is none."""

    exit_code = 3


class TooLong(AudioError):
    """The audio is longer than the server takes."""


class TranscriptError(WhisperError):
    """The transcript can't be read, or it is none."""

    exit_code = 3


class ModelError(WhisperError):
    """The model is unknown, missing or damaged."""

    exit_code = 4


class DownloadError(ModelError):
    """The model could not be downloaded, or what came is not what was asked for."""

    exit_code = 5


class SourceUnavailable(DownloadError):
    """One source can't serve (no connection, not there): the next one is tried."""


class ServeError(WhisperError):
    """The server could not start."""

    exit_code = 6


def failure_of(error: Exception, name: str) -> WhisperError:
    """Return the failure of the input `name` that an exception stands for.

    An error of ours stays as it is. What the system refuses and what nobody expected become one:
    the others go on, and the traceback is logged.
    """
    known = known_failure(error)
    if known is not None:
        return known
    logger.error("%s: %s", name, type(error).__name__, exc_info=error)
    if isinstance(error, OSError):
        reason = error.strerror or str(error) or type(error).__name__
        return AudioError(f"{name} can't be read: {reason.lower()}")
    if isinstance(error, MemoryError):
        return EngineError("there is too little memory for it", hint="--workers 1 needs less")
    reason = str(error) or "no reason was given"
    return EngineError(
        f"a bug ended the work on it: {type(error).__name__}: {reason}",
        hint="please report it, with the traceback in the log",
    )


def known_failure(error: Exception) -> WhisperError | None:
    """Return an error of ours, or what the system's refusal means; None for anything else."""
    if isinstance(error, WhisperError):
        return error
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        return OutputError("can't write: no space left on device")
    if isinstance(error, OSError) and error.errno in _ACCESS_ERRORS and error.filename:
        return ConfigError(f"{error.filename}: {str(error.strerror).lower()}")
    return None


def traceback_of(record: logging.LogRecord) -> str:
    """Return the traceback of a log record, made here or in another process; empty without one."""
    if record.exc_info and record.exc_info[0] is not None:
        return "".join(traceback.format_exception(*record.exc_info)).rstrip()
    return str(getattr(record, "traceback", ""))
