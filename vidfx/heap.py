"""What becomes of memory that is freed."""

from __future__ import annotations

import ctypes
import os
import sys

_TRIM_THRESHOLD, _TOP_PAD, _MMAP_THRESHOLD = -1, -2, -3  # of glibc's malloc.h
_KEPT = 256 * 2**20
_HEAP = 64 * 2**20  # of a thread; one that holds nothing goes back whole unless so much is asked for beyond need
_LARGEST = 32 * 2**20  # that glibc accepts
_SET_BY_USER = ("GLIBC_TUNABLES", "LD_PRELOAD", "MALLOC_MMAP_THRESHOLD_", "MALLOC_TRIM_THRESHOLD_", "MALLOC_TOP_PAD_")


def keep_freed_memory() -> None:
    """Lets this process keep what it frees for what it asks for next, as far as Linux's glibc goes.

    glibc gives the memory of a network's layers back to the system and has it anew for the next picture, page by page
    and filled with zeros (docs/performance.md). Whoever has set that up by variables of their own is left alone.
    """
    if sys.platform != "linux" or any(name in os.environ for name in _SET_BY_USER):
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # musl has none
    if mallopt is not None:
        for what, size in ((_MMAP_THRESHOLD, _LARGEST), (_TRIM_THRESHOLD, _KEPT), (_TOP_PAD, _HEAP)):
            mallopt(what, size)
