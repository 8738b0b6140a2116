"""The proxies that the environment names, obeyed alike for models and for addresses."""

import base64
from urllib.parse import SplitResult, unquote, urlsplit


def proxy_for(scheme: str, host: str, port: int) -> SplitResult | None:
    """Find the proxy for an origin; None where there is none, or NO_PROXY names the host.

    Raises ValueError for one that isn't spoken to by http.
    """
    from urllib.request import getproxies, proxy_bypass

    proxies = getproxies()
    address = proxies.get(scheme) or proxies.get("all")
    if not address or proxy_bypass(host) or proxy_bypass(f"{host}:{port}"):
        return None
    proxy = urlsplit(address if "://" in address else f"http://{address}")
    if proxy.scheme != "http":
        raise ValueError(f"a proxy spoken to by {proxy.scheme}:// is not supported")
    return proxy


def proxy_credentials(proxy: SplitResult | None) -> dict[str, str]:
    """Make the header that says who we are to a proxy that asks."""
    if not proxy or not proxy.username:
        return {}
    pair = f"{unquote(proxy.username)}:{unquote(proxy.password or '')}"
    return {"Proxy-Authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}
