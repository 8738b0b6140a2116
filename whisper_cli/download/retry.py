"""How long to wait before a server is asked again."""

import logging
import re
import time
from email.utils import parsedate_to_datetime
from http.client import HTTPMessage

PATIENCE = 600.0
"""Seconds that a server may ask us to wait in all."""
_log = logging.getLogger("whisper_cli")


def pause(number: int, requested: float | None = None) -> float:
    """Return the seconds to wait before try `number` + 1: what the server asked, or growing."""
    return requested if requested is not None else min(0.5 * 2**number, 8.0)


def report_wait(source: str, seconds: float) -> None:
    """Tell a person why nothing moves, where that will last."""
    if seconds >= 5:
        _log.warning("%s limits how often it is asked: waiting %.0f s", source, seconds)


def retry_after(headers: HTTPMessage) -> float | None:
    """Return the seconds that `Retry-After` or a spent `RateLimit` (`"name";r=0;t=55`) ask for."""
    after = headers.get("Retry-After", "").strip()
    if re.fullmatch("[0-9]{1,9}", after):
        return float(after)
    try:
        return max(0.0, parsedate_to_datetime(after).timestamp() - time.time())
    except (ValueError, OverflowError):
        spent = re.search(r"\br=0\s*;\s*t=([0-9]{1,9})", headers.get("RateLimit", ""))
        return float(spent[1]) + 1 if spent else None
