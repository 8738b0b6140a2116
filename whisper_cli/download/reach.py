"""Whether a server can be reached at all, in bounded time."""

import socket
import threading
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from whisper_cli.errors import SourceUnavailable


def require_connection(url: str, *, within: float = 5.0) -> None:
    """Raise SourceUnavailable where no TCP connection comes about within so many seconds.

    Where the environment names a proxy for the URL, it is the proxy that must be there. Name
    resolution counts too, and knows no time limit of its own: hence the thread.
    """
    host, port = _next_hop(url)
    outcome: list[str] = []

    def connect() -> None:
        try:
            socket.create_connection((host, port), timeout=within).close()
            outcome.append("")
        except (OSError, UnicodeError) as error:  # UnicodeError: no name that DNS could know
            outcome.append(getattr(error, "strerror", None) or str(error))

    attempt = threading.Thread(target=connect, daemon=True)
    attempt.start()
    attempt.join(within)
    if not outcome:
        raise SourceUnavailable(f"no connection to {host} within {within:g} s")
    if outcome[0]:
        raise SourceUnavailable(f"no connection to {host}: {outcome[0]}")


def _next_hop(url: str) -> tuple[str, int]:
    parts = urlsplit(url)
    proxies = getproxies()
    proxy = proxies.get(parts.scheme) or proxies.get("all")
    if proxy and not proxy_bypass(parts.hostname or ""):
        parts = urlsplit(proxy if "://" in proxy else f"http://{proxy}")
    return parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
