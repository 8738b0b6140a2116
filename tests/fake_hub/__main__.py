"""Start the loopback hub by hand: `python -m tests.fake_hub --generate base=175MB`."""

import argparse
import re
import signal
import tempfile
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from tests.fake_hub import faults
from tests.fake_hub.content import Content, generate
from tests.fake_hub.faults import Fault
from tests.fake_hub.hub import Hub
from tests.fake_hub.throttle import Link
from tests.fake_hub.tls import make_authority

UNITS = {"": 1, "B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9}
UNITS |= {"KIB": 1 << 10, "MIB": 1 << 20, "GIB": 1 << 30}

FAULTS: dict[str, Callable[[int], Fault]] = {
    "cut": lambda size: faults.cut(at=size),
    "stall": lambda size: faults.stall(at=size),
    "corrupt": faults.corrupt,
    "short": lambda size: faults.short(by=size or 1),
    "slow": lambda size: faults.slow(size or 1000),
    "no-ranges": lambda _: faults.no_ranges(),
    "gzip": lambda _: faults.gzipped,
    "chunked": lambda _: faults.chunked,
    "loop": lambda _: faults.loop,
}

NOTES = """
a fault is NAME=WHERE[@SIZE][:TIMES]; it strikes once, or TIMES, or for ever with `:*`
  names   cut, stall and corrupt (at the position SIZE of the file), short (by SIZE bytes),
          slow (SIZE bytes a second), no-ranges, gzip, chunked, loop, or a status such as 503
  where   a file, or a pattern: cdn/model.bin, hub/tree, hub/info, hub/resolve/*, hub/*

examples
  python -m tests.fake_hub --generate base=175MB --per-connection 3889KB --total 20MB
  python -m tests.fake_hub --model tiny.en=FOLDER --latency 200 --fault stall=model.bin@10MB
  python -m tests.fake_hub --generate base=50MB --fault '503=hub/*:3' --fault cut=model.bin@9MB:2
"""


def size(text: str) -> int:
    """Read 3889KB, 175MB, 8MiB or a number of bytes."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([a-zA-Z]*)", text)
    if not match or match[2].upper() not in UNITS:
        raise argparse.ArgumentTypeError(f'not a size: "{text}" (175MB, 8MiB, 1000)')
    return int(float(match[1]) * UNITS[match[2].upper()])


def named(text: str) -> tuple[str, str]:
    name, found, value = text.partition("=")
    if not found:
        raise argparse.ArgumentTypeError(f'no "=" in "{text}"')
    return name, value


def generated(text: str) -> tuple[str, int]:
    name, value = named(text)
    return (name if "/" in name else f"generated/{name}"), size(value)


def folder(text: str) -> tuple[str, Path]:
    name, value = named(text)
    if not (path := Path(value)).is_dir():
        raise argparse.ArgumentTypeError(f'no such folder: "{path}"')
    return name, path


def fault(text: str) -> tuple[str, Fault, int | None]:
    """Read NAME=WHERE[@SIZE][:TIMES]."""
    name, rest = named(text)
    match = re.fullmatch(r"(?P<where>[^@:]+)(?:@(?P<size>[^:]+))?(?::(?P<times>\d+|\*))?", rest)
    if not match or not (name in FAULTS or name.isdecimal()):
        raise argparse.ArgumentTypeError(f'not a fault: "{text}" ({", ".join(FAULTS)}, 503)')
    contains = (
        FAULTS[name](size(match["size"] or "0")) if name in FAULTS else faults.reject(int(name))
    )
    where = match["where"] if "/" in match["where"] else f"cdn/{match['where']}"
    return where, contains, None if match["times"] == "*" else int(match["times"] or 1)


def parser() -> argparse.ArgumentParser:
    contains = argparse.ArgumentParser(
        prog="python -m tests.fake_hub",
        description="A Hugging Face hub and CDN on loopback, as slow and as faulty as you like.",
        epilog=NOTES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = contains.add_argument
    add("--port", type=int, default=0, help="of the hub (default: any free one)")
    add("--model", type=folder, action="append", default=[], metavar="NAME=FOLDER",
        help="serve a folder as this model: a short name, or owner/name[@revision]")  # fmt: skip
    add("--generate", type=generated, action="append", default=[], metavar="NAME=SIZE",
        help="serve a model.bin of random bytes as generated/NAME")  # fmt: skip
    add("--per-connection", type=size, metavar="SIZE", help="bytes a second on each connection")
    add("--total", type=size, metavar="SIZE", help="bytes a second for all connections together")
    add("--latency", type=int, default=0, metavar="MS", help="before each answer")
    add("--fault", type=fault, action="append", default=[], metavar="FAULT", help="see below")
    add("--tls", action="store_true", help="speak https, with an authority to trust")
    return contains


def add_folder(hub: Hub, name: str, path: Path) -> str:
    """Serve a folder under the name and the pinned revision that the catalogue knows it by."""
    from whisper_cli.models.catalog import resolve

    model = resolve(name)
    if model.repo is None:
        raise SystemExit(f'error: "{name}" is a folder; name the model that it holds')
    files: dict[str, Content] = {
        str(file.relative_to(path)): file for file in path.rglob("*") if file.is_file()
    }
    sha = model.revision if model.pinned else None
    hub.add_repo(model.repo, files, lfs=[file for file in files if file.endswith(".bin")], sha=sha)
    return model.repo


def add_generated(hub: Hub, name: str, temp_folder: Path, length: int) -> str:
    """Serve random bytes in files of the names and sizes that a model usually has."""
    weights = temp_folder / f"{name.replace('/', '--')}.bin"
    files: dict[str, Content] = {
        "config.json": b"{}\n",
        "tokenizer.json": generate(temp_folder / "tokenizer.json", 2_203_239, seed=1),
        "vocabulary.txt": generate(temp_folder / "vocabulary.txt", 459_861, seed=2),
        "model.bin": generate(weights, length, seed=3),
    }
    hub.add_repo(name, files)
    return name


def main(arguments: list[str] | None = None) -> None:
    options = parser().parse_args(arguments)
    link = Link(options.per_connection, options.total, options.latency / 1000)
    with tempfile.TemporaryDirectory(prefix="loopback-hub-") as contains:
        temp_folder = Path(contains)
        authority = make_authority(temp_folder) if options.tls else None
        with Hub(port=options.port, link=link, authority=authority) as hub:
            repos = [add_folder(hub, name, path) for name, path in options.model]
            repos += [add_generated(hub, name, temp_folder, n) for name, n in options.generate]
            for where, made_fault, times in options.fault:
                hub.faults.add(where, made_fault, times=times)
            if authority:
                print(f"SSL_CERT_FILE={authority.ca}")
            print(f"HF_ENDPOINT={hub.endpoint}", *repos, sep="\n  ", flush=True)
            with suppress(KeyboardInterrupt):
                signal.signal(signal.SIGTERM, signal.default_int_handler)
                threading.Event().wait()
            sent = sum(request.sent for request in hub.requests)
            print(f"\n{len(hub.requests)} requests, {sent:,} bytes sent")


if __name__ == "__main__":
    main()
