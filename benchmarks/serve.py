"""`python -m benchmarks.serve`: the server under load, beside a plain one and beside processes."""

import argparse
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from itertools import cycle, islice
from pathlib import Path

import httpx
import numpy as np
import soundfile

from benchmarks.figures import percentile
from benchmarks.served import MIB, Answer, Server, load, owned, plain, running
from benchmarks.speech import Clip, english, read
from benchmarks.wer import errors

LEVELS = (1, 8, 32)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--set", type=Path, required=True, help="folder with a manifest.jsonl")
    parser.add_argument("--model", default="tiny.en")
    parser.add_argument("--requests", type=int, default=160, help="for each level")
    parser.add_argument("--cycles", type=int, default=200, help="of load and unload")
    parser.add_argument("--only", default=",".join(CASES), help="cases, by comma")
    given = parser.parse_args()
    clips = [clip for clip in english(read(given.set)) if 5 <= clip.seconds <= 11]
    print(f"{len(clips)} clips of {statistics.mean(item.seconds for item in clips):.1f} s\n")
    for name in given.only.split(","):
        with tempfile.TemporaryDirectory() as destination:
            CASES[name](given, clips, Path(destination))
        print(flush=True)


def throughput(given: argparse.Namespace, clips: Sequence[Clip], _: Path) -> None:
    """Compare clips a second, at each level, with a plain server and with processes."""
    print("| server | at once | clips/s | x real time | p50 s | p95 s | WER | lost |")
    print("|---|---|---|---|---|---|---|---|")
    with running(owned(given.model), {}) as server:
        for at_once in LEVELS:
            _row("serve-lite", server, clips, given.requests, at_once)
        _row("serve-lite", server, clips, 1000, 32)
    with running(plain(_folder(given.model)), {}) as server:
        for at_once in LEVELS:
            _row("plain", server, clips, max(32, given.requests // 4), at_once)
    _processes(given.model, clips, 32, 8)


def _row(name: str, server: Server, clips: Sequence[Clip], count: int, at_once: int) -> None:
    chosen = list(islice(cycle(clips), count))
    load(server.url, [clip.path for clip in chosen[:at_once]], at_once)
    answers, seconds = load(server.url, [clip.path for clip in chosen], at_once)
    _print(name, at_once, chosen, answers, seconds)


def _print(
    name: str, at_once: int, clips: Sequence[Clip], answers: Sequence[Answer], seconds: float
) -> None:
    times = [item.seconds for item in answers]
    sound = sum(clip.seconds for clip in clips)
    wrong = [errors(c, a.text or "")[0] for c, a in zip(clips, answers, strict=True)]
    rate = 100 * sum(item.wrong for item in wrong) / sum(item.words for item in wrong)
    engine_gone = sum(item.text is None for item in answers)
    print(
        f"| {name} | {at_once} | {len(clips) / seconds:.2f} | {sound / seconds:.0f} "
        f"| {percentile(times, 0.5):.2f} | {percentile(times, 0.95):.2f} | {rate:.2f} "
        f"| {engine_gone} of {len(clips)} |",
        flush=True,
    )


def _processes(model: str, clips: Sequence[Clip], count: int, at_once: int) -> None:
    """Start a process for each clip, so many at once."""
    chosen = list(islice(cycle(clips), count))
    left = iter(chosen)
    answers: dict[int, Answer] = {}

    def work() -> None:
        for clip in left:
            started_at = time.perf_counter()
            command = [sys.executable, "-m", "whisper_cli", "transcribe", "--no-history"]
            command += [str(clip.path)]
            done = subprocess.run(
                [*command, "-m", model, "-l", "en"], capture_output=True, text=True, check=True
            )
            seconds = time.perf_counter() - started_at
            answers[id(clip)] = Answer(seconds, seconds, " ".join(done.stdout.split()))

    started_at = time.perf_counter()
    threads = [threading.Thread(target=work) for _ in range(at_once)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seconds = time.perf_counter() - started_at
    _print("processes", at_once, chosen, [answers[id(clip)] for clip in chosen], seconds)


def latency(given: argparse.Namespace, clips: Sequence[Clip], _: Path) -> None:
    """Tell when the first event of a stream comes."""
    print("| at once | first event p50 s | p95 s |\n|---|---|---|")
    with running(owned(given.model), {}) as server:
        for at_once in LEVELS:
            chosen = [clip.path for clip in islice(cycle(clips), max(40, 3 * at_once))]
            answers, _seconds = load(server.url, chosen, at_once, stream=True)
            first = [item.first for item in answers]
            print(f"| {at_once} | {percentile(first, 0.5):.2f} | {percentile(first, 0.95):.2f} |")


def behind(given: argparse.Namespace, clips: Sequence[Clip], destination: Path) -> None:
    """Ask for clips of 3 s while a recording of 10 minutes is in work."""
    short = _joined(clips, destination / "short.wav", 3)
    long = _joined(clips, destination / "long.wav", 600)
    with running(owned(given.model), {}) as server:
        load(server.url, [short] * 3, 1)
        idle = _times(server, short, 20)
        stop = threading.Event()
        thread = threading.Thread(target=_keep_busy, args=(server, long, stop))
        thread.start()
        time.sleep(1)
        active = _times(server, short, 30)
        stop.set()
        thread.join()
    print(
        f"a clip of 3 s: idle p95 {percentile(idle, 0.95):.2f} s, "
        f"behind 10 minutes p95 {percentile(active, 0.95):.2f} s, at most {max(active):.2f} s"
    )


def _times(server: Server, clip: Path, count: int) -> list[float]:
    return [load(server.url, [clip], 1)[0][0].seconds for _ in range(count)]


def _keep_busy(server: Server, long: Path, stop: threading.Event) -> None:
    while not stop.is_set():
        load(server.url, [long], 1)


def cancel(given: argparse.Namespace, clips: Sequence[Clip], destination: Path) -> None:
    """Leave in the middle of ten minutes, and see when the processor is idle again."""
    long = _joined(clips, destination / "long.wav", 600)
    with running(owned(given.model), {}) as server:
        took = [_left(server, long) for _ in range(5)]
    print(f"a client that leaves: the processor is back after {max(took):.2f} s at most of 5 times")


def _left(server: Server, long: Path) -> float:
    try:
        httpx.post(
            f"{server.url}/v1/audio/transcriptions",
            data={"model": "whisper-1", "stream": "false"},
            files={"file": long.read_bytes()},
            timeout=httpx.Timeout(2.0),
        )
    except httpx.TimeoutException:
        started_at = last = time.perf_counter()
        while time.perf_counter() - last < 1.0:
            before = server.cpu
            time.sleep(0.1)
            if server.cpu - before > 0.02:
                last = time.perf_counter()
        return last - started_at
    raise SystemExit("it was done before it could be left")


def unload(given: argparse.Namespace, clips: Sequence[Clip], _: Path) -> None:
    """Load, ask, let go, and see what memory is left, over and over."""
    with running(owned(given.model), {}) as server, httpx.Client(base_url=server.url) as client:
        print(f"start to ready: {server.ready:.2f} s")
        loaded = server.memory
        left = []
        for _cycle in range(given.cycles):
            client.post("/api/unload", json={"model": given.model}).raise_for_status()
            left.append(server.memory / MIB)
            client.post("/api/load", json={"model": given.model}, timeout=60).raise_for_status()
        load(server.url, [clips[0].path], 1)
        client.post("/api/unload", json={"model": given.model})
        print(
            f"memory: {loaded / MIB:.0f} MiB loaded; after unload {left[0]:.0f}, after "
            f"{given.cycles} cycles {left[-1]:.0f}, at most {max(left):.0f} MiB"
        )


def endless(given: argparse.Namespace, _: Sequence[Clip], destination: Path) -> None:
    """Send eight hours of Opus: refused by default, else decoded as a stream."""
    file = _opus(destination / "hours.opus", 8 * 3600)
    print(f"8 hours of Opus, {file.stat().st_size / 1e6:.1f} MB:")
    for options, seconds in (((), 60.0), (("--max-duration", "9h"), 400.0)):
        with running(owned(given.model, *options), {}) as server:
            peak, status, took = _watched(server, file, seconds)
            print(f"{' '.join(options) or 'default'}: {status} {took:.1f} s, peak {peak:.0f} MiB")


def _watched(server: Server, file: Path, seconds: float) -> tuple[float, str, float]:
    found = ["left after"]

    def post() -> None:
        try:
            response = httpx.post(
                f"{server.url}/v1/audio/transcriptions",
                data={"model": "whisper-1"},
                files={"file": file.read_bytes()},
                timeout=seconds,
            )
            found[0] = f"status {response.status_code} after"
        except httpx.TimeoutException:
            pass

    thread = threading.Thread(target=post)
    started_at = time.perf_counter()
    thread.start()
    peak = 0
    while thread.is_alive():
        peak = max(peak, server.memory)
        time.sleep(0.1)
    return peak / MIB, found[0], time.perf_counter() - started_at


def _opus(destination: Path, seconds: int) -> Path:
    """Encode noise, at 6 kb/s."""
    import av

    minute = np.random.default_rng(0).normal(0, 0.1, (1, 48_000 * 60)).astype(np.float32)
    with av.open(str(destination), "w") as container:
        stream = container.add_stream("libopus", rate=48_000, layout="mono")
        stream.bit_rate = 6_000
        for _ in range(seconds // 60):
            frame = av.AudioFrame.from_ndarray(minute, format="flt", layout="mono")
            frame.sample_rate = 48_000
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return destination


def _joined(clips: Sequence[Clip], destination: Path, seconds: float) -> Path:
    """Join clips until there is so much sound, and cut there."""
    parts: list[np.ndarray] = []
    rate = 16_000
    for clip in cycle(clips):
        samples, found = soundfile.read(clip.path, dtype="float32", always_2d=True)
        at = np.arange(0, len(samples), found / rate)
        parts.append(np.interp(at, np.arange(len(samples)), samples[:, 0]))
        if sum(map(len, parts)) >= seconds * rate:
            break
    soundfile.write(destination, np.concatenate(parts)[: int(seconds * rate)], rate)
    return destination


def _folder(model: str) -> Path:
    from whisper_cli.download.fetch import ensure
    from whisper_cli.models.catalog import resolve

    return ensure(resolve(model))


CASES: dict[str, Callable[[argparse.Namespace, Sequence[Clip], Path], None]] = {
    "throughput": throughput,
    "latency": latency,
    "behind": behind,
    "cancel": cancel,
    "unload": unload,
    "endless": endless,
}

if __name__ == "__main__":
    main()
