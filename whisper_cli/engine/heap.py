"""How much memory the threads of the engine keep."""

import ctypes
import sys
from contextlib import suppress

ARENA_MAX = -8  # M_ARENA_MAX of glibc's malloc.h
WORKERS_AN_ARENA = 8


def share_heap(workers: int) -> None:
    """Let threads that are started from now on share a heap.

    glibc gives each thread one of its own, where what a window took stays as holes: that was
    a sixth of all memory, and no time was saved by it.
    """
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):  # another C library
            ctypes.CDLL(None).mallopt(ARENA_MAX, max(1, workers // WORKERS_AN_ARENA))
