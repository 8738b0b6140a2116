"""The program in the child process: one library call, made as the order on stdin says.

It knows nothing of the rest of the package, so that it stays small.
"""

import ctypes
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

_PR_SET_PDEATHSIG = 1


def die_with_parent(parent: int) -> None:
    """Ask the kernel for a SIGKILL when the parent ends; elsewhere a closed pipe ends us."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if hasattr(signal, "SIGPIPE"):
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    if os.getppid() != parent:
        sys.exit(1)


def hf_transfer(order: dict[str, Any]) -> None:
    """Pull by hf_transfer; the callback's only use is to find the pipe closed."""
    import hf_transfer as library

    library.download(**order, callback=lambda _: os.write(1, b"."))  # type: ignore[attr-defined]


def xet(order: dict[str, Any]) -> None:
    """Pull by huggingface_hub, which takes Xet where the file is kept there."""
    os.environ["HF_HUB_DISABLE_PROGRESS_BARS"] = "1"
    import huggingface_hub

    target = Path(order.pop("target"))
    Path(huggingface_hub.hf_hub_download(**order)).replace(target)


if __name__ == "__main__":
    order = json.load(sys.stdin)
    die_with_parent(order.pop("parent"))
    {"hf_transfer": hf_transfer, "xet": xet}[order.pop("library")](order)
