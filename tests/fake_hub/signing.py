"""Signed addresses of the CDN that expire: after some seconds, or after some requests."""

import hashlib
import hmac
import itertools
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from urllib.parse import urlencode

KEY = b"loopback"


@dataclass(slots=True)
class Signer:
    """Signs paths and checks them. `seconds` is how long an address made from now on lives,
    `uses` how many requests each address is good for (None: as many as come)."""

    seconds: float = 3600
    uses: int | None = None
    _serial: "itertools.count[int]" = field(default_factory=itertools.count)
    _used: Counter[str] = field(default_factory=Counter)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def sign(self, path: str) -> str:
        """Build the query; no two are the same."""
        expires = f"{time.time() + self.seconds:.3f}.{next(self._serial)}"
        return urlencode({"Expires": expires, "Signature": signature(path, expires)})

    def admits(self, path: str, query: dict[str, str]) -> bool:
        """Check a signature and count its use."""
        expires, given = query.get("Expires", ""), query.get("Signature", "")
        if not hmac.compare_digest(given, signature(path, expires)):
            return False
        with self._lock:
            self._used[given] += 1
            spent = self.uses is not None and self._used[given] > self.uses
        return not spent and time.time() < float(expires.rpartition(".")[0])


def signature(path: str, expires: str) -> str:
    return hmac.new(KEY, f"{path}\n{expires}".encode(), hashlib.sha256).hexdigest()
