"""What becomes of memory that is freed."""

from __future__ import annotations

import ctypes
import os
import sys

_TRIM_THRESHOLD, _MMAP_THRESHOLD, _ARENA_MAX = -1, -3, -8  # of glibc's malloc.h
_KEPT = 256 * 2**20
_LARGEST = 32 * 2**20  # that glibc accepts
_ARENAS = 1  # what a thread has for itself goes back whole whenever it is empty, and cannot be used by the next one
_SET_BY_USER = ("GLIBC_TUNABLES", "LD_PRELOAD", "MALLOC_MMAP_THRESHOLD_", "MALLOC_TRIM_THRESHOLD_", "MALLOC_ARENA_MAX")


def keep_freed_memory() -> None:
    """Lets this process keep what it frees for what it asks for next, as far as Linux's glibc goes.

    glibc gives the memory of a network's layers back to the system and has it anew for the next picture, page by page
    and filled with zeros (docs/performance.md). Best called before any thread begins, an encoder's too: what those have
    for themselves stays, and is given to threads that come later. Whoever has set that up by variables of their own is
    left alone.
    """
    if sys.platform != "linux" or any(name in os.environ for name in _SET_BY_USER):
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # musl has none
    if mallopt is not None:
        for what, size in ((_MMAP_THRESHOLD, _LARGEST), (_TRIM_THRESHOLD, _KEPT), (_ARENA_MAX, _ARENAS)):
            mallopt(what, size)
