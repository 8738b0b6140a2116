"""Measured rows kept as JSON, with what is needed to read them later: date, commit, machine."""

import json
import os
import platform
import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

FOLDER = Path(__file__).parent / "results"


def keep(case: str, model: str, rows: Sequence[dict[str, object]], **facts: object) -> None:
    """Write the rows of a case and a model to `results/CASE.json`, in place of older ones."""
    path = FOLDER / f"{case}.json"
    known = json.loads(path.read_text("utf-8")) if path.exists() else {}
    known[model] = {**_circumstances(), **facts, "rows": list(rows)}
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(known, indent=2, ensure_ascii=False) + "\n", "utf-8")


def _circumstances() -> dict[str, object]:
    git = ["git", "-C", str(FOLDER.parent), "rev-parse", "--short", "HEAD"]
    commit = subprocess.run(git, check=False, capture_output=True, text=True).stdout.strip()
    module = f"python -m benchmarks.{Path(sys.argv[0]).stem}"
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "commit": commit,
        "command": " ".join((module, *sys.argv[1:])),
        "python": platform.python_version(),
        "processor": _processor(),
        "cores": os.cpu_count(),
        "vnni": any(flag in _cpuinfo() for flag in ("avx512_vnni", "avx_vnni")),
        "forced_isa": os.environ.get("CT2_FORCE_CPU_ISA"),
    }


def _processor() -> str:
    names = [line for line in _cpuinfo().splitlines() if line.startswith("model name")]
    return names[0].partition(":")[2].strip() if names else platform.processor()


def _cpuinfo() -> str:
    try:
        return Path("/proc/cpuinfo").read_text("utf-8")
    except OSError:
        return ""
