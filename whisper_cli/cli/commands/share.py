"""`whisper-cli share`."""

from contextlib import nullcontext

import typer

from whisper_cli.cli import options as o
from whisper_cli.errors import ConfigError

HOST = o.flag(
    "Options",
    "--host",
    kind=str,
    default="0.0.0.0",  # noqa: S104 - what sharing is for
    about="address to listen on; 0.0.0.0: every network",
)
PORT = o.flag(
    "Options",
    "--port",
    kind=int,
    default=8770,
    min=0,
    max=65535,
    about="port to listen on; 0: any that is free",
)
ANNOUNCE = o.flag(
    "Options",
    "--announce/--no-announce",
    kind=bool | None,
    about="let others on the LAN find this machine (default: where zeroconf is installed)",
)


@o.options(HOST, PORT, ANNOUNCE, o.MESSAGE_OPTIONS)
def command(ctx: typer.Context, *, host: str, port: int, announce: bool | None) -> None:
    """Offer the models here to other machines on the LAN, until Ctrl-C.

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
    visible = discovery.installed() if announce is None else announce
    with (
        Server(SharedFiles(), host, port) as server,
        discovery.announced(*server.address) if visible else nullcontext(),
    ):
        names = [item.model.name for item in server.registry.models()]
        how = "announced on the LAN" if visible else "to be named in WHISPER_CLI_PEERS of others"
        console.info(f"sharing {', '.join(names) or 'nothing yet'} on {server.url}, {how}")
        if not names:
            console.warn("no verified model is here: whisper-cli verify checks those that are")
        server.serve_forever()
