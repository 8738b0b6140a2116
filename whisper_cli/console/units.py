"""Amounts and times as people read them: `1.5 MB`, `12:04`, `61 %`."""

from whisper_cli.texts import printable

UNITS = {"transcribe": "s"}  # phase -> unit of done and total; every other phase counts bytes


def size(count: float) -> str:
    """Write a number of bytes, in powers of 1000 as the hub does."""
    for unit in ("B", "kB", "MB"):
        if count < 1000:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.2f} GB"


def clock(seconds: float) -> str:
    """Write a time: `4:05`, `1:02:03`."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def duration(seconds: float) -> str:
    """Write how long something took, with tenths of a second where they matter."""
    return f"{seconds:.1f} s" if seconds < 60 else clock(seconds)


def share(done: float, total: float | None) -> float | None:
    """Return how much of the total is done, 0 to 1; None where the total isn't known."""
    if total is None:
        return None
    return min(done / total, 1.0) if total else 1.0


def percent(done: float, total: float | None) -> str:
    """Write a share, rounded down so that 100 % means all; nothing where it isn't known."""
    part = share(done, total)
    return "" if part is None else f"{int(100 * part)} %"


def position(phase: str, done: float, total: float | None) -> str:
    """Write how far something has come: `1.5 MB/2.0 MB`, `0:04/1:10`."""
    write = clock if UNITS.get(phase) == "s" else size
    return write(done) if total is None else f"{write(done)}/{write(total)}"


def rate(phase: str, speed: float | None) -> str:
    """Write a speed: `12.3 MB/s`, or how many times faster than real time; nothing if unknown."""
    if speed is None:
        return ""
    return f"{speed:.1f}x" if UNITS.get(phase) == "s" else f"{size(speed)}/s"


def left(seconds: float | None) -> str:
    """Write the time that is left; nothing where it isn't known."""
    return "" if seconds is None else f"{clock(seconds)} left"


def shorten(name: str, width: int) -> str:
    """Cut a name to a width, keeping its end, and replace what a terminal would obey."""
    name = printable(name)
    return name if len(name) <= width else "…" + name[len(name) + 1 - width :]
