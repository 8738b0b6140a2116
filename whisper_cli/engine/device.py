"""Where and how a model runs on this machine: device, compute type, workers, threads."""

import json
import logging
import os
from dataclasses import dataclass, replace
from pathlib import Path

from whisper_cli import files
from whisper_cli.choices import ComputeType, Device
from whisper_cli.errors import ConfigError

MAX_WORKERS = 16  # each holds the state of a batch
CPU_BATCH = 8  # windows of 8 s, see `Pool`


@dataclass(frozen=True, slots=True)
class ResolvedDevice:
    """Where and how the model runs, with nothing left to "auto".

    `workers` batches are decoded at once, by `threads` CPU threads each (on GPUs: one worker a
    GPU); `batch` windows are decoded together. `fallback` says that a GPU was not insisted on.
    """

    device: Device
    compute_type: ComputeType
    workers: int
    threads: int
    batch: int
    fallback: bool = False

    def for_one(self) -> "ResolvedDevice":
        """Give all threads, or the first GPU, to one worker."""
        threads = self.threads if self.device is Device.cuda else self.workers * self.threads
        return replace(self, workers=1, threads=threads)


@dataclass(frozen=True, slots=True)
class DeviceRequest:
    """What a person asked of the machine; 0 leaves it to us."""

    device: Device = Device.auto
    compute_type: ComputeType = ComputeType.auto
    workers: int = 0
    threads: int = 0
    batch: int = 0


def resolve_device(device_request: DeviceRequest) -> ResolvedDevice:
    """Settle what "auto" and 0 mean here: a GPU where CTranslate2 sees one, else the CPU.

    A worker with a thread of its own, for each core, does twice the work of one worker with all
    threads (`whisper-cli bench --tune` measures it). Raises ConfigError for a GPU that isn't here.
    """
    from ctranslate2 import get_cuda_device_count

    gpus = get_cuda_device_count()
    if device_request.device is Device.cuda and not gpus:
        raise ConfigError("no CUDA device is visible here", hint="--device cpu, or auto")
    device = device_request.device
    if device is Device.auto:
        device = Device.cuda if gpus else Device.cpu
    kind = device_request.compute_type
    if kind is ComputeType.auto:
        kind = ComputeType.float16 if device is Device.cuda else ComputeType.int8
    threads = device_request.threads or cores()
    if device is Device.cuda:
        return ResolvedDevice(
            device,
            kind,
            min(device_request.workers or gpus, gpus),
            threads,
            device_request.batch or batch_for(free_gpu_memory()),
            fallback=device_request.device is Device.auto,
        )
    return on_cpu(threads, kind, device_request.workers, device_request.batch)


def on_cpu(
    threads: int, kind: ComputeType = ComputeType.int8, workers: int = 0, batch: int = 0
) -> ResolvedDevice:
    """Give each worker a thread of its own, unless there are too many threads."""
    workers = workers or min(threads, MAX_WORKERS)
    return ResolvedDevice(Device.cpu, kind, workers, max(1, threads // workers), batch or CPU_BATCH)


def cores() -> int:
    """Count the cores that this process may use.

    Two hyper-threads are one core; a container's CPU quota (cgroup v2, then v1) and the affinity
    are obeyed.
    """
    allowed = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else None
    count = len(allowed) if allowed is not None else os.cpu_count() or 1
    if allowed is not None:
        count = _physical(allowed) or count
    quota = _quota(Path("/sys/fs/cgroup"), _groups())
    return max(1, min(count, quota) if quota else count)


def _physical(allowed: set[int]) -> int:
    """Count the cores behind logical processors by what Linux tells of each; 0 if it doesn't."""
    siblings = set()
    for number in allowed:
        path = Path(f"/sys/devices/system/cpu/cpu{number}/topology/thread_siblings_list")
        try:
            siblings.add(path.read_text(encoding="ascii").strip())
        except OSError:
            return 0
    return len(siblings)


def _quota(root: Path, text: str = "") -> int:
    """Read the CPU quota of a container or a service, rounded up; 0 where there is none.

    `text` is what /proc/self/cgroup says; the groups around one limit it, too.
    """
    limits = [_limit(root), _limit(root / "cpu")]
    for line in text.splitlines():
        _, kinds, path = line.split(":", 2)
        if not kinds or "cpu" in kinds.split(","):
            top = root / "cpu" if kinds else root
            group = top / path.strip("/")
            limits += [_limit(item) for item in (group, *group.parents) if item.is_relative_to(top)]
    return min(filter(None, limits), default=0)


def _limit(group: Path) -> int:
    """Read what one group of cgroup v2, else v1, limits its processors to."""
    try:
        words = (group / "cpu.max").read_text(encoding="ascii").split()
    except OSError:
        names = ("cpu.cfs_quota_us", "cpu.cfs_period_us")
        try:
            words = [(group / name).read_text(encoding="ascii").strip() for name in names]
        except OSError:
            return 0
    try:
        quota, length = float(words[0]), float(words[1])
    except (ValueError, IndexError):
        return 0
    return max(1, -int(-quota // length)) if quota > 0 and length > 0 else 0


def _groups() -> str:
    try:
        return Path("/proc/self/cgroup").read_text(encoding="utf-8", errors="surrogateescape")
    except OSError:
        return ""


def free_gpu_memory() -> int:
    """Ask for the free memory of the fullest visible GPU, in MiB; 0 where nobody tells."""
    import subprocess

    command = ["nvidia-smi", "--query-gpu=memory.free", "--format=csv,noheader,nounits"]
    try:
        output = subprocess.run(command, capture_output=True, text=True, timeout=10, check=True)
        return min(int(line) for line in output.stdout.split("\n") if line.strip())
    except (OSError, ValueError, subprocess.SubprocessError):
        return 0


def batch_for(free: int) -> int:
    """Choose how many windows to decode at once in `free` MiB; 0 where that isn't known.

    A window of the largest model with five beams is taken for 300; a batch that is too large all
    the same is halved while decoding.
    """
    return max(4, min(64, free // 300)) if free else 16


logger = logging.getLogger("whisper_cli")


def thread_settings() -> "ThreadSettings":
    """Open what is remembered of this machine."""
    from whisper_cli.paths import state_dir

    return ThreadSettings(state_dir() / "tuning.json")


def splits(threads: int) -> list[int]:
    """List the counts of workers worth measuring: those that share `threads` evenly."""
    return [count for count in range(1, min(threads, MAX_WORKERS) + 1) if threads % count == 0]


class ThreadSettings:
    """A small JSON file: model, arithmetic and threads (all, on a CPU) -> workers."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def workers(self, model: str, kind: ComputeType, threads: int) -> int:
        """Give what was measured to do best; 0 where nothing was."""
        found = self._load().get(_key(model, kind, threads), 0)
        return found if isinstance(found, int) and 0 < found <= threads else 0

    def save(self, model: str, kind: ComputeType, threads: int, workers: int) -> None:
        """Note what did best. Raises OSError where it can't be written."""
        known = self._load() | {_key(model, kind, threads): workers}
        self._file.parent.mkdir(parents=True, exist_ok=True)
        files.write_text(self._file, json.dumps(known, indent=2))

    def _load(self) -> dict[str, object]:
        try:
            known = json.loads(self._file.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}
        except (OSError, ValueError) as error:
            logger.warning("can't read %s: %s", self._file, error)
            return {}
        return known if isinstance(known, dict) else {}


def _key(model: str, kind: ComputeType, threads: int) -> str:
    return f"{model} {kind} {threads}"
