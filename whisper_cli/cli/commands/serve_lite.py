"""`whisper-cli serve-lite`."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from whisper_cli.cli import options as o
from whisper_cli.cli.commands.pull import fetch_model

if TYPE_CHECKING:
    from whisper_cli.serve.settings import ServerSettings


def _text(name: str, default: str, metavar: str, about: str, key: str = "") -> o.OptionSpec:
    return o.flag(
        "Options",
        name,
        kind=str,
        default=default,
        metavar=metavar,
        about=about,
        name=key,
    )


def _number(name: str, default: int, about: str, **limits: int) -> o.OptionSpec:
    more: Any = limits
    return o.flag("Options", name, kind=int, default=default, about=about, **more)


SERVER_OPTIONS = (
    _text("--host", "127.0.0.1", "ADDRESS", "address to listen on"),
    _number("--port", 8000, "port to listen on; 0: any that is free", min=0, max=65535),
    o.flag(
        "Options",
        "--model",
        "-m",
        name="models",
        kind=list[str] | None,
        metavar="MODEL",
        autocompletion=o.complete_model,
        about="model to load: a short name as in whisper-cli list --remote, owner/name, or a"
        " folder; may be given several times (default: the setting model)",
    ),
    o.flag(
        "Options",
        "--api-key",
        kind=str | None,
        envvar="WHISPER_CLI_API_KEY",
        show_envvar=False,
        metavar="KEY",
        about="key that clients must send (better: WHISPER_CLI_API_KEY, which ps does not show)",
    ),
    _text(
        "--keep-alive",
        "5m",
        "TIME",
        "time that an idle model stays loaded; -1: forever",
    ),
    _number("--max-queue", 64, "largest number of jobs at once, waiting or not", min=1),
    _text("--max-upload", "100MB", "SIZE", "largest file that is taken, such as 100MB"),
    _text(
        "--max-duration",
        "4h",
        "TIME",
        "longest recording that is taken, such as 4h",
        key="max_seconds",
    ),
    o.flag(
        "Options",
        "--allow-origin",
        kind=list[str] | None,
        metavar="ORIGIN",
        about="origin of a web site that may use the server, such as https://example.org",
    ),
    o.flag(
        "Options",
        "--allow-host",
        kind=list[str] | None,
        metavar="HOST",
        about="host name that clients may call the server by",
    ),
    o.flag("Options", "--insecure-bind", about="listen on a network without a key"),
    o.flag("Options", "--pull-on-demand", about="download a model when a client asks for it"),
    o.flag("Options", "--log-json", about="log each request as a line of JSON"),
    o.flag(
        "Options",
        "--ssl-certfile",
        kind=Path | None,
        metavar="FILE",
        about="certificate file, for https",
    ),
    o.flag(
        "Options",
        "--ssl-keyfile",
        kind=Path | None,
        metavar="FILE",
        about="private key file, for https",
    ),
)


@o.options(SERVER_OPTIONS, o.MACHINE_OPTIONS, o.OFFLINE, o.SOURCE, o.MESSAGE_OPTIONS)
def command(ctx: typer.Context) -> None:
    """Serve the OpenAI transcription API, until Ctrl-C.

    The server has a web page at / and documents its API at /docs.

    \b
    whisper-cli serve-lite --model tiny.en
    WHISPER_CLI_API_KEY=secret whisper-cli serve-lite --host 0.0.0.0
    curl -F file=@talk.mp3 -F model=whisper-1 localhost:8000/v1/audio/transcriptions
    """
    from functools import partial

    from whisper_cli.batch.session import device_request
    from whisper_cli.config.derived import pull_options_of
    from whisper_cli.models.catalog import require_whisper, resolve
    from whisper_cli.serve import server

    settings, console = o.begin(ctx)
    server.require_extra()
    server_settings = _server_settings(ctx.params, settings.model)
    server.check(server_settings)
    for name in server_settings.models:
        model = resolve(name)
        require_whisper(model)
        fetch_model(model, settings, console)
    server.serve(
        server_settings,
        pull_options_of(settings),
        partial(device_request, settings=settings),
        console.log,
    )


def _server_settings(given: Mapping[str, Any], model: str) -> "ServerSettings":
    """Read what was given. Raises ConfigError."""
    from dataclasses import fields

    from whisper_cli.config.parsers import in_bytes
    from whisper_cli.serve.settings import ServerSettings, seconds

    parsers: dict[str, Callable[[Any], Any]] = {
        "keep_alive": seconds,
        "max_upload": in_bytes,
        "allow_origin": tuple,
        "allow_host": tuple,
        "ssl_certfile": Path,
        "ssl_keyfile": Path,
    }
    names = [item.name for item in fields(ServerSettings) if given.get(item.name) is not None]
    found = {name: parsers.get(name, _same)(given[name]) for name in names}
    found["max_duration"] = seconds(given["max_seconds"])  # a setting of cues has that name
    return ServerSettings(**{**found, "models": tuple(given["models"] or (model,))})


def _same(value: object) -> object:
    return value
