"""Finding machines on the LAN that share models, and being found; the only user of zeroconf."""

import importlib.util
import logging
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from whisper_cli import __version__
from whisper_cli.errors import SourceUnavailable
from whisper_cli.extras import install_hint

if TYPE_CHECKING:
    from zeroconf import ServiceInfo, Zeroconf

INSTALL = install_hint("share")

_SERVICE = "_whisper-cli._tcp.local."
_MAX_HOSTS = 16  # neighbours asked: one that announces thousands of names must not hold us up
_DETAILS = 300  # milliseconds to wait for the address of one that has told its name
_MDNS = ("224.0.0.251", 5353)
_log = logging.getLogger("whisper_cli")


def installed() -> bool:
    """Say whether machines can be found by themselves."""
    return importlib.util.find_spec("zeroconf") is not None


def find(*, within: float = 2.0, interface: str | None = None) -> tuple[str, ...]:
    """Listen for so many seconds, and name by `host:port` who announced a share.

    `interface` is the address of the network to listen on, by default all of this machine. Raises
    SourceUnavailable where that isn't possible.
    """
    from zeroconf import Error, ServiceBrowser

    names: dict[str, None] = {}
    try:
        with _network(interface) as network:
            note = lambda name, **_: names.setdefault(name)  # noqa: E731
            ServiceBrowser(network, _SERVICE, handlers=[note])
            time.sleep(within)
            found = [host for name in list(names)[:_MAX_HOSTS] for host in _hosts(network, name)]
    except (OSError, Error) as error:
        raise SourceUnavailable(f"no neighbour can be looked for: {error}") from error
    return tuple(dict.fromkeys(found))


@contextmanager
def announced(address: str, port: int) -> Iterator[None]:
    """Let the neighbours find this port while the block runs; a warning where that fails.

    `address` is the numeric one that is listened on, 0.0.0.0 or :: for all.
    """
    from zeroconf import Error

    any_address = address in {"0.0.0.0", "::"}  # noqa: S104 - compared, not bound
    with ExitStack() as stack:
        try:
            own = _own_address() if any_address else address
            network = stack.enter_context(_network(None if any_address else address))
            network.register_service(_service_info(own, port), allow_name_change=True)
        except (OSError, Error) as error:
            _log.warning("not announced, neighbours have to name this machine: %s", error)
        yield


def _service_info(address: str, port: int) -> "ServiceInfo":
    from zeroconf import ServiceInfo

    name = f"{socket.gethostname().partition('.')[0]}-{port}"
    return ServiceInfo(
        _SERVICE,
        f"{name}.{_SERVICE}",
        port,
        properties={"version": __version__},
        server=f"{name}.local.",
        parsed_addresses=[address],
    )


def _network(interface: str | None) -> "Zeroconf":
    from zeroconf import InterfaceChoice, Zeroconf

    return Zeroconf(interfaces=[interface] if interface else InterfaceChoice.All)


def _hosts(network: "Zeroconf", name: str) -> list[str]:
    from zeroconf import IPVersion

    info = network.get_service_info(_SERVICE, name, timeout=_DETAILS)
    hosts = info.parsed_addresses(IPVersion.V4Only) if info else []
    return [f"{address}:{info.port}" for address in hosts if info]


def _own_address() -> str:
    """Find the address that the LAN knows us by, which is the one its multicasts leave from."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect(_MDNS)  # sends nothing
        return str(probe.getsockname()[0])
