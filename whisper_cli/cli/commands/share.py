"""`whisper-cli share`."""

from contextlib import nullcontext
from typing import Annotated

import typer

from whisper_cli.cli import options as o
from whisper_cli.errors import ConfigError

Host = Annotated[str, typer.Option("--host", help="address to listen on; 0.0.0.0: every network")]
Port = Annotated[int, typer.Option("--port", min=0, max=65535, help="0: any that is free")]
Announce = Annotated[
    bool | None,
    typer.Option(
        "--announce/--no-announce",
        show_default=False,
        help="be found on the LAN by others (default: where zeroconf is installed)",
    ),
]


def command(
    ctx: typer.Context,
    host: Host = "0.0.0.0",  # noqa: S104 - what sharing is for
    port: Port = 8770,
    announce: Announce = None,
    quiet: o.QuietOpt = False,
    verbose: o.VerboseOpt = False,
    debug: o.DebugOpt = False,
) -> None:
    """Give the models that are here to other machines on the LAN, until Ctrl-C.

    Only verified files of catalogue models are shared. Others take them by --source peer.

    \b
    whisper-cli share
    WHISPER_CLI_PEERS=10.0.0.5:8770 whisper-cli pull medium --source peer --source hub
    """
    from whisper_cli.share import discovery
    from whisper_cli.share.server import Server
    from whisper_cli.share.shared_files import SharedFiles

    _, console = o.begin(ctx)
    if announce and not discovery.installed():
        raise ConfigError("--announce needs zeroconf", hint=discovery.INSTALL)
    findable = discovery.installed() if announce is None else announce
    with (
        Server(SharedFiles(), host, port) as server,
        discovery.announced(*server.address) if findable else nullcontext(),
    ):
        names = [item.model.name for item in server.registry.models()]
        how = "announced on the LAN" if findable else "to be named in WHISPER_CLI_PEERS of others"
        console.info(f"sharing {', '.join(names) or 'nothing yet'} on {server.url}, {how}")
        if not names:
            console.warn("no verified model is here: whisper-cli verify checks those that are")
        server.serve_forever()
