"""How a server on this machine proves to a client of the same person that it is theirs.

The server keeps a secret in a file that its owner alone can read. A client sends a number used
once with `GET /ready`; only who knows the secret can answer it with the right HMAC. The address
that the connection reached is part of it, so that nobody can pass the question on to our server
elsewhere and the answer back.
"""

import hmac
import http.client
import logging
import os
import secrets
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from whisper_cli import paths
from whisper_cli.errors import ConfigError, EngineError

logger = logging.getLogger("whisper_cli")

NONCE, PROOF = "x-whisper-nonce", "x-whisper-proof"
_AS_IT_STANDS = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)  # no link, no pipe
_LONGEST = 64  # characters of a nonce


@contextmanager
def kept_secret(port: int) -> Iterator[str]:
    """Keep a new secret in its file for as long as a server listens on a port."""
    secret = secrets.token_hex(32)
    try:
        _write(_file(port), secret)
    except (OSError, ConfigError) as error:
        logger.warning("--server auto won't find this server: %s", error)
    try:
        yield secret
    finally:
        with suppress(OSError, ConfigError):
            if secret_of(port) == secret:
                _file(port).unlink()


def secret_of(port: int) -> str | None:
    """Read the secret of our server on a port; None where none runs, or another could know it."""
    with suppress(OSError, UnicodeDecodeError):
        descriptor = os.open(_file(port), os.O_RDONLY | _AS_IT_STANDS)
        if _is_ours_alone(os.fstat(descriptor)):
            with os.fdopen(descriptor) as file:
                return file.read(256) or None
        os.close(descriptor)
    return None


def _is_ours_alone(about: os.stat_result) -> bool:
    """Say whether a file is a regular one of ours that nobody else may read."""
    owned = not hasattr(os, "getuid") or about.st_uid == os.getuid()
    closed = os.name == "nt" or not about.st_mode & 0o077
    return stat.S_ISREG(about.st_mode) and owned and closed


def answer_headers(
    headers: Mapping[str, str], secret: str, address: tuple[str, int]
) -> dict[str, str]:
    """Answer the nonce in a request's headers, where there is one, for the address it came to."""
    nonce = headers.get(NONCE, "")
    return {PROOF: _mac(secret, nonce, *address)} if 0 < len(nonce) <= _LONGEST else {}


def demand(connection: http.client.HTTPConnection, secret: str) -> bool:
    """Let an open connection prove that it leads to our server; say whether that one is ready.

    Only this connection is proven, so it never opens itself again. Raises EngineError where it
    leads elsewhere, OSError and HTTPException where nothing answers.
    """
    nonce = secrets.token_hex(_LONGEST // 2)
    connection.request("GET", "/ready", headers={NONCE: nonce})
    with connection.getresponse() as response:
        response.read(1 << 16)
    expected = _mac(secret, nonce, connection.host, connection.port)
    if not hmac.compare_digest(response.headers.get(PROOF, "").encode(), expected.encode()):
        address = f"{connection.host}:{connection.port}"
        raise EngineError(f"what listens on {address} is no serve-lite of yours")
    connection.auto_open = 0
    return response.status == http.HTTPStatus.OK


def _write(file: Path, secret: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.unlink(missing_ok=True)  # of a server that was killed
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as written:
        written.write(secret)


def _mac(secret: str, nonce: str, host: str, port: int) -> str:
    message = f"{nonce} {host.removeprefix('::ffff:')} {port}"
    return hmac.digest(secret.encode(), message.encode(), "sha256").hex()


def _file(port: int) -> Path:
    return paths.state_dir() / f"serve-lite-{port}.secret"
