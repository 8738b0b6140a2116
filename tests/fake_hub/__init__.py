"""A faithful Hugging Face hub and CDN on loopback, for tests, for benchmarks and to try by hand.

    with Hub() as hub:
        hub.add_repo("owner/name", {"config.json": b"{}", "model.bin": path})
        hub.faults.add("cdn/model.bin", faults.cut(after=1_000_000), times=2)
        ...                                   # a client, with hub.endpoint as HF_ENDPOINT
        assert [request.range for request in hub.requests if request.where == "cdn/model.bin"]

Faults are aimed by patterns at what a request is for: `cdn/<file>`, `hub/resolve/<file>`,
`hub/resolve-cache/<file>`, `hub/info`, `hub/tree`, `hub/paths-info`, `hub/refs`, `hub/search`,
`hub/whoami`, `hub/xet-token`, `cas/<path>`. So `hub/*` is all of the hub, and `*/model.bin` one
file wherever it is.
"""

from tests.fake_hub import faults
from tests.fake_hub.api import ADMITTED, STRANGER
from tests.fake_hub.content import generate
from tests.fake_hub.faults import Armed, Fault
from tests.fake_hub.hub import Hub
from tests.fake_hub.messages import Request
from tests.fake_hub.proxy import Proxy
from tests.fake_hub.throttle import Link
from tests.fake_hub.tls import Authority, make_authority

__all__ = [
    "ADMITTED",
    "STRANGER",
    "Armed",
    "Authority",
    "Fault",
    "Hub",
    "Link",
    "Proxy",
    "Request",
    "faults",
    "generate",
    "make_authority",
]
