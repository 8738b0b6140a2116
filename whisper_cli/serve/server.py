"""The server as it runs: checked before it listens, drained before it ends. Knows uvicorn."""

import asyncio
import importlib.util
import ipaddress
import json
import socket
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

from whisper_cli.download.options import PullOptions
from whisper_cli.engine.device import DeviceRequest
from whisper_cli.errors import ConfigError, ServeError, WhisperError
from whisper_cli.extras import install_hint
from whisper_cli.models.catalog import Model
from whisper_cli.proof import kept_secret
from whisper_cli.serve.model_registry import ModelEntry
from whisper_cli.serve.settings import ServerSettings

if TYPE_CHECKING:
    import uvicorn

    from whisper_cli.serve.job_manager import JobManager
    from whisper_cli.serve.middleware import App
    from whisper_cli.serve.model_process import ModelWorker

INSTALL = install_hint("serve")
DRAIN = 30  # seconds that requests have to end after SIGTERM
_CLOSE_SECONDS = 5  # seconds that clients have to take the answer that they had no more
# Seconds: who sends sound faster than time is read slowly, and what it answers comes behind it.
_PONG = 120.0
_NEEDED = ("starlette", "uvicorn", "python_multipart", "websockets")
_OLDEST_AV = (17, 1)  # the FFmpeg of older wheels has holes that an upload can reach


def require_extra() -> None:
    """Raise ServeError where what the server needs is not installed."""
    from importlib.metadata import version

    missing = [name for name in _NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        raise ServeError(f"serve-lite needs {', '.join(missing)}", hint=INSTALL)
    found = version("av")
    if tuple(int(part) for part in found.split(".")[:2] if part.isdigit()) < _OLDEST_AV:
        raise ServeError(f"PyAV {found} is too old to be given strangers' files", hint=INSTALL)


def check(server_settings: ServerSettings) -> None:
    """Raise ConfigError for a server that anybody could use, or that can't have TLS."""
    if not _is_loopback(server_settings.host) and not (
        server_settings.api_key or server_settings.insecure_bind
    ):
        raise ConfigError(
            f"whoever reaches {server_settings.host} could use this server",
            hint="set WHISPER_CLI_API_KEY, or say --insecure-bind",
        )
    if (server_settings.ssl_certfile is None) != (server_settings.ssl_keyfile is None):
        raise ConfigError("TLS takes --ssl-certfile and --ssl-keyfile")
    for file in filter(None, (server_settings.ssl_certfile, server_settings.ssl_keyfile)):
        if not file.is_file():
            raise ConfigError(f"file not found: {file}")
    if server_settings.ssl_certfile is not None:
        _check_certificate(server_settings.ssl_certfile, server_settings.ssl_keyfile)


def _check_certificate(certificate: Path, key: Path | None) -> None:
    import ssl

    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key)
    except OSError as error:  # ssl.SSLError is one
        raise ConfigError(
            f"no certificate and its key in {certificate} and {key}: {error.strerror or error}",
            hint="PEM files: --ssl-certfile with the whole chain, --ssl-keyfile with its key",
        ) from error


def serve(
    server_settings: ServerSettings,
    how: PullOptions,
    device_request: Callable[[Model], DeviceRequest],
    tell: Callable[[str], None],
) -> None:
    """Serve until a signal comes. `tell` shows a line to whoever runs it.

    Raises ServeError where it can't listen, ModelError for a model that can't be served.
    """
    import uvicorn

    from whisper_cli.serve.app import application

    failures: list[WhisperError] = []
    with (
        _listening(server_settings) as server_socket,
        kept_secret(server_socket.getsockname()[1]) as secret,
    ):
        job_manager = _job_manager(server_settings, how, device_request)

        def failed(error: WhisperError) -> None:
            failures.append(error)
            server.should_exit = True

        def log(record: dict[str, Any]) -> None:
            tell(json.dumps(record) if server_settings.log_json else _plain(record))

        app = application(server_settings, job_manager, log, failed, secret)
        server = _draining(uvicorn.Server(configured(app, server_settings)), job_manager)
        tell(f"listening on {_url(server_settings, server_socket)}")
        server.run(sockets=[server_socket])
    if failures:
        raise failures[0]


def configured(app: "App", server_settings: ServerSettings) -> "uvicorn.Config":
    """Set what uvicorn is to do for an application."""
    import uvicorn

    from whisper_cli.serve import connections

    connections.quieten()
    return uvicorn.Config(
        app,
        loop="asyncio",  # accepts by the listener's own method, which uvloop goes around
        http=connections.Protocol,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=DRAIN + _CLOSE_SECONDS,
        h11_max_incomplete_event_size=64 << 10,
        ssl_certfile=server_settings.ssl_certfile,
        ssl_keyfile=server_settings.ssl_keyfile,
        ws_max_size=1 << 20,
        ws_ping_timeout=_PONG,
    )


def _draining(server: "uvicorn.Server", job_manager: "JobManager") -> "uvicorn.Server":
    """Let a server drain when a signal asks it to end; a second one ends it at once."""
    leave = server.handle_exit

    def force() -> None:
        server.force_exit = True

    def hurry() -> None:
        job_manager.cancel_all()
        asyncio.get_running_loop().call_later(_CLOSE_SECONDS, force)

    def handle_exit(number: int, frame: FrameType | None) -> None:
        schedule = asyncio.get_running_loop().call_soon_threadsafe
        if job_manager.draining:
            schedule(hurry)
            return
        job_manager.draining = True
        schedule(job_manager.drain, DRAIN)
        leave(number, frame)

    server.handle_exit = handle_exit  # type: ignore[method-assign,assignment]
    return server


def _job_manager(
    server_settings: ServerSettings,
    how: PullOptions,
    device_request: Callable[[Model], DeviceRequest],
) -> "JobManager":
    from whisper_cli.serve.downloads import Downloads
    from whisper_cli.serve.job_manager import JobManager
    from whisper_cli.serve.model_pool import ModelPool
    from whisper_cli.serve.model_process import ModelProcess
    from whisper_cli.serve.model_registry import ModelRegistry

    def start_worker(entry: ModelEntry, folder: Path) -> "ModelWorker":
        return ModelProcess(folder, device_request(entry.model))

    model_pool = ModelPool(start_worker, server_settings.keep_alive)
    return JobManager(
        server_settings, ModelRegistry(server_settings.models), model_pool, Downloads(how)
    )


def _listening(server_settings: ServerSettings) -> socket.socket:
    """Listen. Raises ServeError."""
    from whisper_cli.serve.connections import ServerSocket

    family = socket.AF_INET6 if ":" in server_settings.host else socket.AF_INET
    server_socket = ServerSocket(family)
    server_socket.silent = server_settings.ssl_certfile is not None
    try:
        server_socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        server_socket.bind((server_settings.host, server_settings.port))
        server_socket.listen(1024)  # from when its address is told, whoever comes is not refused
    except (OSError, UnicodeError) as error:
        server_socket.close()
        reason = getattr(error, "strerror", None) or error
        raise ServeError(
            f"can't listen on {server_settings.host}:{server_settings.port}: {reason}",
            hint="choose another --port, or the --host of a network of this machine",
        ) from error
    return server_socket


def _url(server_settings: ServerSettings, server_socket: socket.socket) -> str:
    host, port = server_socket.getsockname()[:2]
    shown = f"[{host}]" if ":" in host else host
    return f"http{'s' if server_settings.ssl_certfile else ''}://{shown}:{port}"


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _plain(record: dict[str, Any]) -> str:
    first = f"{record['method']} {record['path']} {record['status']}"
    rest = (f"{name}={value}" for name, value in record.items() if name not in _FIRST)
    return f"{first} {' '.join(rest)}"


_FIRST = frozenset(("method", "path", "status"))
