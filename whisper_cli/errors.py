"""The tree of failures: each class carries its exit code, each error its hint."""


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
