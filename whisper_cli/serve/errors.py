"""What goes wrong, as the OpenAI API says it."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager

from whisper_cli.errors import (
    AudioError,
    ConfigError,
    DownloadError,
    ModelError,
    TooLong,
    WhisperError,
)

RETRIED = frozenset((429, 503, 507))  # statuses after which the same request may well succeed


class ApiError(WhisperError):
    """An answer with an error: status, message, the field it is about, a code for programs.

    `retry_after` is in seconds.
    """

    def __init__(
        self,
        status: int,
        message: str,
        *,
        code: str | None = None,
        param: str | None = None,
        retry_after: int | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code, self.param = code, param
        self.retry_after = retry_after

    @property
    def body(self) -> dict[str, object]:
        """Give what stands under "error": message, type, param, code."""
        kind = "rate_limit_error" if self.status == 429 else "invalid_request_error"
        return {
            "message": self.message,
            "type": "server_error" if self.status in (500, 503, 507) else kind,
            "param": self.param,
            "code": self.code,
        }

    @property
    def headers(self) -> dict[str, str]:
        """Say whether to come again, and when."""
        headers = {"x-should-retry": "true" if self.status in RETRIED else "false"}
        if self.retry_after is not None:
            headers["retry-after"] = str(self.retry_after)
        if self.status == 401:
            headers["www-authenticate"] = "Bearer"
        return headers


def invalid(message: str, param: str | None, code: str | None = None) -> ApiError:
    """Refuse what a field says."""
    return ApiError(400, message, code=code, param=param)


def draining() -> ApiError:
    """Refuse, or break off, because the server is asked to end."""
    return ApiError(503, "the server is going down", code="draining", retry_after=5)


def bug() -> ApiError:
    """Say that it is our fault; why, the log says."""
    return ApiError(500, "a bug in the server", code="internal_error")


@contextmanager
def storage_errors() -> Iterator[None]:
    """Write something that was sent within the block. Raises ApiError where the disk is full."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            message = "the disk of the server is full"
            raise ApiError(507, message, code="disk_full", retry_after=60) from error
        raise


def api_error(error: WhisperError) -> ApiError:
    """Say what our own errors are over HTTP. Hints, which are for a command line, are left out."""
    if isinstance(error, ApiError):
        return error
    for kind, (status, code, param, message) in _KINDS.items():
        if isinstance(error, kind):
            return ApiError(status, message or error.message, code=code, param=param)
    return ApiError(500, "the engine failed on this file", code="engine_error")


# The narrower kinds first; what may name a place on this machine has a message of its own.
_KINDS: dict[type[WhisperError], tuple[int, str, str | None, str | None]] = {
    TooLong: (413, "audio_too_long", "file", None),
    AudioError: (400, "invalid_audio", "file", None),
    DownloadError: (502, "download_failed", "model", "the model could not be downloaded"),
    ModelError: (500, "model_error", "model", "the model can't be loaded"),
    ConfigError: (400, "invalid_value", None, None),
}
