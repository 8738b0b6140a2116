"""Decisions told in the log: a line for people, and its numbers as fields for programs."""

import logging
import threading
from collections.abc import Iterable, Mapping

from whisper_cli.transcript import Dropped

logger = logging.getLogger("whisper_cli")
_faster_whisper = logging.getLogger("faster_whisper")  # tells each temperature that it tries

VERBOSE = 15  # between INFO, which a terminal shows, and DEBUG
logging.addLevelName(VERBOSE, "VERBOSE")

_thread = threading.local()


def about(source: str) -> None:
    """Name the input that this thread works on, for what it tells from now on."""
    _thread.source = source


def debugging() -> bool:
    """Say whether anybody reads decisions; ask before what takes time to find out."""
    return logger.isEnabledFor(logging.DEBUG)


def log_event(
    event: str, message: str, *, level: int = logging.DEBUG, source: str = "", **numbers: object
) -> None:
    """Log a decision: `message` is a template for str.format, filled with the numbers.

    The record carries them as `fields`, with the `event` and the `input`.
    """
    if not logger.isEnabledFor(level):
        return
    source = source or getattr(_thread, "source", "")
    text = message.format(**numbers)
    fields = {"event": event, **({"input": source} if source else {}), **numbers}
    logger.log(level, "%s", f"{source}: {text}" if source else text, extra={"fields": fields})


def tell_dropped(source: str, items: Iterable[Dropped]) -> None:
    """Log each text that was left out, in a line for -v."""
    for item in items:
        log_event(
            "dropped",
            '{start:.2f} to {end:.2f} s left out ({reason}): "{text}"',
            level=VERBOSE,
            source=source,
            start=item.start,
            end=item.end,
            reason=str(item.reason),
            text=item.text.strip(),
        )


def fields_of(record: logging.LogRecord) -> Mapping[str, object]:
    """Give what a record holds for programs; nothing where it is a plain line."""
    fields: Mapping[str, object] = getattr(record, "fields", {})
    return fields


def listen(handler: logging.Handler, level: int = logging.INFO) -> None:
    """Send the log to a handler, at DEBUG with what faster-whisper tells of its own decisions."""
    logger.addHandler(handler)
    logger.setLevel(level)
    if level <= logging.DEBUG and handler not in _faster_whisper.handlers:
        _faster_whisper.addHandler(handler)
        _faster_whisper.setLevel(level)


def leave(handler: logging.Handler) -> None:
    """Send nothing more to a handler."""
    logger.removeHandler(handler)
    if handler in _faster_whisper.handlers:
        _faster_whisper.removeHandler(handler)
        _faster_whisper.setLevel(logging.NOTSET)
