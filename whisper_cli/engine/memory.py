"""How much memory the engine keeps of what its windows took."""

import ctypes
import os
import sys
from contextlib import suppress

TRIM_THRESHOLD, MMAP_THRESHOLD, ARENA_MAX = -1, -3, -8  # of glibc's malloc.h
WORKERS_AN_ARENA = 8
LARGE = 12 << 20  # bytes: the attention of a window of 17 s and more (tiny)
KEPT = 64 << 20  # bytes at the end of the heap that are kept for what comes next


def limit_memory(workers: int) -> None:
    """Let threads that are started from now on share a heap; call it before a model is loaded.

    glibc gives each thread one of its own, where what a window took stays as holes: that was
    a sixth of all memory, and no time was saved by it. Large arrays are kept out of it: among
    the others they leave holes too small for the next one, and it grew for hours; new pages for
    each cost 3 % of the time. MKL would keep what CTranslate2 frees.
    """
    os.environ.setdefault("MKL_DISABLE_FAST_MM", "1")
    _malloc("mallopt", ARENA_MAX, max(1, workers // WORKERS_AN_ARENA))
    _malloc("mallopt", MMAP_THRESHOLD, LARGE)
    _malloc("mallopt", TRIM_THRESHOLD, KEPT)


def release_memory() -> None:
    """Give what is free in the heap back to the system: worth it before much is taken at once."""
    _malloc("malloc_trim", 0)


def _malloc(function: str, *values: int) -> None:
    """Call a function of glibc's malloc.h; other C libraries lack it."""
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):
            getattr(ctypes.CDLL(None), function)(*values)
