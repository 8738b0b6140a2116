"""`whisper-cli serve-lite`."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from whisper_cli.cli import options as o
from whisper_cli.cli.commands.pull import bring

if TYPE_CHECKING:
    from whisper_cli.serve.settings import ServerSettings

Host = Annotated[str, typer.Option("--host", help="address to listen on")]
Port = Annotated[int, typer.Option("--port", min=0, max=65535, help="0: any that is free")]
Models = Annotated[
    list[str] | None,
    typer.Option(
        "--model",
        "-m",
        show_default=False,
        autocompletion=o.complete_model,
        help="short name, owner/name or a folder; several times (default: the setting model)",
    ),
]
ApiKey = Annotated[
    str | None,
    typer.Option(
        "--api-key",
        envvar="WHISPER_CLI_API_KEY",
        show_default=False,
        show_envvar=False,
        help="what clients have to send (better: WHISPER_CLI_API_KEY, which ps does not show)",
    ),
]
KeepAlive = Annotated[
    str, typer.Option("--keep-alive", help="an idle model stays loaded: 5m, 0, -1: for ever")
]
MaxQueue = Annotated[int, typer.Option("--max-queue", min=1, help="jobs at once, waiting or not")]
MaxUpload = Annotated[str, typer.Option("--max-upload", help="size of a file, such as 100MB")]
MaxDuration = Annotated[str, typer.Option("--max-duration", help="length of its sound")]
AllowOrigin = Annotated[
    list[str] | None,
    typer.Option("--allow-origin", show_default=False, help="web site that may use it"),
]
AllowHost = Annotated[
    list[str] | None,
    typer.Option("--allow-host", show_default=False, help="name that it may be called by"),
]
Insecure = Annotated[
    bool, typer.Option("--insecure-bind", help="listen on a network without a key")
]
OnDemand = Annotated[bool, typer.Option("--pull-on-demand", help="fetch a model when asked for it")]
LogJson = Annotated[bool, typer.Option("--log-json", help="a line of JSON for each request")]
Certificate = Annotated[
    Path | None, typer.Option("--ssl-certfile", show_default=False, help="for https")
]
Key = Annotated[Path | None, typer.Option("--ssl-keyfile", show_default=False, help="for https")]


def command(
    ctx: typer.Context,
    host: Host = "127.0.0.1",
    port: Port = 8000,
    models: Models = None,
    api_key: ApiKey = None,
    keep_alive: KeepAlive = "5m",
    max_queue: MaxQueue = 64,
    max_upload: MaxUpload = "100MB",
    max_seconds: MaxDuration = "4h",
    allow_origin: AllowOrigin = None,
    allow_host: AllowHost = None,
    insecure_bind: Insecure = False,
    pull_on_demand: OnDemand = False,
    log_json: LogJson = False,
    ssl_certfile: Certificate = None,
    ssl_keyfile: Key = None,
    machine: o.MachineOpts = None,
    offline: o.OfflineOpt = None,
    source: o.SourceOpt = None,
    quiet: o.QuietOpt = False,
    verbose: o.VerboseOpt = False,
    debug: o.DebugOpt = False,
) -> None:
    """Serve the OpenAI transcription API on this machine, until Ctrl-C.

    A page for people is at /, what programs may ask at /docs.

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
        bring(model, settings, console)
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
