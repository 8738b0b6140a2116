"""How much memory the engine keeps of what its windows took."""

import ctypes
import os
import sys
from contextlib import suppress

ARENA_MAX = -8  # M_ARENA_MAX of glibc's malloc.h
WORKERS_AN_ARENA = 8


def share_heap(workers: int) -> None:
    """Let threads that are started from now on share a heap; call it before a model is loaded.

    glibc gives each thread one of its own, where what a window took stays as holes: that was
    a sixth of all memory, and no time was saved by it. MKL keeps what CTranslate2 frees.
    """
    os.environ.setdefault("MKL_DISABLE_FAST_MM", "1")
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):  # another C library
            ctypes.CDLL(None).mallopt(ARENA_MAX, max(1, workers // WORKERS_AN_ARENA))


def give_back() -> None:
    """Give what is free in the heap back to the system: worth it before much is taken at once."""
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):
            ctypes.CDLL(None).malloc_trim(0)
